import type { Dtype, TensorEntry } from '../src/index';

const bytesPerElement: Record<Dtype, number> = {
  U64: 8,
  I64: 8,
  F64: 8,
  F32: 4,
  U32: 4,
  I32: 4,
  BF16: 2,
  F16: 2,
  U16: 2,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

const constructors = {
  U64: BigUint64Array,
  I64: BigInt64Array,
  F64: Float64Array,
  F32: Float32Array,
  U32: Uint32Array,
  I32: Int32Array,
  BF16: Uint16Array,
  F16: Uint16Array,
  U16: Uint16Array,
  I16: Int16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
};

/** A tensor whose bytes are `byte(0)`, `byte(1)`, … */
export function tensorOf(dtype: Dtype, shape: readonly number[], byte: (index: number) => number): TensorEntry {
  const count = shape.reduce((product, dimension) => product * dimension, 1);
  const bytes = Uint8Array.from({ length: count * bytesPerElement[dtype] }, (_, i) => byte(i));
  return { dtype, shape, data: new constructors[dtype](bytes.buffer) } as TensorEntry;
}

export const byteSize = ({ dtype, shape }: TensorEntry): number =>
  shape.reduce((product, dimension) => product * dimension, bytesPerElement[dtype]);

/** The bytes of a tensor: NaN payloads and the sign of zero included, which comparing numbers would miss. */
export const rawBytes = ({ data }: TensorEntry): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** A small generator, so that a failing case can be found again from its seed (mulberry32). */
export function seeded(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) % bound;
  };
}
