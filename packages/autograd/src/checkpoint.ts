import { barrier, internals, type Tensor, withPath } from '@qkv/tensor';

import { hideBehind } from './custom-gradient';
import { type NodeBackward, pullback, tensorOf, valueOf } from './pullback';
import { flattenTensors, type Structure } from './tree';

type Value = internals.Value;
type GraphNode = internals.GraphNode;

/**
 * Recomputation: `checkpoint(fn)(…)` has the values and gradients of `fn(…)`, but the backward pass computes what `fn` made
 * between its inputs and outputs once more instead of keeping it, which costs one more forward pass of `fn` and saves the
 * memory (Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost).
 *
 * `fn` is called once. What it recorded is repeated node by node, so dropout draws the same mask, and a Variable that
 * changes later in the trace is still the one that the forward pass saw. Parameters that `fn` captures get their gradients.
 */
export function checkpoint<A extends readonly unknown[], O extends Structure<Tensor>>(
  fn: (...args: A) => O,
): (...args: A) => O {
  return (...args) => {
    const firstId = internals.state.nextNodeId;
    const made = flattenTensors(fn(...args), 'checkpoint: outputs');
    const recording = record(made.leaves.map(valueOf), firstId);

    const backward: NodeBackward = ({ inputs, cotangents, needs }) => {
      const flowing = cotangents.filter((cotangent) => cotangent !== null);
      // Waiting for the cotangents keeps the repetition from being merged with the forward pass, or run beside it.
      const fresh = inputs.map((input) => barrier(input, flowing));
      const outputs = repeat(recording, fresh);
      const targets = fresh.filter((_, i) => needs[i]);
      const found = pullback(outputs, cotangents, targets, true);
      return fresh.map((input, i) => (needs[i] ? found[targets.indexOf(input)] : null));
    };
    return made.rebuild(hideBehind(made.leaves, recording.sources.map(tensorOf), backward));
  };
}

interface Recording {
  readonly outputs: readonly Value[];
  /** In topological order, each with the outputs that it had then: a value that is read leaves its node. */
  readonly nodes: readonly { readonly node: GraphNode; readonly made: readonly Value[] }[];
  /** What the nodes take from outside: arguments, captured tensors, Variables, the generator's state. */
  readonly sources: readonly Value[];
}

/** The part of the outputs' graph that was made since node `firstId`. */
function record(outputs: readonly Value[], firstId: number): Recording {
  const nodes = new Set<GraphNode>();
  const sources = new Set<Value>();
  const stack: GraphNode[] = [];
  const visit = (value: Value): void => {
    const { node } = value;
    // Leaves and `iota` have no inputs that could be made to wait: they wait themselves.
    const outside = node.id < firstId || (node.inputs.length === 0 && node.op !== 'literal');
    if (outside) sources.add(value);
    else if (!nodes.has(node)) {
      nodes.add(node);
      stack.push(node);
    }
  };
  outputs.forEach(visit);
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) node.inputs.forEach(visit);
  const sorted = [...nodes].sort((a, b) => a.id - b.id);
  return { outputs, nodes: sorted.map((node) => ({ node, made: [...node.outputs] })), sources: [...sources] };
}

/** The recorded outputs, computed again from other sources. */
function repeat({ outputs, nodes, sources }: Recording, from: readonly Tensor[]): readonly Tensor[] {
  const copies = new Map<Value, Value>(sources.map((source, i) => [source, valueOf(from[i])]));
  const copyOf = (value: Value): Value => copies.get(value) ?? value;
  for (const { node, made } of nodes) {
    if (node.inputs.length === 0) continue; // literals
    withPath(node.path, () => {
      const copy = internals.applyNode(node.op, node.inputs.map(copyOf), node.attributes, node.closure);
      made.forEach((output, i) => copies.set(output, copy.outputs[i]));
    });
  }
  return outputs.map((output) => tensorOf(copyOf(output)));
}
