import type { DType, Shape, TensorSpec } from './dtype';

/**
 * The contract between a plan and what runs it. A backend owns memory and arithmetic, and nothing else: it never sees a
 * graph, a gradient, a shape rule or a lifetime. All of that is decided before, and written into the plan.
 */

/** A block of device memory, named by a positive integer. */
export type Handle = number;

/**
 * One argument of a step: a strided window onto a slot. Element (i₀, i₁, …) lies at
 * `byteOffset + elementSize · Σ i_d · strides[d]`; a stride of 0 repeats (broadcasting).
 */
export interface Operand {
  readonly slot: number;
  readonly byteOffset: number;
  readonly shape: Shape;
  /** In elements, one per dimension. */
  readonly strides: readonly number[];
  readonly dtype: DType;
}

export type AttributeValue = number | boolean | string | readonly number[] | ElementwiseProgram;
export type Attributes = Readonly<Record<string, AttributeValue>>;

/**
 * An element-wise program in single-assignment form. Registers 0 … inputs−1 hold the inputs; instruction i defines
 * register inputs+i; `results[j]` is the register that output j stores.
 */
export interface ElementwiseProgram {
  readonly inputs: number;
  readonly instructions: readonly ElementwiseInstruction[];
  readonly results: readonly number[];
}

export interface ElementwiseInstruction {
  /** The name of an element-wise primitive (or of an element-wise composite that the backend supports), or `literal`. */
  readonly op: string;
  readonly args: readonly number[];
  /** Type of the register that it defines. */
  readonly dtype: DType;
  /** The value of a `literal`; booleans are 0 and 1. */
  readonly value?: number;
}

/**
 * One kernel call. `inputs` of kernels for which `readsStrides` is false are contiguous; outputs are contiguous except
 * those of `copy` and `fill`. The kernels that every backend has are listed in `kernels.ts`; composites come by name.
 */
export interface Step {
  readonly kernel: string;
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
  readonly attributes: Attributes;
  /** Scratch memory inside the arena, sized by `capabilities.workspace`. */
  readonly workspace?: { readonly slot: number; readonly byteOffset: number; readonly bytes: number };
  /** Positions, in the traced graph, of the nodes this step came from; errors and `explain` use them. */
  readonly nodes: readonly number[];
}

/** Slot 0 is the arena; further slots are Variables, in order of first use. */
export interface Slot {
  readonly kind: 'arena' | 'variable';
  readonly bytes: number;
}

/** A region of the arena which the host fills before a run or reads after it. */
export interface HostRegion {
  readonly slot: number;
  readonly byteOffset: number;
  readonly spec: TensorSpec;
}

/** A list of steps over one arena and some Variables: plain data, cached and reused. */
export interface Plan {
  readonly slots: readonly Slot[];
  readonly steps: readonly Step[];
  /** Written by the host before the first step, in the order of the trace's leaves. */
  readonly inputs: readonly (HostRegion | null)[];
  /** Read by the host after the last step. */
  readonly outputs: readonly HostRegion[];
}

/** What a step would be, before memory is decided; the question that `supports` and `workspace` answer. */
export interface StepDescription {
  readonly kernel: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly attributes: Attributes;
}

export interface Capabilities {
  /** Bytes of one element on the device: 4 for each type, 8 where everything is computed in float64. Booleans are 0 and 1. */
  readonly elementSize: number;
  /** Offsets into the arena are multiples of this many bytes. */
  readonly alignment: number;
  /** Limits of an element-wise program; the plan splits longer chains. */
  readonly elementwise: { readonly maxInputs: number; readonly maxInstructions: number };
  /** Whether a matrix product may carry the element-wise program that reads it. */
  readonly epilogues: boolean;
  /** Whether a composite has a fused kernel for exactly this case; what is not supported is expanded. */
  supports(step: StepDescription): boolean;
  /** Whether input `index` of `kernel` may be strided; otherwise the plan copies it to be contiguous. */
  readsStrides(kernel: string, index: number): boolean;
  /** Scratch bytes that the step needs. */
  workspace(step: StepDescription): number;
}

/** Where the bytes are, for one run: a handle for each slot of the plan. */
export type Memory = readonly Handle[];

export interface Backend {
  /** Short name, such as `wasm`. */
  readonly name: string;
  /** Names the arithmetic, such as `wasm-fma`: results are bit-identical for one version of qkv and one numerics id. */
  readonly numerics: string;
  readonly capabilities: Capabilities;
  /** Settles when the device can no longer be used. */
  readonly lost: Promise<Error>;
  /** Throws `OutOfMemory`. The bytes are not initialised. */
  allocate(bytes: number): Handle;
  free(handle: Handle): void;
  /** Queued in order with runs and reads; the bytes are taken at the call. */
  write(handle: Handle, byteOffset: number, bytes: Uint8Array): void;
  /** Turns a plan into whatever the backend runs. The result is dropped with the plan. */
  prepare(plan: Plan): Prepared;
  /** Runs steps `from` … `to`−1 (all of them by default). A failing step throws `KernelError`. */
  run(prepared: Prepared, memory: Memory, from?: number, to?: number): void | Promise<void>;
  /**
   * Runs all steps up to `times` times without coming back to the host between, as decoding does, and says how often.
   * Optional: an engine repeats `run` where it is missing or declines with null.
   */
  repeat?(prepared: Prepared, memory: Memory, loop: Loop): Promise<number> | null;
  /** Runs all steps, like `run`, and tells how long each one took. */
  profile(prepared: Prepared, memory: Memory): Promise<StepTimes>;
  /** Copies regions to the host, in one round trip. */
  read(regions: readonly { handle: Handle; byteOffset: number; bytes: number }[]): Promise<Uint8Array[]>;
  /** Gives everything back; the backend cannot be used afterwards. */
  close(): void;
}

/** A plan that is run again and again. Host-written regions of such a plan stay as they are. */
export interface Loop {
  readonly times: number;
  /** After a run in which this word is not 0, none follows. */
  readonly until: { readonly slot: number; readonly byteOffset: number };
  /** Incremented after each run: the step of the random generator's state. */
  readonly counter: { readonly slot: number; readonly byteOffset: number } | null;
}

/** How long the steps of one run took. */
export interface StepTimes {
  /** One per step. */
  readonly milliseconds: Float64Array;
  /** GFLOP/s that the arithmetic units could do at most, all threads together, measured just before; NaN where unknown. */
  readonly peak: number;
}

/** A prepared plan; opaque to everything but the backend that made it. */
export interface Prepared {
  readonly plan: Plan;
  /** Gives back what `prepare` took from the device. */
  release(): void;
}

/** Thrown by `allocate`; the engine adds what the memory was for. */
export class OutOfMemory extends Error {
  override readonly name = 'OutOfMemory';
  constructor(readonly bytes: number) {
    super(`cannot allocate ${bytes} bytes on the device`);
  }
}

/** Thrown by `run` when a step meets data it cannot use, such as an index outside a table. */
export class KernelError extends Error {
  override readonly name = 'KernelError';
  constructor(
    /** Position in `plan.steps`. */
    readonly step: number,
    message: string,
  ) {
    super(message);
  }
}
