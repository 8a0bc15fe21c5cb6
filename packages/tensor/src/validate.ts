import type { Operand, Plan } from './backend';
import { reachable, type Value } from './graph';
import { operationOf } from './operation';
import { elementCount, sameShape } from './shape';
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

/** The rules of a legal plan: windows inside their slots, nothing read before it is written, contiguous results. */
export function validatePlan(plan: Plan, elementSize: number): void {
  const written: { slot: number; from: number; to: number }[] = [];
  const span = (operand: Operand): { slot: number; from: number; to: number } | null => {
    if (elementCount(operand.shape) === 0) return null;
    const extent = operand.shape.reduce((n, size, d) => n + (size - 1) * operand.strides[d]!, 1);
    return { slot: operand.slot, from: operand.byteOffset, to: operand.byteOffset + extent * elementSize };
  };
  const mark = (slot: number, from: number, bytes: number): void => void written.push({ slot, from, to: from + bytes });
  for (const region of plan.inputs) if (region !== null) mark(region.slot, region.byteOffset, elementCount(region.spec.shape) * elementSize);
  const covered = (slot: number, from: number, to: number): boolean => {
    if (slot !== 0) return true;
    let at = from;
    for (let moved = true; moved && at < to; ) {
      moved = false;
      for (const w of written) if (w.slot === 0 && w.from <= at && w.to > at) [at, moved] = [w.to, true];
    }
    return at >= to;
  };
  plan.steps.forEach((step, i) => {
    const fail = (what: string): never => {
      throw new Error(`illegal plan: step ${i} (${step.kernel}) ${what}`);
    };
    const check = (operand: Operand, what: string): void => {
      if (operand.strides.length !== operand.shape.length) fail(`${what} has ${operand.strides.length} strides for [${operand.shape.join(', ')}]`);
      const at = span(operand);
      if (at === null) return;
      const slot = plan.slots[at.slot];
      if (slot === undefined || at.from < 0 || at.to > slot.bytes) fail(`${what} reaches outside slot ${at.slot}`);
    };
    step.inputs.forEach((operand, k) => {
      check(operand, `input ${k}`);
      const at = span(operand);
      if (at !== null && !covered(at.slot, at.from, at.to)) fail(`reads input ${k} before anything wrote it`);
    });
    step.outputs.forEach((operand, k) => {
      check(operand, `output ${k}`);
      const at = span(operand);
      if (at === null) return;
      for (const input of step.inputs) {
        const from = span(input);
        const overlaps = from !== null && from.slot === at.slot && from.from < at.to && at.from < from.to;
        const same = overlaps && from.from === at.from && from.to === at.to;
        if (overlaps && !(same && ['elementwise', 'adamW'].includes(step.kernel))) fail(`writes output ${k} over its own input`);
      }
      mark(at.slot, at.from, at.to - at.from);
    });
    const { workspace } = step;
    if (workspace !== undefined && workspace.byteOffset + workspace.bytes > plan.slots[0]!.bytes) fail('has a workspace outside the arena');
  });
  for (const region of plan.outputs) {
    const bytes = elementCount(region.spec.shape) * elementSize;
    if (bytes > 0 && !covered(region.slot, region.byteOffset, region.byteOffset + bytes)) throw new Error('illegal plan: an output is never written');
  }
}
