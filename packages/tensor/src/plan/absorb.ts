import type { Capabilities, ElementwiseInstruction } from '../backend';
import type { GraphNode, Value } from '../graph';
import { sameShape } from '../shape';
import type { Expanded } from './expand';
import type { Group, Unit } from './fuse';

/**
 * Joins what `fuse` left apart because a value between them is needed elsewhere too: a program goes on from the result of
 * another one, which then has several results; and a matrix product is followed, block by block, by the one program
 * that reads it. Saves reading and writing whole tensors.
 */
export function absorb(
  units: readonly Unit[],
  { nodes, resolve }: Expanded,
  kept: ReadonlySet<Value>,
  { elementwise: limits, epilogues }: Pick<Capabilities, 'elementwise' | 'epilogues'>,
): Unit[] {
  const extended = extend(units, resolve, limits);
  return epilogues ? afterProducts(extended, nodes, resolve, kept) : extended;
}

/** Units between two programs that may be joined: what is made long before it is read would fill memory. */
const NEAR = 8;

/** What makes values, by unit: positions before which everything is there. */
function producers(units: readonly Unit[]): Map<Value, number> {
  const made = new Map<Value, number>();
  units.forEach((unit, at) => {
    if (unit.kind === 'elementwise') for (const value of unit.outputs) made.set(value, at);
    else if (unit.kind === 'node') for (const value of unit.node.outputs) made.set(value, at);
  });
  return made;
}

function extend(units: readonly Unit[], resolve: Expanded['resolve'], limits: Capabilities['elementwise']): Unit[] {
  const made = producers(units);
  const out: (Unit | null)[] = [...units];
  for (let at = 0; at < out.length; at++) {
    const next = out[at];
    if (next?.kind !== 'elementwise') continue;
    // The last producer among its inputs: everything else must be there before that one runs.
    let host = -1;
    for (const input of next.inputs) host = Math.max(host, made.get(resolve(input)) ?? -1);
    const first = host < 0 || at - host > NEAR ? null : out[host];
    if (first?.kind !== 'elementwise' || !sameShape(first.outputs[0]!.shape, next.outputs[0]!.shape)) continue;
    const others = next.inputs.filter((input) => !first.outputs.includes(resolve(input)));
    if (others.some((input) => (made.get(resolve(input)) ?? -1) >= host)) continue;
    const joined = join(first, next, resolve);
    if (joined.inputs.length > limits.maxInputs || joined.program.instructions.length > limits.maxInstructions) continue;
    out[host] = joined;
    out[at] = null;
    for (const value of next.outputs) made.set(value, host);
  }
  return out.filter((unit) => unit !== null);
}

/** One program with the results of both; the second reads results of the first. */
function join(first: Group, second: Group, resolve: Expanded['resolve']): Group {
  const inputs = [...first.inputs];
  for (const input of second.inputs) {
    const value = resolve(input);
    if (!first.outputs.includes(value) && !inputs.includes(value)) inputs.push(value);
  }
  const shift = inputs.length - first.inputs.length;
  const move = (register: number): number => (register < first.inputs.length ? register : register + shift);
  const instructions: ElementwiseInstruction[] = first.program.instructions.map((one) => ({ ...one, args: one.args.map(move) }));
  const results = first.program.results.map(move);
  const base = inputs.length + instructions.length - second.inputs.length;
  const place = (register: number): number => {
    if (register >= second.inputs.length) return register + base;
    const value = resolve(second.inputs[register]!);
    const result = first.outputs.indexOf(value);
    return result < 0 ? inputs.indexOf(value) : results[result]!;
  };
  for (const one of second.program.instructions) instructions.push({ ...one, args: one.args.map(place) });
  return {
    kind: 'elementwise',
    program: { inputs: inputs.length, instructions, results: [...results, ...second.program.results.map(place)] },
    inputs,
    outputs: [...first.outputs, ...second.outputs],
    nodes: [...first.nodes, ...second.nodes],
  };
}

function afterProducts(units: readonly Unit[], nodes: readonly GraphNode[], resolve: Expanded['resolve'], kept: ReadonlySet<Value>): Unit[] {
  const readers = new Map<GraphNode, Set<GraphNode>>();
  for (const node of nodes) {
    for (const input of node.inputs) {
      const from = resolve(input).node;
      let set = readers.get(from);
      if (set === undefined) readers.set(from, (set = new Set()));
      set.add(node);
    }
  }
  const absorbed = new Set<GraphNode>();
  /** The product behind a value, and the reshapes between, if nothing but `inside` needs any of them. */
  const productOf = (value: Value, inside: ReadonlySet<GraphNode>): GraphNode[] | null => {
    const chain: GraphNode[] = [];
    for (let at = resolve(value), allowed = inside; ; at = resolve(at.node.inputs[0]!), allowed = new Set([chain.at(-1)!])) {
      const { node } = at;
      if (kept.has(at) || absorbed.has(node) || ![...(readers.get(node) ?? [])].every((reader) => allowed.has(reader))) return null;
      if (node.op !== 'matmul' && node.op !== 'reshape') return null;
      chain.push(node);
      if (node.op === 'matmul') return chain;
    }
  };
  const out = units.map((unit): Unit => {
    if (unit.kind !== 'elementwise') return unit;
    const inside = new Set(unit.nodes);
    const shape = unit.outputs[0]!.shape;
    for (let main = unit.inputs.length - 1; main >= 0; main--) {
      const input = unit.inputs[main]!;
      const chain = sameShape(input.shape, shape) ? productOf(input, inside) : null;
      if (chain === null) continue;
      for (const node of chain) absorbed.add(node);
      return { kind: 'product', product: chain.at(-1)!, epilogue: withFirst(unit, main) };
    }
    return unit;
  });
  return out.filter((unit) => unit.kind !== 'node' || !absorbed.has(unit.node));
}

/** The same program with its input `main` in front. */
function withFirst(group: Group, main: number): Group {
  const inputs = [group.inputs[main]!, ...group.inputs.filter((_, i) => i !== main)];
  const move = (register: number): number => (register > main ? register : register === main ? 0 : register + 1);
  const { instructions, results } = group.program;
  const program = {
    inputs: inputs.length,
    instructions: instructions.map((one) => ({ ...one, args: one.args.map(move) })),
    results: results.map(move),
  };
  return { ...group, program, inputs };
}
