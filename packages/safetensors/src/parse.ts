import { arrayConstructor, assertLittleEndian, findNonBoolean, type TensorEntry } from './dtypes';
import { quote, SafetensorsError } from './error';
import { readHeader } from './header';

/** What a safetensors file holds. */
export interface SafetensorsFile {
  /** Name → tensor, in the order of the data in the file. */
  readonly tensors: Map<string, TensorEntry>;
  /** The texts of `__metadata__`; an object without a prototype, empty if the file has none. */
  readonly metadata: Record<string, string>;
}

/**
 * Reads a safetensors file from its bytes.
 *
 * Arrays are views into `bytes` where alignment allows it (always, in files written by {@link serialize} and placed at a
 * multiple of 8), copies elsewhere: do not change `bytes` afterwards.
 *
 * As strict as the Rust library, and stricter in these: every duplicate key, BOOL bytes other than 0 and 1, text before
 * the header's brace, a `__metadata__` or an entry that is not an object, and numbers above 2^53 - 1 are errors.
 *
 * @throws SafetensorsError on anything that is not a valid file.
 */
export function parse(bytes: Uint8Array): SafetensorsFile {
  assertLittleEndian();
  const header = readHeader(bytes);
  const tensors = new Map<string, TensorEntry>();
  for (const { name, dtype, shape, start, end } of header.tensors) {
    const view = bytes.subarray(header.dataStart + start, header.dataStart + end);
    if (dtype === 'BOOL') {
      const wrong = findNonBoolean(view);
      if (wrong >= 0) {
        throw new SafetensorsError(
          'bool',
          `safetensors: byte ${header.dataStart + start + wrong}, in tensor ${quote(name)}, is ${view[wrong]}; a BOOL is 0 or 1: write it as U8 instead`,
        );
      }
    }
    tensors.set(name, { dtype, shape, data: typed(view, arrayConstructor(dtype)) } as TensorEntry);
  }
  return { tensors, metadata: header.metadata };
}

function typed(bytes: Uint8Array, constructor: ReturnType<typeof arrayConstructor>): TensorEntry['data'] {
  const size = constructor.BYTES_PER_ELEMENT;
  if (bytes.byteOffset % size === 0) return new constructor(bytes.buffer, bytes.byteOffset, bytes.length / size);
  // Not `slice`: on a Node Buffer that is another view, not a copy.
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return new constructor(copy.buffer, 0, bytes.length / size);
}
