import type { StepDescription } from '../backend';
import type { GraphNode, Value } from '../graph';
import { operationOf } from '../operation';
import { openTrace, within, withPath } from '../trace';
import type { Tensor } from '../types';

/** A graph in which every operation is a primitive or a composite that the backend has a kernel for. */
export interface Expanded {
  readonly nodes: readonly GraphNode[];
  /** Host values that decompositions brought along. */
  readonly constants: readonly GraphNode[];
  /** For each node, the position in the traced program of what it came from. */
  readonly origins: ReadonlyMap<GraphNode, number>;
  /** What stands for a value of the traced graph. */
  resolve(value: Value): Value;
}

/** Replaces composites that the backend does not support by their decompositions, in place and order. */
export function expandComposites(
  nodes: readonly GraphNode[],
  roots: readonly Value[],
  supports: (step: StepDescription) => boolean,
): Expanded {
  const out: GraphNode[] = [];
  const origins = new Map<GraphNode, number>();
  const substitutes = new Map<Value, Value>();
  const trace = openTrace('inference', true);
  for (let position = 0; position < nodes.length; position++) {
    const stack = [nodes[position]!];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (origins.has(node)) continue;
      const operation = node.leaf === undefined ? operationOf(node.op) : undefined;
      origins.set(node, position);
      if (operation?.kind !== 'composite' || supports(describeStep(node))) {
        out.push(node);
        continue;
      }
      const { inputs, attributes, path } = node;
      const parts = within(trace, () =>
        withPath(path, () => operation.decompose(inputs as unknown as readonly Tensor[], attributes)),
      ) as unknown as readonly Value[];
      for (let i = 0; i < parts.length; i++) substitutes.set(node.outputs[i]!, parts[i]!);
      // Last first, because the stack gives them back in reverse.
      stack.push(...madeBy(parts, node.op).reverse());
    }
  }
  const resolve = (value: Value): Value => {
    let at = value;
    for (let next = substitutes.get(at); next !== undefined; next = substitutes.get(at)) at = next;
    return at;
  };
  const traced = new Set(nodes);
  const alive = withoutDead(out, roots.map(resolve), resolve);
  const constants = alive.filter((node) => isHost(node) && !traced.has(node));
  return { nodes: alive, constants, origins, resolve };

  function madeBy(values: readonly Value[], op: string): GraphNode[] {
    const seen = new Set<GraphNode>();
    const walk = values.map((value) => value.node);
    for (let node = walk.pop(); node !== undefined; node = walk.pop()) {
      if ((node.trace !== trace && !isHost(node)) || seen.has(node) || origins.has(node)) continue;
      if (node.leaf !== undefined && !isHost(node)) throw new Error(`${op}: a decomposition uses its inputs and constants, nothing else`);
      seen.add(node);
      for (const input of node.inputs) walk.push(input.node);
    }
    return [...seen].sort((a, b) => a.id - b.id);
  }
}

const isHost = (node: GraphNode): boolean => node.leaf?.kind === 'host' || node.leaf?.kind === 'constant';

export function describeStep(node: GraphNode): StepDescription {
  return { kernel: node.op, inputs: node.inputs, outputs: node.outputs, attributes: node.attributes };
}

/** Outputs of a decomposition that nobody reads leave operations behind that need not run. */
function withoutDead(all: readonly GraphNode[], roots: readonly Value[], resolve: (value: Value) => Value): GraphNode[] {
  const used = new Set(roots.map((value) => value.node));
  for (let i = all.length - 1; i >= 0; i--) {
    const node = all[i]!;
    if (used.has(node)) for (const input of node.inputs) used.add(resolve(input).node);
  }
  return all.filter((node) => used.has(node));
}
