import type { HostRegion, Operand, Plan } from './backend';
import type { DType } from './dtype';
import { reachable, type Value } from './graph';
import { operationOf } from './operation';
import { contiguousStrides, elementCount, forEachOffset, sameShape, stridedExtent } from './shape';
import type { Tensor } from './types';

/** The rules of a legal graph, as code: throws on the first that is broken. */
export function validateGraph(roots: readonly Tensor[]): void {
  for (const node of reachable(roots as unknown as readonly Value[])) {
    const fail = (what: string): never => {
      throw new Error(`illegal graph: ${node.op} (node ${node.id}) ${what}`);
    };
    for (const input of node.inputs) {
      if (input.node.id >= node.id) fail('uses a node that is younger than itself');
      if (input.node.outputs[input.index] !== input) fail('uses a value that its node does not have');
    }
    if (node.leaf !== undefined) continue;
    const operation = operationOf(node.op);
    if (operation === undefined) fail('is not a known operation');
    const specs = operation!.infer(node.inputs, node.attributes);
    const fits = specs.length === node.outputs.length && specs.every((spec, i) => sameShape(spec.shape, node.outputs[i]!.shape) && spec.dtype === node.outputs[i]!.dtype);
    if (!fits) fail('has outputs that its shape rule does not give');
  }
}

/** Who wrote an element last: a step, the host, or the run before. */
interface Write {
  readonly by: string;
  readonly kernel: string;
  /** null: of no type, as the old values of Variables. */
  readonly dtype: DType | null;
  /** Who overwrote a part of it. */
  spoiledBy: string | null;
}

/** Kernels that may write over an input which is laid out like the output. */
const ALIASING = ['elementwise', 'adamW', 'writeAt'];
/** Kernels that fill a buffer piece by piece. */
const PIECES = ['copy', 'fill'];

/**
 * The rules of a legal plan. Windows lie inside their slots. The outputs and the workspace of a step are apart from each
 * other and from its inputs, but for kernels that may alias. What is read is whole: one write of the same type, of which
 * nothing was overwritten since; or the pieces of `copy` and `fill` steps, and only a `fill` has a `copy` over it (padding).
 * The same holds for results, and for Variables after the last step.
 *
 * A plan does not name its buffers: a write that covers all of a live one looks like its successor. That is for `poison`
 * and for comparing backends to find.
 */
export function validatePlan(plan: Plan, elementSize: number): void {
  const NOBODY = 0;
  const writes: Write[] = [];
  const newWrite = (by: string, kernel: string, dtype: DType | null): number => writes.push({ by, kernel, dtype, spoiledBy: null }) - 1;
  newWrite('nobody', '', null);
  /** For each element of each slot, the number of the last write. */
  const owners = plan.slots.map(({ kind, bytes }) => {
    const elements = new Int32Array(Math.ceil(bytes / elementSize));
    return kind === 'variable' ? elements.fill(newWrite('the run before', '', null)) : elements;
  });

  /** From the first to one past the last element in its slot; null if there is none. */
  const span = ({ slot, byteOffset, shape, strides }: Operand): { slot: number; from: number; to: number } | null => {
    const from = byteOffset / elementSize;
    return elementCount(shape) === 0 ? null : { slot, from, to: from + stridedExtent(shape, strides) };
  };
  const overlap = (a: Operand, b: Operand): boolean => {
    const [x, y] = [span(a), span(b)];
    return x !== null && y !== null && x.slot === y.slot && x.from < y.to && y.from < x.to;
  };
  const inBounds = (operand: Operand): boolean => {
    const at = span(operand);
    return at === null || (Number.isInteger(at.from) && at.from >= 0 && at.to <= (owners[at.slot]?.length ?? 0));
  };
  /** The last writes of an operand's elements; all of them belong to `next` afterwards, if there is one. */
  const ownersOf = ({ slot, byteOffset, shape, strides }: Operand, next?: number): Set<number> => {
    const found = new Set<number>();
    const slotOwners = owners[slot]!;
    const start = byteOffset / elementSize;
    const once = elementCount(shape) === 0 ? shape : shape.map((size, d) => (strides[d] === 0 ? 1 : size));
    let last = -1;
    if (sameShape(strides, contiguousStrides(once))) {
      // Most are, workspaces of thousands of elements among them.
      const end = start + elementCount(once);
      for (let at = start; at < end; at++) {
        const owner = slotOwners[at] ?? NOBODY;
        if (owner !== last) found.add((last = owner));
      }
      if (next !== undefined) slotOwners.fill(next, start, end);
    } else {
      forEachOffset(once, strides, (offset) => {
        const owner = slotOwners[start + offset] ?? NOBODY;
        if (owner !== last) found.add((last = owner));
        if (next !== undefined) slotOwners[start + offset] = next;
      });
    }
    return found;
  };

  const write = (operand: Operand, by: string, kernel: string, dtype: DType | null = operand.dtype): void => {
    const before = ownersOf(operand, newWrite(by, kernel, dtype));
    const [only] = [...before].map((owner) => writes[owner]!);
    if (before.size === 1 && kernel === 'copy' && only!.kernel === 'fill' && only!.dtype === dtype) return;
    for (const owner of before) if (owner !== NOBODY) writes[owner]!.spoiledBy = by;
  };
  /** What is wrong with reading an operand; of `anyType` where the plan does not say. */
  const faultOf = (operand: Operand, anyType = false): string | null => {
    if (span(operand) === null) return null;
    const found = ownersOf(operand);
    if (found.has(NOBODY)) return 'before anything wrote it';
    const last = [...found].map((owner) => writes[owner]!);
    for (const { by, dtype, kernel, spoiledBy } of last) {
      if (kernel === 'workspace') return `from the workspace of ${by}`;
      if (spoiledBy !== null) return `of ${by}, of which ${spoiledBy} overwrote a part`;
      if (!anyType && dtype !== null && dtype !== operand.dtype) return `as ${operand.dtype}, which ${by} wrote as ${dtype}`;
    }
    const loose = last.length > 1 && last.some(({ kernel }) => !PIECES.includes(kernel));
    return loose ? `from parts that ${last.map(({ by }) => by).join(' and ')} wrote` : null;
  };

  const whole = ({ slot, byteOffset, spec: { shape, dtype } }: HostRegion): Operand => ({ slot, byteOffset, shape, strides: contiguousStrides(shape), dtype });
  for (const region of plan.inputs) if (region !== null) write(whole(region), 'the host', 'host');
  plan.steps.forEach(({ kernel, inputs, outputs, workspace }, i) => {
    const name = `step ${i} (${kernel})`;
    const fail = (what: string): never => {
      throw new Error(`illegal plan: ${name} ${what}`);
    };
    const operands = [...inputs.map((operand, k) => [operand, `input ${k}`] as const), ...outputs.map((operand, k) => [operand, `output ${k}`] as const)];
    for (const [{ shape, strides }, what] of operands) {
      if (strides.length !== shape.length) fail(`${what} has ${strides.length} strides for [${shape.join(', ')}]`);
    }
    for (const [operand, what] of operands) if (!inBounds(operand)) fail(`${what} reaches outside slot ${operand.slot}`);
    inputs.forEach((operand, k) => {
      const fault = faultOf(operand);
      if (fault !== null) fail(`reads input ${k} ${fault}`);
    });
    outputs.forEach((output, k) => {
      for (const input of inputs) {
        const alike = input.byteOffset === output.byteOffset && input.shape.every((size, d) => size === output.shape[d] && (size === 1 || input.strides[d] === output.strides[d]));
        if (overlap(input, output) && !(alike && ALIASING.includes(kernel))) fail(`writes output ${k} over its own input`);
      }
      if (outputs.slice(0, k).some((other) => overlap(other, output))) fail(`writes output ${k} over another output`);
    });
    if (workspace !== undefined && workspace.bytes > 0) {
      const { slot, byteOffset, bytes } = workspace;
      const scratch: Operand = { slot, byteOffset, shape: [Math.ceil(bytes / elementSize)], strides: [1], dtype: 'float32' };
      if (slot !== 0 || !inBounds(scratch)) fail('has a workspace outside the arena');
      for (const [operand, what] of operands) if (overlap(operand, scratch)) fail(`has a workspace over its ${what}`);
      write(scratch, name, 'workspace', null);
    }
    for (const output of outputs) write(output, name, kernel);
  });
  plan.outputs.forEach((region, i) => {
    const fault = faultOf(whole(region));
    if (fault === 'before anything wrote it') throw new Error(`illegal plan: output ${i} is never written`);
    if (fault !== null) throw new Error(`illegal plan: gives output ${i} ${fault}`);
  });
  owners.forEach(({ length }, slot) => {
    const fault = slot === 0 ? null : faultOf({ slot, byteOffset: 0, shape: [length], strides: [1], dtype: 'float32' }, true);
    if (fault !== null) throw new Error(`illegal plan: leaves Variable slot ${slot} ${fault}`);
  });
}
