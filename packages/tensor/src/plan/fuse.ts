import type { Capabilities, ElementwiseInstruction, ElementwiseProgram } from '../backend';
import type { GraphNode, Value } from '../graph';
import { operationOf } from '../operation';
import { IDENTITIES } from '../primitives';
import { sameShape } from '../shape';
import type { Expanded } from './expand';

/** A run of element-wise operations that becomes one step. */
export interface Group {
  readonly kind: 'elementwise';
  readonly program: ElementwiseProgram;
  readonly inputs: readonly Value[];
  /** What `program.results` are; all of one shape. */
  readonly outputs: readonly Value[];
  readonly nodes: readonly GraphNode[];
}

/** A matrix product and what is done with each of its elements. */
export interface Product {
  readonly kind: 'product';
  readonly product: GraphNode;
  /** The product is its first input. */
  readonly epilogue: Group;
}

export type Unit = Group | Product | { readonly kind: 'node'; readonly node: GraphNode };

/** Operations that move no data. */
export const VIEWS: ReadonlySet<string> = new Set(['reshape', 'permute', 'slice', 'expand', ...IDENTITIES]);

export const isElementwise = (node: GraphNode): boolean => node.leaf === undefined && operationOf(node.op)!.elementwise;

/** The literal behind a value, seen through views; null if it is computed. */
export function literalOf(value: Value, resolve: Expanded['resolve']): GraphNode | null {
  let at = resolve(value);
  // Identities pass output i through from input i; the others have one of each.
  while (VIEWS.has(at.node.op)) at = resolve(at.node.inputs[at.index]!);
  return at.node.op === 'literal' ? at.node : null;
}

/** Type and value: −0 and 0 are two. */
function literalText({ outputs, attributes }: GraphNode): string {
  const value = attributes['value'] as number;
  return `${outputs[0]!.dtype} ${Object.is(value, -0) ? '-0' : String(value)}`;
}

interface Draft {
  readonly root: GraphNode;
  readonly members: GraphNode[];
  /** Values from outside, literals left out. */
  readonly externals: Set<Value>;
  /** The literals: one instruction each. */
  readonly literals: Set<string>;
}

/**
 * Joins element-wise operations into programs: a producer moves into the group of its consumers when all of them are in
 * that one group and shapes are equal. Values that several groups read stay values of their own.
 */
export function fuse(
  { nodes, resolve }: Expanded,
  kept: ReadonlySet<Value>,
  limits: Capabilities['elementwise'],
  enabled: boolean,
): Unit[] {
  const consumers = new Map<GraphNode, Set<GraphNode>>();
  for (const node of nodes) {
    for (const input of node.inputs) {
      const from = resolve(input).node;
      let set = consumers.get(from);
      if (set === undefined) consumers.set(from, (set = new Set()));
      set.add(node);
    }
  }
  const draftOf = new Map<GraphNode, Draft>();
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!;
    if (!isElementwise(node) || node.op === 'literal') continue;
    const { externals, literals } = argumentsOf(node, resolve);
    const host = enabled && !kept.has(node.outputs[0]!) ? onlyDraft(node, consumers, draftOf) : undefined;
    if (host !== undefined && fits(node, host, externals, literals, limits)) {
      host.members.push(node);
      host.externals.delete(node.outputs[0]!);
      for (const value of externals) host.externals.add(value);
      for (const literal of literals) host.literals.add(literal);
      draftOf.set(node, host);
    } else {
      draftOf.set(node, { root: node, members: [node], externals: new Set(externals), literals: new Set(literals) });
    }
  }
  const units: Unit[] = [];
  for (const node of nodes) {
    if (node.leaf !== undefined || node.op === 'literal') {
      units.push({ kind: 'node', node });
      continue;
    }
    const draft = draftOf.get(node);
    if (draft === undefined) units.push({ kind: 'node', node });
    else if (draft.root === node) units.push(toGroup(draft, resolve));
  }
  return units;
}

function argumentsOf(node: GraphNode, resolve: Expanded['resolve']): { externals: Value[]; literals: string[] } {
  const externals: Value[] = [];
  const literals: string[] = [];
  for (const input of node.inputs) {
    const literal = literalOf(input, resolve);
    if (literal === null) externals.push(resolve(input));
    else literals.push(literalText(literal));
  }
  return { externals, literals };
}

/** The group that holds all consumers of a node, if there is one. */
function onlyDraft(
  node: GraphNode,
  consumers: ReadonlyMap<GraphNode, ReadonlySet<GraphNode>>,
  draftOf: ReadonlyMap<GraphNode, Draft>,
): Draft | undefined {
  let only: Draft | undefined;
  for (const consumer of consumers.get(node) ?? []) {
    const draft = draftOf.get(consumer);
    if (draft === undefined || (only !== undefined && only !== draft)) return undefined;
    only = draft;
  }
  return only;
}

function fits(
  node: GraphNode,
  host: Draft,
  externals: readonly Value[],
  literals: readonly string[],
  limits: Capabilities['elementwise'],
): boolean {
  if (!sameShape(node.outputs[0]!.shape, host.root.outputs[0]!.shape)) return false;
  let inputs = host.externals.size - 1;
  for (const value of externals) if (!host.externals.has(value)) inputs++;
  // Literals are instructions as well.
  const instructions = host.members.length + 1 + new Set([...host.literals, ...literals]).size;
  return inputs <= limits.maxInputs && instructions <= limits.maxInstructions;
}

function toGroup(draft: Draft, resolve: Expanded['resolve']): Group {
  const members = [...draft.members].sort((a, b) => a.id - b.id);
  // Decompositions carry later ids than what stands after them: order by dependence, not by id.
  const ordered = topological(members, resolve);
  const inputs = [...draft.externals];
  const register = new Map<Value, number>(inputs.map((value, i) => [value, i]));
  const literals = new Map<string, number>();
  const instructions: ElementwiseInstruction[] = [];
  const push = (instruction: ElementwiseInstruction): number => inputs.length + instructions.push(instruction) - 1;
  for (const node of ordered) {
    const args = node.inputs.map((input) => {
      const literal = literalOf(input, resolve);
      if (literal === null) return register.get(resolve(input))!;
      const text = literalText(literal);
      let at = literals.get(text);
      if (at === undefined) {
        const { dtype, value } = { dtype: literal.outputs[0]!.dtype, value: literal.attributes['value'] as number };
        literals.set(text, (at = push({ op: 'literal', args: [], dtype, value })));
      }
      return at;
    });
    register.set(node.outputs[0]!, push({ op: node.op, args, dtype: node.outputs[0]!.dtype }));
  }
  const output = draft.root.outputs[0]!;
  const program = { inputs: inputs.length, instructions, results: [register.get(output)!] };
  return { kind: 'elementwise', program, inputs, outputs: [output], nodes: ordered };
}

function topological(members: readonly GraphNode[], resolve: Expanded['resolve']): GraphNode[] {
  const inside = new Set(members);
  const done = new Set<GraphNode>();
  const out: GraphNode[] = [];
  for (const start of members) {
    const stack = [start];
    while (stack.length > 0) {
      const node = stack.at(-1)!;
      const open = done.has(node) ? [] : node.inputs.map((v) => resolve(v).node).filter((n) => inside.has(n) && !done.has(n));
      if (open.length > 0) stack.push(...open);
      else {
        stack.pop();
        if (!done.has(node)) out.push(node);
        done.add(node);
      }
    }
  }
  return out;
}
