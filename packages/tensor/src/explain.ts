import type { Operand, Plan, Step } from './backend';
import type { Engine } from './engine';
import type { Value } from './graph';
import { collect, type Program } from './plan/collect';
import { describeProgram } from './plan/key';
import { elementCount, formatShape } from './shape';
import { state } from './state';
import type { Tensor } from './types';

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}

/** What a step computes, with the nodes of the traced graph that it came from. */
export function stepName({ steps }: Plan, nodes: readonly string[], index: number): string {
  const step = steps[index];
  if (step === undefined) return 'no step';
  const names = step.nodes.map((node) => nodes[node]).filter((text) => text !== undefined);
  return names.length === 0 ? step.kernel : names.join(' → ');
}

/** The largest tensor of a plan, for out-of-memory messages. */
export function largestTensor(plan: Plan, nodes: readonly string[]): string {
  let best: { bytes: number; text: string } = { bytes: 0, text: 'none' };
  plan.steps.forEach((step, i) => {
    for (const { shape } of step.outputs) {
      const bytes = elementCount(shape) * 4;
      if (bytes > best.bytes) best = { bytes, text: `${formatShape(shape)} (${formatBytes(bytes)}) of ${stepName(plan, nodes, i)}` };
    }
  });
  return best.text;
}

/** Multiplications and additions of a step. */
export function stepFlops(step: Step): number {
  const size = (operand: Operand | undefined): number => (operand === undefined ? 0 : elementCount(operand.shape));
  const program = step.attributes['program'];
  const instructions = typeof program === 'object' && 'instructions' in program ? program.instructions.filter((i) => i.op !== 'literal').length : 0;
  if (step.kernel === 'matmul') return (2 * step.inputs[0]!.shape.at(-1)! + instructions) * size(step.outputs[0]);
  if (step.kernel === 'attention' || step.kernel === 'attentionBackward') {
    const [B, T, H, Dh] = step.inputs[0]!.shape as readonly [number, number, number, number];
    const [, S, , Dv] = step.inputs[2]!.shape as readonly [number, number, number, number];
    return 2 * B * H * T * S * (step.kernel === 'attention' ? Dh + Dv : 3 * Dh + 2 * Dv);
  }
  return Math.max(instructions, 1) * Math.max(size(step.inputs[0]), size(step.outputs[0]));
}

/** Bytes that a step reads and writes. */
export function stepBytes({ inputs, outputs }: Step): number {
  return [...inputs, ...outputs].reduce((n, { shape }) => n + elementCount(shape) * 4, 0);
}

/** The kernel of a step, with the operations of an element-wise program. */
export function kernelName({ kernel, attributes }: Step): string {
  const program = attributes['program'];
  if (typeof program !== 'object' || !('instructions' in program)) return kernel;
  return `${kernel}(${program.instructions.filter((x) => x.op !== 'literal').map((x) => x.op).join(' ')})`;
}

/** What a step reads and what it writes: `v1` is the Variable of slot 1. */
export function stepShapes({ inputs, outputs }: Step): string {
  const sources = inputs.map(({ shape }) => formatShape(shape)).join(' ');
  return `${sources} → ${outputs.map(({ shape, slot }) => formatShape(shape) + (slot > 0 ? `=v${slot}` : '')).join(' ')}`;
}

/** Columns of equal width: each as wide as it needs, up to 60, but for the last, which may go on. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, c) => Math.min(60, rows.reduce((width, row) => Math.max(width, row[c]!.length), title.length)));
  const line = (cells: readonly string[]): string => cells.map((cell, c) => (cell.length > 60 && c < head.length - 1 ? `${cell.slice(0, 59)}…` : cell).padEnd(widths[c]!)).join('  ').trimEnd();
  return [head, ...rows].map(line).join('\n');
}

/** A table of the steps of a plan: kernel, shapes, arithmetic and bytes moved, and where each comes from. */
export function explainPlan(plan: Plan, nodes: readonly string[]): string {
  const rows = plan.steps.map((step, i) => [String(i), kernelName(step), stepShapes(step), (stepFlops(step) / 1e6).toFixed(2), formatBytes(stepBytes(step)), stepName(plan, nodes, i)]);
  return `${formatTable(['step', 'kernel', 'shapes', 'MFLOP', 'moved', 'from'], rows)}\n${planSummary(plan, nodes.length)}`;
}

/** Steps, arithmetic and memory of a plan, in one line. */
export function planSummary(plan: Plan, nodes: number): string {
  const flops = plan.steps.reduce((n, step) => n + stepFlops(step), 0);
  const variables = plan.slots.slice(1).reduce((n, slot) => n + slot.bytes, 0);
  return `${plan.steps.length} steps from ${nodes} nodes, ${(flops / 1e9).toFixed(3)} GFLOP, arena ${formatBytes(plan.slots[0]!.bytes)}, Variables ${formatBytes(variables)}`;
}

/** The plan of a program, as text. */
export function explainProgram(program: Program, engine: Engine): string {
  return explainPlan(engine.planFor(program).plan, describeProgram(program));
}

/** The plan that reading these tensors would run, as text; nothing is executed. */
export function explain(tensors: Tensor | readonly Tensor[], engine: Engine | null = state.engine): string {
  if (engine === null) throw new Error('explain: no engine yet; install a backend first, or pass an engine');
  const list = Array.isArray(tensors) ? (tensors as readonly Tensor[]) : [tensors as Tensor];
  return explainProgram(collect(list as unknown as Value[], []), engine);
}
