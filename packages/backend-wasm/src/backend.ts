import {
  KernelError,
  OutOfMemory,
  type Backend,
  type Capabilities,
  type Handle,
  type Memory,
  type Plan,
  type Prepared,
} from '@qkv/tensor';

import { Allocator, ALIGNMENT } from './allocator';
import { StepWriter } from './encoder';
import { encoders } from './encoders';
import { KERNEL_NUMBERS } from './generated/kernels';
import type { KernelExports, Numerics } from './module';

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
    readonly release: () => void,
  ) {}
}

/**
 * Runs plans in one WebAssembly memory. A handle is the address of its block. Everything here is synchronous, so that
 * one first-in-first-out queue is the program order itself.
 */
export class WasmBackend implements Backend {
  readonly name = 'wasm';
  readonly numerics: string;
  readonly capabilities: Capabilities;
  readonly lost = new Promise<Error>(() => {});
  /** null once closed; nothing else here may hold the memory. */
  #device: { readonly memory: WebAssembly.Memory; readonly exports: KernelExports } | null;
  readonly #allocator: Allocator;
  #bytes: Uint8Array;
  #words: Uint32Array;

  constructor(
    memory: WebAssembly.Memory,
    exports: KernelExports,
    numerics: Numerics,
    maximumBytes: number,
    /** How many walkers share each record; results do not depend on it. */
    readonly parts: number,
  ) {
    this.#device = { memory, exports };
    this.numerics = `wasm-${numerics}`;
    this.#bytes = new Uint8Array(memory.buffer);
    this.#words = new Uint32Array(memory.buffer);
    this.#allocator = new Allocator(exports.heapBase(), (end) => end <= maximumBytes && this.#grow(end));
    this.capabilities = {
      elementSize: 4,
      alignment: ALIGNMENT,
      elementwise: { maxInputs: 16, maxInstructions: 64 },
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
    const writer = new StepWriter(KERNEL_NUMBERS, this.parts);
    const starts = new Int32Array(plan.steps.length + 1);
    plan.steps.forEach((step, i) => {
      const encode = encoders[step.kernel]?.encode;
      if (encode === undefined) throw new Error(`the wasm backend has no kernel ${step.kernel}`);
      starts[i] = writer.records.length;
      writer.step = i;
      encode(step, writer);
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
    return new WasmPlan(plan, table, block, starts, () => this.free(block));
  }

  run(prepared: Prepared, memory: Memory, from = 0, to = prepared.plan.steps.length): void {
    const { exports } = this.#open();
    const { plan, slots, records, starts } = prepared as WasmPlan;
    for (let i = 0; i < plan.slots.length; i++) this.#words[slots / 4 + i] = memory[i];
    const first = starts[from];
    const last = starts[to];
    if (this.parts === 1) {
      if (exports.run(records, first, last, slots, 0, 1) !== 0) this.#throwError(prepared, 0);
      return;
    }
    for (let record = first; record < last; record++) {
      for (let part = 0; part < this.parts; part++) {
        if (exports.run(records, record, record + 1, slots, part, this.parts) !== 0)
          this.#throwError(prepared, part);
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
    this.#device = null;
    this.#bytes = new Uint8Array(0);
    this.#words = new Uint32Array(0);
  }

  /** What the backend runs on, or a clear error. */
  #open(): { readonly memory: WebAssembly.Memory; readonly exports: KernelExports } {
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

  #throwError(prepared: Prepared, part: number): never {
    const { memory, exports } = this.#open();
    const at = exports.errors() / 4 + 4 * part;
    const [index, code, a, b] = new Int32Array(memory.buffer, 4 * at, 4);
    const step = prepared.plan.steps[index];
    const text = encoders[step.kernel].explain?.(code, a, b, step) ?? `failed with code ${code} (${a}, ${b})`;
    throw new KernelError(index, `${step.kernel}: ${text}`);
  }
}
