import type { Capabilities, HostRegion, Operand, Plan, Slot, Step } from '../backend';
import { elementCount } from '../shape';
import type { Lowered, StepDraft } from './lower';
import { isContiguous, type PlanBuffer, type View, wholeBuffer } from './views';

export interface MemoryOptions {
  /** Let buffers whose lives do not overlap share bytes. */
  readonly reuse: boolean;
  /** Write the next value of a Variable where it lives, when nobody reads the old one any more. */
  readonly inPlace: boolean;
  /** Fill memory with NaN before its first and after its last use: a plan that reads it shows at once. */
  readonly poison: boolean;
  /** Keep what the host wrote to the end, so that the plan can be run again without writing it again. */
  readonly repeatable: boolean;
}

/** Kernels whose output j may be the memory of their input j (any contiguous input, for element-wise programs). */
const ALIASING: Readonly<Record<string, readonly number[]>> = { adamW: [0, 2, 3], writeAt: [0] };

/** Decides where each buffer lives, and in which order Variables are overwritten. */
export function assignMemory(lowered: Lowered, variableBytes: readonly number[], capabilities: Capabilities, options: MemoryOptions): Plan {
  const steps = [...lowered.steps];
  commitVariables(lowered, steps, options.inPlace);
  for (const view of lowered.outputs) view.buffer.last = steps.length;
  if (options.repeatable) for (const view of lowered.inputs) if (view !== null) view.buffer.last = steps.length;
  const { arenaBytes, workspaces } = placeInArena(lowered.buffers, steps, capabilities, options.reuse);
  const toOperand = (view: View): Operand => ({
    slot: view.buffer.slot,
    byteOffset: view.buffer.offset + view.offset * capabilities.elementSize,
    shape: view.shape,
    strides: view.strides,
    dtype: view.buffer.dtype,
  });
  const region = (view: View): HostRegion => {
    const { slot, byteOffset } = toOperand(view);
    return { slot, byteOffset, spec: { shape: view.shape, dtype: view.buffer.dtype } };
  };
  const placed = steps.map((draft, i): Step => {
    const { kernel, attributes, nodes, inputs, outputs } = draft;
    const step = { kernel, inputs: inputs.map(toOperand), outputs: outputs.map(toOperand), attributes, nodes };
    return draft.workspaceBytes === 0 ? step : { ...step, workspace: { slot: 0, byteOffset: workspaces.get(i)!, bytes: draft.workspaceBytes } };
  });
  const slots: Slot[] = [{ kind: 'arena', bytes: arenaBytes }];
  for (const bytes of variableBytes) slots.push({ kind: 'variable', bytes });
  return {
    slots,
    steps: options.poison ? withPoison(placed, lowered.buffers, toOperand, capabilities.elementSize) : placed,
    inputs: lowered.inputs.map((view) => (view === null ? null : region(view))),
    outputs: lowered.outputs.map(region),
  };
}

/** Redirects producers into the Variables they are for where that is safe, and adds copies elsewhere. */
function commitVariables(lowered: Lowered, steps: StepDraft[], inPlace: boolean): void {
  const readAtEnd = new Set(lowered.outputs.map((view) => view.buffer));
  for (const { value } of lowered.commits) if (value.buffer.slot !== 0) readAtEnd.add(value.buffer);
  const taken = new Set<PlanBuffer>();
  for (const { target, value } of lowered.commits) {
    const { buffer } = value;
    if (buffer === target && value.offset === 0 && buffer.elements === elementCount(value.shape)) continue;
    const direct =
      inPlace &&
      buffer.slot === 0 &&
      !buffer.host &&
      !taken.has(buffer) &&
      !readAtEnd.has(target) &&
      buffer.elements === target.elements &&
      mayOverwrite(steps, target, buffer);
    if (direct) {
      buffer.slot = target.slot;
      taken.add(buffer);
    } else {
      const at = steps.length;
      const flat = [elementCount(value.shape)];
      steps.push({
        kernel: 'copy',
        inputs: [{ ...wholeBuffer(buffer, flat), offset: value.offset }],
        outputs: [wholeBuffer(target, flat)],
        attributes: {},
        workspaceBytes: 0,
        nodes: [],
      });
      buffer.last = Math.max(buffer.last, at);
    }
  }
}

/** Whether every reader of the Variable's old value runs before `producer` is first written, or may share memory with it. */
function mayOverwrite(steps: readonly StepDraft[], target: PlanBuffer, produced: PlanBuffer): boolean {
  for (let i = produced.first; i < steps.length; i++) {
    const step = steps[i]!;
    for (let k = 0; k < step.inputs.length; k++) {
      const input = step.inputs[k]!;
      if (input.buffer.slot !== target.slot) continue;
      const output = step.outputs.findIndex((view) => view.buffer === produced);
      const sameStep = i === produced.first && output >= 0;
      if (!sameStep || input.offset !== 0 || !isContiguous(input)) return false;
      if (elementCount(input.shape) !== produced.elements) return false;
      if (step.kernel !== 'elementwise' && ALIASING[step.kernel]?.[output] !== k) return false;
    }
  }
  return true;
}

/** Greedy by size (Pisarchyk & Lee 2020): large buffers first, each at the lowest offset free during its life. */
function placeInArena(
  buffers: readonly PlanBuffer[],
  steps: readonly StepDraft[],
  capabilities: Capabilities,
  reuse: boolean,
): { arenaBytes: number; workspaces: Map<number, number> } {
  interface Block {
    readonly bytes: number;
    readonly first: number;
    readonly last: number;
    offset: number;
    readonly place: (offset: number) => void;
  }
  const { alignment, elementSize } = capabilities;
  const round = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;
  const workspaces = new Map<number, number>();
  const blocks: Block[] = [];
  for (const buffer of buffers) {
    const unused = buffer.last < 0 && !buffer.host;
    if (buffer.slot !== 0 || unused) continue;
    const place = (offset: number): void => void (buffer.offset = offset);
    blocks.push({ bytes: round(buffer.elements * elementSize), first: buffer.first, last: Math.max(buffer.last, buffer.first), offset: 0, place });
  }
  steps.forEach((step, i) => {
    if (step.workspaceBytes === 0) return;
    const place = (offset: number): void => void workspaces.set(i, offset);
    blocks.push({ bytes: round(step.workspaceBytes), first: i, last: i, offset: 0, place });
  });
  const placed: Block[] = [];
  let arenaBytes = 0;
  for (const block of [...blocks].sort((a, b) => b.bytes - a.bytes)) {
    let offset = 0;
    if (!reuse) offset = arenaBytes;
    else {
      // `placed` is kept sorted by offset: the first gap that is wide enough.
      for (const other of placed) {
        if (other.last < block.first || other.first > block.last) continue;
        if (other.offset - offset >= block.bytes) break;
        offset = Math.max(offset, other.offset + other.bytes);
      }
    }
    block.offset = offset;
    block.place(offset);
    let at = placed.length;
    while (at > 0 && placed[at - 1]!.offset > offset) at--;
    placed.splice(at, 0, block);
    arenaBytes = Math.max(arenaBytes, offset + block.bytes);
  }
  return { arenaBytes, workspaces };
}

function withPoison(steps: readonly Step[], buffers: readonly PlanBuffer[], toOperand: (view: View) => Operand, elementSize: number): Step[] {
  const before = new Map<number, Step[]>();
  const after = new Map<number, Step[]>();
  const fill = (map: Map<number, Step[]>, at: number, output: Operand): void => {
    const step: Step = { kernel: 'fill', inputs: [], outputs: [output], attributes: { value: NaN }, nodes: [] };
    map.set(at, [...(map.get(at) ?? []), step]);
  };
  const add = (map: Map<number, Step[]>, at: number, buffer: PlanBuffer): void =>
    fill(map, at, toOperand(wholeBuffer({ ...buffer, dtype: 'float32' }, [buffer.elements])));
  for (const buffer of buffers) {
    if (buffer.slot !== 0 || buffer.elements === 0 || (buffer.last < 0 && !buffer.host)) continue;
    if (!buffer.host) add(before, buffer.first, buffer);
    // What the host wrote and no step reads is dead before the first step.
    if (buffer.last < 0) add(before, 0, buffer);
    else if (buffer.last < steps.length) add(after, buffer.last, buffer);
  }
  steps.forEach(({ workspace }, i) => {
    if (workspace === undefined) return;
    const { slot, byteOffset, bytes } = workspace;
    const output: Operand = { slot, byteOffset, shape: [Math.ceil(bytes / elementSize)], strides: [1], dtype: 'float32' };
    for (const map of [before, after]) fill(map, i, output);
  });
  return steps.flatMap((step, i) => [...(before.get(i) ?? []), step, ...(after.get(i) ?? [])]);
}
