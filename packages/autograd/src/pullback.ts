import { internals, type Tensor, withPath } from '@qkv/tensor';

import { CUSTOM_GRADIENT, notDifferentiable, rules, sumTo } from './rules';

type Value = internals.Value;
type GraphNode = internals.GraphNode;

/** The closure of a `customGradient` node: cotangents of its operands from those of its outputs. */
export type NodeBackward = (context: {
  /** The operands behind the given values. */
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** null where nothing flows. */
  readonly cotangents: readonly (Tensor | null)[];
  /** Which operands lie on a path from what is differentiated with respect to. */
  readonly needs: readonly boolean[];
}) => readonly (Tensor | null)[];

export const valueOf = (tensor: Tensor): Value => tensor as unknown as Value;
export const tensorOf = (value: Value): Tensor => internals.asTensor(value);
const tensorsOf = (values: readonly Value[]): readonly Tensor[] => values as unknown as readonly Tensor[];

/**
 * Reverse mode: the cotangents of `targets` from those of `outputs`, as new nodes of the same graph; null where none
 * arrives. Only nodes between targets and outputs get a gradient. With `cut`, what lies behind a target is not looked
 * at: targets count as independent, even where one was made from another.
 */
export function pullback(
  outputs: readonly Tensor[],
  cotangents: readonly (Tensor | null)[],
  targets: readonly Tensor[],
  cut = false,
): (Tensor | null)[] {
  const wanted = new Set(targets.map(valueOf));
  const { active, nodes } = between(wanted, collect(outputs.map(valueOf), cut ? wanted : null));
  const arrived = new Map<Value, Tensor>();
  const give = (value: Value, cotangent: Tensor): void => {
    const before = arrived.get(value);
    arrived.set(value, before === undefined ? cotangent : before.add(cotangent));
  };

  outputs.forEach((output, i) => {
    const cotangent = cotangents[i] ?? null;
    if (cotangent !== null && active.has(valueOf(output))) give(valueOf(output), cotangent);
  });
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (!node.outputs.some((output) => arrived.has(output))) continue;
    const flowing = node.outputs.map((output) => arrived.get(output) ?? null);
    const needs = node.inputs.map((input) => active.has(input));
    // Under the module's path: reports about a gradient name the layer it belongs to.
    const given = withPath(node.path, () => backwardOf(node, flowing, needs));
    given.forEach((cotangent, k) => {
      if (cotangent !== null && needs[k]) give(node.inputs[k], cotangent);
    });
  }
  return targets.map((target) => arrived.get(valueOf(target)) ?? null);
}

/** What a gradient may go on to: not into what cannot have one, nor into a function that has one of its own. */
function operandsOf(node: GraphNode): readonly Value[] {
  if (notDifferentiable.has(node.op)) return [];
  return node.op === CUSTOM_GRADIENT ? node.inputs.slice(node.outputs.length) : node.inputs;
}

/** Every node that a gradient could go through, in topological order; nothing behind the values in `stop`. */
function collect(roots: readonly Value[], stop: ReadonlySet<Value> | null): readonly GraphNode[] {
  const seen = new Set<GraphNode>();
  const stack: GraphNode[] = [];
  const visit = (value: Value): void => {
    if (seen.has(value.node) || stop?.has(value)) return;
    seen.add(value.node);
    stack.push(value.node);
  };
  roots.forEach(visit);
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) operandsOf(node).forEach(visit);
  return [...seen].sort((a, b) => a.id - b.id);
}

/** The values that depend on the targets in a way that carries a gradient, and the nodes that the gradient goes through. */
function between(
  targets: ReadonlySet<Value>,
  reached: readonly GraphNode[],
): { readonly active: ReadonlySet<Value>; readonly nodes: readonly GraphNode[] } {
  let earliest = Infinity;
  for (const target of targets) earliest = Math.min(earliest, target.node.id);
  const active = new Set(targets);
  const nodes: GraphNode[] = [];
  for (const node of reached) {
    let depends = false;
    for (const input of operandsOf(node)) {
      if (input.node.detachedAt !== undefined) checkWhole(node, input, earliest);
      if (active.has(input)) depends = true;
    }
    if (!depends) continue;
    nodes.push(node);
    for (const output of node.outputs) if (output.dtype === 'float32') active.add(output);
  }
  return { active, nodes };
}

/**
 * A value that was read to the host has lost the graph behind it. Where something was built on that graph before, a
 * gradient would leave out the paths through it without a word; so it throws, unless no target is older than the value.
 */
function checkWhole(node: GraphNode, input: Value, earliest: number): void {
  const { detachedAt = 0, id } = input.node;
  if (detachedAt < node.id || input.dtype !== 'float32' || id <= earliest) return;
  throw new Error(
    `grad: an operand of ${internals.describeNode(node)} was read to the host after it was used there, and has no graph any ` +
      'more; take the gradient first and read then, or put stopGradient around what needs no gradient',
  );
}

/** The cotangents of a node's inputs from those of its outputs. */
function backwardOf(
  node: GraphNode,
  cotangents: readonly (Tensor | null)[],
  needs: readonly boolean[],
): readonly (Tensor | null)[] {
  const inputs = tensorsOf(node.inputs);
  const outputs = tensorsOf(node.outputs);
  const { attributes } = node;

  if (node.op === CUSTOM_GRADIENT) {
    // Inputs are the given values, then the operands; the closure knows how to get from one to the other.
    const count = outputs.length;
    const given = (node.closure as NodeBackward)({
      inputs: inputs.slice(count),
      outputs,
      cotangents,
      needs: needs.slice(count),
    });
    return [...outputs.map(() => null), ...checked(node, given, inputs.slice(count))];
  }

  const operation = internals.operationOf(node.op);
  if (operation?.kind === 'composite') {
    const given = operation.backward?.({ inputs, outputs, cotangents, attributes }) ?? null;
    if (given !== null) return checked(node, given, inputs);
    const decomposed = operation.decompose(inputs, attributes);
    const targets = inputs.filter((input, i) => needs[i] && inputs.indexOf(input) === i);
    const found = pullback(decomposed, cotangents, targets, true);
    return inputs.map((input, i) => (inputs.indexOf(input) === i && needs[i] ? found[targets.indexOf(input)] : null));
  }

  const row = rules[node.op];
  if (operation === undefined || row === undefined) {
    throw new TypeError(`grad: there is no gradient rule for ${internals.describeNode(node)}`);
  }
  const dy = cotangents[0] as Tensor;
  return inputs.map((input, i) => {
    const derivative = row[Math.min(i, row.length - 1)];
    if (!needs[i] || derivative === null) return null;
    const dx = derivative(dy, inputs, outputs[0], attributes, i);
    return operation.elementwise ? sumTo(dx, input.shape) : dx;
  });
}

/** What a user's or a composite's backward gave: one cotangent or null for each input, of its shape. */
function checked(
  node: GraphNode,
  given: readonly (Tensor | null)[],
  inputs: readonly Tensor[],
): readonly (Tensor | null)[] {
  const name = internals.describeNode(node);
  if (given.length !== inputs.length) {
    throw new TypeError(`grad: the gradient of ${name} gave ${given.length} cotangents for ${inputs.length} inputs`);
  }
  given.forEach((cotangent, i) => {
    if (cotangent === null || inputs[i].dtype !== 'float32') return;
    const { shape, dtype } = inputs[i];
    if (cotangent.dtype !== dtype || cotangent.shape.join() !== shape.join()) {
      throw new TypeError(
        `grad: the gradient of ${name} gave ${cotangent.dtype} [${cotangent.shape.join(', ')}] for input ${i}, ` +
          `which is ${dtype} [${shape.join(', ')}]`,
      );
    }
  });
  return given;
}
