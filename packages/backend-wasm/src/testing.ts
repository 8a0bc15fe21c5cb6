import type { DType, HostData, Plan, Step } from '@qkv/tensor';

import type { WasmBackend } from './backend';
import type { Operand } from './encoder';
import type { Numerics } from './module';
import { createWithParts } from './wasm';

/** An input (with data) or output (without) of a kernel under test. Strided ones lie in `data` as the operand says. */
export interface Argument {
  readonly shape: readonly number[];
  readonly dtype?: DType;
  readonly data?: HostData;
  /** In elements; contiguous by default. */
  readonly strides?: readonly number[];
  /** In elements. */
  readonly offset?: number;
  /** Share the memory of this input (an output written in place). */
  readonly inPlaceOf?: number;
}

export function contiguous(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = stride;
    stride *= shape[d];
  }
  return strides;
}

/** Elements that a window spans. */
function extent({ shape, strides = contiguous(shape), offset = 0 }: Argument): number {
  if (shape.some((n) => n === 0)) return offset;
  return shape.reduce((last, n, d) => last + (n - 1) * strides[d], offset) + 1;
}

const backends = new Map<string, Promise<WasmBackend>>();
function backend(numerics: Numerics, parts: number): Promise<WasmBackend> {
  const key = `${numerics}/${parts}`;
  let found = backends.get(key);
  if (!found) backends.set(key, (found = createWithParts({ numerics, maximumMemory: 2 ** 29 }, parts)));
  return found;
}

function typed(bytes: Uint8Array, dtype: DType): Float32Array | Int32Array {
  const { buffer, byteOffset, length } = bytes;
  return dtype === 'float32'
    ? new Float32Array(buffer as ArrayBuffer, byteOffset, length / 4)
    : new Int32Array(buffer as ArrayBuffer, byteOffset, length / 4);
}

/** Runs one kernel alone, on an arena that is NaN wherever nothing was written. */
export async function runKernelOn(
  engine: WasmBackend,
  kernel: string,
  inputs: readonly Argument[],
  outputs: readonly Argument[],
  attributes: Step['attributes'] = {},
): Promise<(Float32Array | Int32Array)[]> {
  let end = 0;
  const place = (argument: Argument): number => {
    const at = end;
    end += Math.ceil((4 * Math.max(extent(argument), argument.data?.length ?? 0)) / 64) * 64 + 64;
    return at;
  };
  const operand = (argument: Argument, base: number): Operand => ({
    slot: 0,
    byteOffset: base + 4 * (argument.offset ?? 0),
    shape: argument.shape,
    strides: argument.strides ?? contiguous(argument.shape),
    dtype: argument.dtype ?? 'float32',
  });
  const inputBases = inputs.map(place);
  const outputBases = outputs.map((output) =>
    output.inPlaceOf === undefined ? place(output) : inputBases[output.inPlaceOf],
  );
  const description = {
    kernel,
    inputs: inputs.map(({ shape, dtype = 'float32' }) => ({ shape, dtype })),
    outputs: outputs.map(({ shape, dtype = 'float32' }) => ({ shape, dtype })),
    attributes,
  };
  const bytes = engine.capabilities.workspace(description);
  const step: Step = {
    kernel,
    inputs: inputs.map((input, i) => operand(input, inputBases[i])),
    outputs: outputs.map((output, i) => operand(output, outputBases[i])),
    attributes,
    workspace: { slot: 0, byteOffset: end, bytes },
    nodes: [],
  };
  const size = end + bytes + 64;
  const plan: Plan = { slots: [{ kind: 'arena', bytes: size }], steps: [step], inputs: [], outputs: [] };
  const arena = engine.allocate(size);
  const prepared = engine.prepare(plan);
  try {
    engine.write(arena, 0, new Uint8Array(size).fill(255));
    inputs.forEach((input, i) => {
      if (!input.data) return;
      const dtype = input.dtype ?? 'float32';
      const data = dtype === 'float32' ? Float32Array.from(input.data) : Int32Array.from(input.data);
      engine.write(arena, inputBases[i], new Uint8Array(data.buffer));
    });
    engine.run(prepared, [arena]);
    const guards = await engine.read([{ handle: arena, byteOffset: size - 64, bytes: 64 }]);
    if (guards[0].some((byte) => byte !== 255)) throw new Error(`${kernel} wrote past its workspace`);
    const read = await engine.read(
      outputs.map((output, i) => ({ handle: arena, byteOffset: outputBases[i], bytes: 4 * extent(output) })),
    );
    return read.map((data, i) => typed(data, outputs[i].dtype ?? 'float32'));
  } finally {
    prepared.release();
    engine.free(arena);
  }
}

/**
 * Runs one kernel with both numerics, each in one part and in three, and holds the bits of one and three equal.
 * Returns the outputs of each variant.
 */
export async function runKernel(
  kernel: string,
  inputs: readonly Argument[],
  outputs: readonly Argument[],
  attributes: Step['attributes'] = {},
): Promise<Record<Numerics, (Float32Array | Int32Array)[]>> {
  const results = {} as Record<Numerics, (Float32Array | Int32Array)[]>;
  for (const numerics of ['fma', 'nofma'] as const) {
    const one = await runKernelOn(await backend(numerics, 1), kernel, inputs, outputs, attributes);
    const three = await runKernelOn(await backend(numerics, 3), kernel, inputs, outputs, attributes);
    one.forEach((expected, o) => {
      const a = new Int32Array(expected.buffer, expected.byteOffset, expected.length);
      const b = new Int32Array(three[o].buffer, three[o].byteOffset, expected.length);
      // The bits of a NaN are the engine's affair: its tiers order the operands of an addition differently.
      const different = a.findIndex(
        (word, i) => word !== b[i] && !(Number.isNaN(expected[i]) && Number.isNaN(three[o][i])),
      );
      if (different >= 0)
        throw new Error(
          `${kernel} (${numerics}): output ${o}[${different}] is ${expected[different]} in one part, ${three[o][different]} in three`,
        );
    });
    results[numerics] = one;
  }
  return results;
}

/** Pseudo-random numbers for tests, in [−1, 1). */
export function sampler(seed: number): {
  next(): number;
  int(below: number): number;
  array(length: number): Float32Array;
} {
  let state = seed >>> 0 || 1;
  const word = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const next = (): number => word() / 2 ** 31 - 1;
  return { next, int: (below) => word() % below, array: (length) => Float32Array.from({ length }, next) };
}
