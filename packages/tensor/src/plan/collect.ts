import type { GraphNode, Value } from '../graph';
import { reachable } from '../graph';
import type { Variable } from '../variable';

/** What one execution is to do: values to give back, and Variables to overwrite. */
export interface Program {
  readonly outputs: readonly Value[];
  readonly assigned: readonly (readonly [Variable, Value])[];
  /** All nodes that are needed, in topological order, leaves just before their first use. Whatever else was traced is dead. */
  readonly nodes: readonly GraphNode[];
  /** Leaves whose values the host brings (arguments, constants), in order of their first use. */
  readonly hostLeaves: readonly GraphNode[];
  /** Variables that are read or overwritten, in order of their first use: slot i+1 of the plan. */
  readonly variables: readonly Variable[];
}

export function collect(outputs: readonly Value[], assigned: readonly (readonly [Variable, Value])[]): Program {
  const roots = [...outputs];
  for (const [, value] of assigned) roots.push(value);
  const nodes: GraphNode[] = [];
  const hostLeaves: GraphNode[] = [];
  const variables = new Set<Variable>();
  const seen = new Set<GraphNode>();
  // Leaves stand where they are first used: when they were made must not matter to the key.
  const take = (node: GraphNode): void => {
    if (node.leaf === undefined || seen.has(node)) return;
    seen.add(node);
    nodes.push(node);
    if (node.leaf.kind === 'variable') variables.add(node.leaf.variable);
    else hostLeaves.push(node);
  };
  for (const node of reachable(roots)) {
    if (node.leaf !== undefined) continue;
    for (const input of node.inputs) take(input.node);
    nodes.push(node);
  }
  for (const root of roots) take(root.node);
  for (const [variable] of assigned) variables.add(variable);
  return { outputs, assigned, nodes, hostLeaves, variables: [...variables] };
}
