import type { GraphNode, Value } from '../graph';
import type { Expanded } from './expand';

/**
 * Computes equal things once: a node that does the same as an earlier one, with the same inputs, is replaced by it.
 * A barrier keeps what is behind it apart: there, computing again is the purpose.
 */
export function shareEqual({ nodes, constants, origins, resolve }: Expanded): Expanded {
  const positions = new Map<GraphNode, number>();
  const known = new Map<string, GraphNode>();
  const same = new Map<GraphNode, GraphNode>();
  const resolveShared = (value: Value): Value => {
    const at = resolve(value);
    const node = same.get(at.node);
    return node === undefined ? at : node.outputs[at.index]!;
  };
  const distinct = nodes.filter((node) => {
    positions.set(node, positions.size);
    if (node.leaf !== undefined || node.op === 'barrier') return true;
    const inputs = node.inputs.map((input) => {
      const value = resolveShared(input);
      return `${positions.get(value.node)!}.${value.index}`;
    });
    const literal = node.op === 'literal' ? literalText(node.attributes['value'] as number) : '';
    const key = `${node.signature} ${literal} ${inputs.join(' ')}`;
    const first = known.get(key);
    if (first === undefined) {
      known.set(key, node);
      return true;
    }
    same.set(node, first);
    return false;
  });
  return { nodes: distinct, constants, origins, resolve: resolveShared };
}

/** −0 and 0 are two. */
const literalText = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));
