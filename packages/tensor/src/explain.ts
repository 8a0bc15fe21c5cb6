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
  if (step.kernel === 'matmul') return 2 * size(step.outputs[0]) * step.inputs[0]!.shape.at(-1)!;
  if (step.kernel === 'attention' || step.kernel === 'attentionBackward') {
    const [B, T, H, Dh] = step.inputs[0]!.shape as readonly [number, number, number, number];
    const [, S, , Dv] = step.inputs[2]!.shape as readonly [number, number, number, number];
    return 2 * B * H * T * S * (step.kernel === 'attention' ? Dh + Dv : 3 * Dh + 2 * Dv);
  }
  const program = step.attributes['program'];
  const instructions = typeof program === 'object' && 'instructions' in program ? program.instructions.filter((i) => i.op !== 'literal').length : 1;
  return instructions * Math.max(size(step.inputs[0]), size(step.outputs[0]));
}

/** A table of the steps of a plan: kernel, shapes, arithmetic and bytes moved, and where each comes from. */
export function explainPlan(plan: Plan, nodes: readonly string[]): string {
  const rows = plan.steps.map((step, i) => {
    const program = step.attributes['program'];
    const ops = typeof program === 'object' && 'instructions' in program ? `(${program.instructions.filter((x) => x.op !== 'literal').map((x) => x.op).join(' ')})` : '';
    const bytes = [...step.inputs, ...step.outputs].reduce((n, o) => n + elementCount(o.shape) * 4, 0);
    const shapes = `${step.inputs.map((o) => formatShape(o.shape)).join(' ')} → ${step.outputs.map((o) => formatShape(o.shape) + (o.slot > 0 ? `=v${o.slot}` : '')).join(' ')}`;
    return [String(i), step.kernel + ops, shapes, (stepFlops(step) / 1e6).toFixed(2), formatBytes(bytes), stepName(plan, nodes, i)];
  });
  const head = ['step', 'kernel', 'shapes', 'MFLOP', 'moved', 'from'];
  const widths = head.map((title, c) => Math.min(60, Math.max(title.length, ...rows.map((row) => row[c]!.length))));
  const line = (cells: readonly string[]): string => cells.map((cell, c) => (cell.length > 60 && c < 5 ? `${cell.slice(0, 59)}…` : cell).padEnd(widths[c]!)).join('  ').trimEnd();
  const flops = plan.steps.reduce((n, step) => n + stepFlops(step), 0);
  const variables = plan.slots.slice(1).reduce((n, slot) => n + slot.bytes, 0);
  const summary = `${plan.steps.length} steps from ${nodes.length} nodes, ${(flops / 1e9).toFixed(3)} GFLOP, arena ${formatBytes(plan.slots[0]!.bytes)}, Variables ${formatBytes(variables)}`;
  return [line(head), ...rows.map(line), summary].join('\n');
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
