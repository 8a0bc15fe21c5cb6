import { barrier, internals, isVariable, type Tensor, type Variable, zeros } from '@qkv/tensor';

import { pullback, tensorOf, valueOf } from './pullback';
import { type Differentiable, flatten, flattenTensors, type Structure, type TensorsLike } from './tree';

export interface GradOptions {
  /**
   * What to do about something that the output does not depend on: an error that names it (the default: nearly always a
   * parameter that was forgotten in the model), or a gradient of zeros. (torch's `allow_unused` gives None instead.)
   */
  readonly unused?: 'error' | 'zero';
}

/**
 * The gradient of a scalar: ∂output/∂w for each w in `wrt`, in the structure of `wrt`, as new nodes of the same graph.
 * Nothing is computed yet, and gradients can be differentiated again. A Variable means its latest value in the current trace.
 *
 * Where a function has a kink, the choices are those of torch: equal operands of `maximum` and `minimum` share equally, a
 * number beside a tensor takes all (so ReLU has gradient 0 at 0), `abs` has 0 at 0; `max` and `min` over axes share among equals.
 *
 * Throws if the output is not a float32 scalar, if something in `wrt` is not float32, was read to the host or assigned
 * after the output was made, or (see `unused`) does not matter to the output.
 *
 * Reverse mode: Griewank & Walther, Evaluating Derivatives (2008), ch. 3.
 */
export function grad<const W extends Structure<Differentiable>>(
  output: Tensor,
  wrt: W,
  options: GradOptions = {},
): TensorsLike<W> {
  checkOutput(output);
  const { leaves, places, rebuild } = flatten(wrt, 'grad: wrt');
  const names = leaves.map((leaf, i) => nameOf(leaf, places[i]));
  leaves.forEach((leaf, i) => {
    if (leaf.dtype !== 'float32') {
      throw new TypeError(`grad: ${names[i]} is ${leaf.dtype}; integers and booleans have no gradient`);
    }
  });

  const sources = sourcesOf(leaves, names, output);
  const one = tensorOf(internals.literal(1, 'float32'));
  const found = pullback([output], [one], sources.flat());
  let next = 0;
  const gradients = sources.map((tensors, i) => {
    const parts = tensors.map(() => found[next++]).filter((part) => part !== null);
    if (parts.length > 0) return parts.reduce((total, part) => total.add(part));
    return unusedGradient(leaves[i], names[i], output, options);
  });
  return rebuild(gradients);
}

/**
 * `grad` together with the value: `output` is a scalar, or a function that makes it and is called with `wrt`.
 * Errors: see `grad`.
 */
export function valueAndGrad<const W extends Structure<Differentiable>>(
  output: Tensor | ((wrt: W) => Tensor),
  wrt: W,
  options: GradOptions = {},
): { readonly value: Tensor; readonly gradient: TensorsLike<W> } {
  const value = typeof output === 'function' ? output(wrt) : output;
  return { value, gradient: grad(value, wrt, options) };
}

/**
 * Vector–Jacobian product: `outputs = fn(...inputs)`, and a function that takes cotangents v in the structure of the outputs
 * to vᵀ ∂fn/∂input for each input. Inputs count as independent, even where one was made from another; an input that the
 * outputs do not depend on has a zero gradient. The pullback may be called more than once.
 *
 * Throws if inputs are not float32, or cotangents do not have the shapes of the outputs.
 */
export function vjp<const I extends readonly Tensor[], O extends Structure<Tensor>>(
  fn: (...inputs: I) => O,
  inputs: I,
): { readonly outputs: O; readonly pullback: (cotangents: TensorsLike<O>) => TensorsLike<I> } {
  inputs.forEach((input, i) => {
    if (input.dtype !== 'float32') {
      throw new TypeError(
        `vjp: input ${i} is ${input.dtype}; integers and booleans have no gradient: let fn capture them`,
      );
    }
  });
  // Names of their own, so that passing one tensor twice still gives two partial gradients.
  const own = inputs.map((input) => barrier(input, []));
  const results = flattenTensors(fn(...(own as unknown as I)), 'vjp: outputs');
  return {
    // And for the outputs, so that reading them does not end the graph that the pullback needs.
    outputs: results.rebuild(results.leaves.map((output) => barrier(output, []))),
    pullback: (cotangents) => {
      const given = flattenTensors(cotangents, 'vjp: cotangents').leaves;
      checkCotangents(given, results.leaves);
      const found = pullback(results.leaves, given, own, true);
      return found.map((gradient, i) => gradient ?? zeros(inputs[i].shape)) as unknown as TensorsLike<I>;
    },
  };
}

const describe = (tensor: Differentiable): string => `${tensor.dtype} [${tensor.shape.join(', ')}]`;

function checkOutput(output: Tensor): void {
  if (output.dtype !== 'float32') {
    throw new TypeError(`grad: the output is ${describe(output)}; integers and booleans have no gradient`);
  }
  if (output.rank !== 0) {
    throw new TypeError(
      `grad: expected a scalar output, got ${describe(output)}; reduce it first, for example with .sum() or .mean()`,
    );
  }
}

function checkCotangents(given: readonly Tensor[], outputs: readonly Tensor[]): void {
  if (given.length !== outputs.length) {
    throw new TypeError(`vjp: expected ${outputs.length} cotangents, one for each output, got ${given.length}`);
  }
  given.forEach((cotangent, i) => {
    if (cotangent.dtype !== 'float32' || cotangent.shape.join() !== outputs[i].shape.join()) {
      throw new TypeError(`vjp: cotangent ${i} is ${describe(cotangent)}, the output ${describe(outputs[i])}`);
    }
  });
}

function nameOf(leaf: Differentiable, place: string): string {
  return isVariable(leaf) && leaf.name !== '' ? `'${leaf.name}'` : `wrt${place}`;
}

/** The tensors of the output's graph that stand for each leaf: a tensor itself, or the reads of a Variable. */
function sourcesOf(leaves: readonly Differentiable[], names: readonly string[], output: Tensor): Tensor[][] {
  const { trace } = internals.state;
  let reads: Map<Variable, internals.Value[]> | null = null;
  return leaves.map((leaf, i) => {
    if (!isVariable(leaf)) return [leaf];
    // In a trace there is one latest value; looked up rather than read, for a read makes it part of the trace.
    if (trace !== null) {
      const latest = trace.variables.get(leaf);
      return latest === undefined ? [] : [tensorOf(latest)];
    }
    // Outside, every read made a leaf of its own.
    reads ??= variableReads(output);
    const found = reads.get(leaf) ?? [];
    if (found.some((read) => read.node.leaf?.kind === 'variable' && read.node.leaf.version !== leaf.version)) {
      throw new Error(`grad: ${names[i]} was assigned after the output was made from it; make the output again`);
    }
    return found.map(tensorOf);
  });
}

function variableReads(output: Tensor): Map<Variable, internals.Value[]> {
  const reads = new Map<Variable, internals.Value[]>();
  for (const { leaf, outputs } of internals.reachable([valueOf(output)])) {
    if (leaf?.kind !== 'variable') continue;
    const known = reads.get(leaf.variable);
    if (known === undefined) reads.set(leaf.variable, [...outputs]);
    else known.push(...outputs);
  }
  return reads;
}

function unusedGradient(leaf: Differentiable, name: string, output: Tensor, options: GradOptions): Tensor {
  if (isVariable(leaf) && internals.state.trace?.assigned.has(leaf) && variableReads(output).has(leaf)) {
    throw new Error(`grad: ${name} was assigned after the output was made from it; take the gradient before assigning`);
  }
  if (options.unused === 'zero') return zeros(leaf.shape);
  throw new Error(
    `grad: the output does not depend on ${name}, ${describe(leaf)}, in a way that has a gradient ` +
      '(values that were read to the host, stopGradient, the inside of checkpoint, integers and comparisons end a path); ' +
      "{ unused: 'zero' } gives zeros instead",
  );
}
