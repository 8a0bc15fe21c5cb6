import { SafetensorsError } from './error';

/** The array that holds each dtype's elements; F16 and BF16 are raw bits, see {@link toFloat32}. */
export interface DtypeArrays {
  U64: BigUint64Array;
  I64: BigInt64Array;
  F64: Float64Array;
  F32: Float32Array;
  U32: Uint32Array;
  I32: Int32Array;
  BF16: Uint16Array;
  F16: Uint16Array;
  U16: Uint16Array;
  I16: Int16Array;
  I8: Int8Array;
  U8: Uint8Array;
  BOOL: Uint8Array;
}

export type Dtype = keyof DtypeArrays;

/** One tensor: its elements in row-major order, as many as the product of its shape. */
export type TensorEntry<D extends Dtype = Dtype> = {
  [K in D]: { readonly dtype: K; readonly shape: readonly number[]; readonly data: DtypeArrays[K] };
}[D];

type ArrayConstructor = {
  readonly BYTES_PER_ELEMENT: number;
  readonly name: string;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): DtypeArrays[Dtype];
};

// The order of the rows is the file order of the canonical form: the Rust library sorts by this list, then by name.
// Sizes descend along it, so that every tensor of a canonical file is aligned.
const table: readonly (readonly [Dtype, ArrayConstructor])[] = [
  ['U64', BigUint64Array],
  ['I64', BigInt64Array],
  ['F64', Float64Array],
  ['F32', Float32Array],
  ['U32', Uint32Array],
  ['I32', Int32Array],
  ['BF16', Uint16Array],
  ['F16', Uint16Array],
  ['U16', Uint16Array],
  ['I16', Int16Array],
  ['I8', Int8Array],
  ['U8', Uint8Array],
  ['BOOL', Uint8Array],
];

/** Every dtype that can be read and written, in canonical file order. */
export const dtypes: readonly Dtype[] = table.map(([dtype]) => dtype);

const constructors = new Map<string, ArrayConstructor>(table);
const ranks = new Map<string, number>(table.map(([dtype], index) => [dtype, index]));

export const isDtype = (name: unknown): name is Dtype => typeof name === 'string' && ranks.has(name);

/** Place in the canonical file order. */
export const dtypeRank = (dtype: Dtype): number => ranks.get(dtype)!;

export const arrayConstructor = (dtype: Dtype): ArrayConstructor => constructors.get(dtype)!;

/** Elements of a shape, or undefined where a product leaves the whole numbers that a double holds exactly. */
export function elementCount(shape: readonly number[]): number | undefined {
  let count = 1;
  for (const dimension of shape) {
    count *= dimension;
    if (count > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return count;
}

/** Index of the first byte that is neither 0 nor 1, or -1. */
export function findNonBoolean(bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] > 1) return i;
  return -1;
}

/** Safetensors files are little-endian and our arrays are views into them, so the machine must be too. */
export function assertLittleEndian(): void {
  if (new Uint8Array(new Uint16Array([1]).buffer)[0] === 1) return;
  throw new SafetensorsError('platform', 'safetensors: this machine is big-endian; run on a little-endian one');
}
