import type { GraphNode, Value } from '../graph';
import { describeNode } from '../graph';
import type { Variable } from '../variable';
import type { Program } from './collect';

/**
 * What makes two programs run the same plan: operations, attributes, shapes and wiring, and which Variables are the
 * same. Not: values, names, which model it is. Equal keys, equal plan; compared word by word, the hash only finds it.
 */
export interface PlanKey {
  readonly hash: number;
  readonly words: Int32Array;
}

export function planKey(program: Program): PlanKey {
  const { nodes, variables, outputs, assigned } = program;
  const position = new Map<GraphNode, number>();
  const slot = new Map<Variable, number>();
  for (let i = 0; i < variables.length; i++) slot.set(variables[i]!, i);
  const words: number[] = [nodes.length, variables.length, outputs.length];
  const refer = (value: Value): void => {
    words.push(position.get(value.node)!, value.index);
  };
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i]!;
    position.set(node, i);
    words.push(node.signature);
    const leaf = node.leaf;
    if (leaf !== undefined) {
      words.push(leaf.kind === 'variable' ? slot.get(leaf.variable)! : -1);
    } else {
      words.push(node.inputs.length);
      if (node.op === 'literal') words.push(...bitsOf(node.attributes['value'] as number));
      for (const input of node.inputs) refer(input);
    }
  }
  for (const output of outputs) refer(output);
  for (const [variable, value] of assigned) {
    words.push(slot.get(variable)!);
    refer(value);
  }
  const packed = Int32Array.from(words);
  let hash = 0x811c9dc5;
  for (let i = 0; i < packed.length; i++) hash = Math.imul(hash ^ packed[i]!, 0x01000193);
  return { hash, words: packed };
}

const double = new Float64Array(1);
const halves = new Int32Array(double.buffer);

/** The two words of a double: −0 and 0 differ, NaN equals itself. */
function bitsOf(value: number): Int32Array {
  double[0] = value;
  return halves;
}

export function sameKey(a: PlanKey, b: PlanKey): boolean {
  if (a.hash !== b.hash || a.words.length !== b.words.length) return false;
  for (let i = 0; i < a.words.length; i++) if (a.words[i] !== b.words[i]) return false;
  return true;
}

/** Names the first node in which two programs differ, for warnings. */
export function firstDifference(before: readonly string[], after: readonly string[]): string {
  for (let i = 0; i < Math.max(before.length, after.length); i++) {
    if (before[i] !== after[i]) return `${after[i] ?? 'the end'} instead of ${before[i] ?? 'the end'}`;
  }
  return 'the wiring of its operations';
}

/** One line per node, with attributes; what `firstDifference` compares. */
export function describeProgram(program: Program): string[] {
  return program.nodes.map((node) => {
    const attributes = Object.entries(node.attributes).map(([name, value]) => `${name}=${String(value)}`);
    return `${describeNode(node)}${attributes.length === 0 ? '' : ` {${attributes.join(', ')}}`}`;
  });
}
