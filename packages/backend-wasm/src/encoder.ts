import type { Step, StepDescription } from '@qkv/tensor';

import type { KERNEL_NUMBERS } from './generated/kernels';

/** A kernel in `assembly/`: any exported function with the kernel signature. */
export type WasmKernel = keyof typeof KERNEL_NUMBERS;

/** A strided window onto a slot. */
export type Operand = Step['inputs'][number];

/** Somewhere in the plan's memory: an operand, a workspace. */
export interface Place {
  readonly slot: number;
  readonly byteOffset: number;
}

/**
 * Collects the records of a step list. A record is one call of one wasm kernel; all walkers meet at a barrier after each,
 * so a kernel that needs its phases apart is several records.
 */
export class StepWriter {
  /** Start of each record in `words`. */
  readonly records: number[] = [];
  readonly #words: number[] = [];
  readonly #bits = new DataView(new ArrayBuffer(8));

  /** `step` is the position in the plan of the step that is being encoded. */
  step = 0;

  constructor(
    private readonly numbers: Readonly<Record<string, number>>,
    /** How many walkers share the list: the sizes of workspaces may depend on it, results may not. */
    readonly parts: number,
  ) {}

  get words(): readonly number[] {
    return this.#words;
  }

  /** Begins a record; the words that follow are its arguments. */
  kernel(name: WasmKernel): this {
    this.records.push(this.#words.length);
    this.#words.push(this.numbers[name], this.step);
    return this;
  }

  /** One word, read by `int(args, i)`. */
  int(value: number): this {
    this.#words.push(value | 0);
    return this;
  }

  /** One word, read by `float(args, i)`. */
  float(value: number): this {
    this.#bits.setFloat32(0, value, true);
    return this.int(this.#bits.getInt32(0, true));
  }

  /** Two words, read by `double(args, i)`. */
  double(value: number): this {
    this.#bits.setFloat64(0, value, true);
    return this.int(this.#bits.getInt32(0, true)).int(this.#bits.getInt32(4, true));
  }

  /** Two words, read by `ptr(args, i, slots)`. */
  ptr(place: Place, extraBytes = 0): this {
    return this.int(place.slot).int(place.byteOffset + extraBytes);
  }
}

/** What the host knows about one kernel of the contract. */
export interface KernelEncoder {
  /** Writes the step's records. Absent for what exists only inside element-wise programs (`gelu`, …). */
  readonly encode?: (step: Step, writer: StepWriter) => void;
  /** Which inputs may be strided: all, none (the default), or those listed. */
  readonly strided?: boolean | readonly number[];
  /** Whether this case has a fused kernel; always, if absent. */
  readonly supports?: (step: StepDescription) => boolean;
  /** Scratch bytes for `parts` walkers. */
  readonly workspace?: (step: StepDescription, parts: number) => number;
  /** Says what `fail(code, a, b)` in the kernel means. */
  readonly explain?: (code: number, a: number, b: number, step: Step) => string;
}

export type KernelEncoders = Readonly<Record<string, KernelEncoder>>;

/** Number of elements. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** The bits of a value as the operand's type stores them. */
export function valueBits(value: number, dtype: Operand['dtype']): number {
  if (dtype === 'float32') return new Int32Array(new Float32Array([value]).buffer)[0];
  return dtype === 'bool' ? Number(value !== 0) : value | 0;
}

/** Drops dimensions of size 1 and merges neighbours that all operands walk as one. Outermost first. */
export function mergeDimensions(
  shape: readonly number[],
  ...strides: readonly (readonly number[])[]
): { shape: number[]; strides: number[][] } {
  const merged: number[] = [];
  const steps: number[][] = strides.map(() => []);
  for (let d = 0; d < shape.length; d++) {
    if (shape[d] === 1) continue;
    const last = merged.length - 1;
    if (last >= 0 && strides.every((s, o) => steps[o][last] === s[d] * shape[d])) {
      merged[last] *= shape[d];
      steps.forEach((s, o) => (s[last] = strides[o][d]));
    } else {
      merged.push(shape[d]);
      steps.forEach((s, o) => s.push(strides[o][d]));
    }
  }
  return { shape: merged, strides: steps };
}
