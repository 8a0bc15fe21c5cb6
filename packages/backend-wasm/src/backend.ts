import {
  internals,
  KernelError,
  type Loop,
  OutOfMemory,
  type Backend,
  type Capabilities,
  type Handle,
  type Memory,
  type Plan,
  type Prepared,
  type Step,
  type StepTimes,
} from '@qkv/tensor';

import { now } from './clock';
import { Allocator, ALIGNMENT } from './allocator';
import { sizeOf, StepWriter } from './encoder';
import { encoders } from './encoders';
import { KERNEL_NUMBERS } from './generated/kernels';
import type { KernelExports, Numerics } from './module';
import type { Job, Team } from './team';

const PAGE = 65536;

class WasmPlan implements Prepared {
  constructor(
    readonly plan: Plan,
    /** Address of the table of records. */
    readonly records: number,
    /** Address of the slot table. */
    readonly slots: number,
    /** Index of the first record of each step, and one past the last. */
    readonly starts: Int32Array,
    /** Microseconds that one thread may take for the steps before each one, roughly. */
    readonly costs: Float64Array,
    readonly release: () => void,
  ) {}
}

/** What `createWasmBackend` has made ready. */
export interface Device {
  readonly memory: WebAssembly.Memory;
  readonly maximumBytes: number;
  /** The host's own instance. */
  readonly exports: KernelExports;
  readonly numerics: Numerics;
  /** How many walkers share each record; results do not depend on it. */
  readonly parts: number;
  /** The walkers, if they are workers; without, the host does all parts itself, one after the other. */
  readonly team?: Team;
  /** Microseconds of work, estimated, below which the host does a run itself. */
  readonly inlineBelow: number;
}

/**
 * Runs plans in one WebAssembly memory, by workers that walk the whole plan while the host does other things, or by the
 * host itself. A handle is the address of its block.
 */
export class WasmBackend implements Backend {
  readonly name = 'wasm';
  readonly numerics: string;
  readonly capabilities: Capabilities;
  readonly lost: Promise<Error>;
  /** Threads that compute; results do not depend on it. */
  readonly threads: number;
  /** null once closed; nothing else here may hold the memory. */
  #device: Device | null;
  readonly #allocator: Allocator;
  #bytes: Uint8Array;
  #words: Uint32Array;

  constructor(device: Device) {
    const { memory, maximumBytes, exports, numerics, parts, team } = device;
    this.#device = device;
    this.numerics = `wasm-${numerics}`;
    this.threads = team === undefined ? 1 : parts;
    this.lost = team?.lost ?? new Promise(() => {});
    if (team !== undefined) abandoned.register(this, team, this);
    this.#bytes = new Uint8Array(memory.buffer);
    this.#words = new Uint32Array(memory.buffer);
    this.#allocator = new Allocator(exports.heapBase(), (end) => end <= maximumBytes && this.#grow(end));
    this.capabilities = {
      elementSize: 4,
      alignment: ALIGNMENT,
      elementwise: { maxInputs: 16, maxInstructions: 64 },
      epilogues: true,
      supports: (step) => {
        const encoder = encoders[step.kernel];
        return encoder !== undefined && (encoder.supports?.(step) ?? true);
      },
      readsStrides: (kernel, index) => {
        const strided = encoders[kernel]?.strided ?? false;
        return typeof strided === 'boolean' ? strided : strided.includes(index);
      },
      workspace: (step) => encoders[step.kernel]?.workspace?.(step, parts) ?? 0,
    };
  }

  /** Bytes that blocks and prepared plans hold at the moment. */
  get bytesInUse(): number {
    return this.#allocator.bytes;
  }

  allocate(bytes: number): Handle {
    const { memory } = this.#open();
    const address = this.#allocator.allocate(bytes);
    this.#refresh(memory);
    if (address < 0) throw new OutOfMemory(bytes);
    return address;
  }

  free(handle: Handle): void {
    if (this.#device !== null) this.#allocator.free(handle);
  }

  write(handle: Handle, byteOffset: number, bytes: Uint8Array): void {
    this.#open();
    this.#bytes.set(bytes, handle + byteOffset);
  }

  prepare(plan: Plan): Prepared {
    const writer = new StepWriter(KERNEL_NUMBERS, this.#open().parts);
    const starts = new Int32Array(plan.steps.length + 1);
    const costs = new Float64Array(plan.steps.length + 1);
    plan.steps.forEach((step, i) => {
      const encode = encoders[step.kernel]?.encode;
      if (encode === undefined) throw new Error(`the wasm backend has no kernel ${step.kernel}`);
      starts[i] = writer.records.length;
      writer.step = i;
      encode(step, writer);
      costs[i + 1] = costs[i] + costOf(step);
    });
    starts[plan.steps.length] = writer.records.length;

    const { records, words } = writer;
    const block = this.allocate(4 * (plan.slots.length + records.length + words.length));
    const table = block + 4 * plan.slots.length;
    const text = table + 4 * records.length;
    this.#words.set(
      records.map((start) => text + 4 * start),
      table / 4,
    );
    this.#words.set(words, text / 4); // negative words wrap: the bits are the same
    return new WasmPlan(plan, table, block, starts, costs, () => this.free(block));
  }

  run(prepared: Prepared, memory: Memory, from = 0, to = prepared.plan.steps.length): void | Promise<void> {
    return this.#run(prepared as WasmPlan, memory, from, to, 0);
  }

  async profile(prepared: Prepared, memory: Memory): Promise<StepTimes> {
    this.#open().team?.requireIdle();
    const { plan, starts } = prepared as WasmPlan;
    const records = starts[plan.steps.length];
    const times = this.allocate(8 * (records + 1));
    try {
      const peak = this.#peak();
      await this.#run(prepared as WasmPlan, memory, 0, plan.steps.length, times);
      const [bytes] = await this.read([{ handle: times, byteOffset: 0, bytes: 8 * (records + 1) }]);
      const moments = new Float64Array(bytes.buffer, bytes.byteOffset, records + 1);
      return { milliseconds: Float64Array.from(plan.steps, (_, i) => moments[starts[i + 1]] - moments[starts[i]]), peak };
    } finally {
      this.free(times);
    }
  }

  /** The bound: of five short runs the best one, for one that was interrupted says nothing. */
  #peak(): number {
    const { exports } = this.#open();
    let best = Infinity;
    let flops = 0;
    for (let i = 0; i < 5; i++) {
      const started = now();
      flops = exports.peak(200_000);
      best = Math.min(best, now() - started);
    }
    return (this.threads * flops) / best / 1e6;
  }

  repeat(prepared: Prepared, memory: Memory, { times, until, counter }: Loop): Promise<number> | null {
    const { team, inlineBelow } = this.#open();
    const { plan, records, slots, starts, costs } = prepared as WasmPlan;
    team?.requireIdle();
    if (team === undefined || times * costs[plan.steps.length] < inlineBelow) return null;
    const address = ({ slot, byteOffset }: Loop['until']): number => memory[slot] + byteOffset;
    this.#place(prepared as WasmPlan, memory);
    return this.#hand(prepared as WasmPlan, {
      records,
      from: 0,
      to: starts[plan.steps.length],
      slots,
      times: 0,
      rounds: times,
      until: address(until),
      counter: counter === null ? 0 : address(counter),
    }).then(() => team.rounds);
  }

  /** Where the slots are in this run. */
  #place({ plan, slots }: WasmPlan, memory: Memory): void {
    for (let i = 0; i < plan.slots.length; i++) this.#words[slots / 4 + i] = memory[i];
  }

  /** Lets the workers do it. */
  async #hand(prepared: WasmPlan, job: Job): Promise<void> {
    const { team, parts } = this.#open();
    for (let part = 0; part < parts; part++) this.#words[this.#errorAt(part) + 1] = 0;
    if ((await team!.run(job)) !== 0) this.#throwError(prepared);
  }

  #run(prepared: WasmPlan, memory: Memory, from: number, to: number, times: number): void | Promise<void> {
    const { exports, parts, team, inlineBelow } = this.#open();
    const { slots, records, starts, costs } = prepared;
    team?.requireIdle();
    this.#place(prepared, memory);
    const first = starts[from];
    const last = starts[to];
    if (team !== undefined) {
      if (costs[to] - costs[from] >= inlineBelow || times !== 0)
        return this.#hand(prepared, { records, from: first, to: last, slots, times });
      if (exports.run(records, first, last, slots, 0, 1, 0) !== 0) this.#throwError(prepared, 0);
      return;
    }
    if (parts === 1) {
      if (exports.run(records, first, last, slots, 0, 1, times) !== 0) this.#throwError(prepared, 0);
      return;
    }
    for (let record = first; record < last; record++) {
      for (let part = 0; part < parts; part++) {
        if (exports.run(records, record, record + 1, slots, part, parts, 0) !== 0) this.#throwError(prepared, part);
      }
    }
  }

  async read(regions: readonly { handle: Handle; byteOffset: number; bytes: number }[]): Promise<Uint8Array[]> {
    this.#open();
    return regions.map(({ handle, byteOffset, bytes }) =>
      this.#bytes.slice(handle + byteOffset, handle + byteOffset + bytes),
    );
  }

  close(): void {
    abandoned.unregister(this);
    this.#device?.team?.stop(new Error('the wasm backend is closed'));
    this.#device = null;
    this.#bytes = new Uint8Array(0);
    this.#words = new Uint32Array(0);
  }

  /** What the backend runs on, or a clear error. */
  #open(): Device {
    if (this.#device === null) throw new Error('the wasm backend is closed');
    return this.#device;
  }

  /** Whether the memory reaches `end` now. */
  #grow(end: number): boolean {
    const { memory } = this.#open();
    const missing = end - memory.buffer.byteLength;
    if (missing <= 0) return true;
    try {
      memory.grow(Math.ceil(missing / PAGE));
      return true;
    } catch {
      return false;
    }
  }

  /** A grown memory has a new buffer; views of the old one are dead. */
  #refresh({ buffer }: WebAssembly.Memory): void {
    if (this.#bytes.buffer === buffer) return;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
  }

  /** Where the error of a part stands, in words. */
  #errorAt(part: number): number {
    return this.#open().exports.errors() / 4 + 4 * part;
  }

  /** Of parts that failed at the same record, the first one: what a single thread would have met. */
  #throwError(prepared: Prepared, part = 0): never {
    const [index, code, a, b] = Int32Array.from(this.#words.subarray(this.#errorAt(part), this.#errorAt(part) + 4));
    if (code === 0 && part + 1 < this.#open().parts) this.#throwError(prepared, part + 1);
    const step = prepared.plan.steps[index];
    const text = encoders[step.kernel].explain?.(code, a, b, step) ?? `failed with code ${code} (${a}, ${b})`;
    throw new KernelError(index, `${step.kernel}: ${text}`);
  }
}

/** The net under backends that are dropped without `close`: their workers end with the garbage collector. */
const abandoned = new FinalizationRegistry<Team>((team) => team.stop(new Error('the wasm backend is closed')));

function costOf(step: Step): number {
  const elements = [...step.inputs, ...step.outputs].reduce((n, { shape }) => n + sizeOf(shape), 0);
  return (internals.stepFlops(step) / 20 + elements / 4) / 1000;
}
