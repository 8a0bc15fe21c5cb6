import {
  arrayConstructor,
  assertLittleEndian,
  dtypeRank,
  dtypes,
  elementCount,
  findNonBoolean,
  isDtype,
  type TensorEntry,
} from './dtypes';
import { quote, SafetensorsError } from './error';
import { MAX_HEADER_LENGTH } from './header';

/** Named tensors to write, as a Map or as an object. */
export type NamedTensors = ReadonlyMap<string, TensorEntry> | Readonly<Record<string, TensorEntry>>;

/**
 * Writes tensors as the bytes of a safetensors file, in the canonical form: sorted by dtype as the Rust library does
 * (8-byte ones first), then by name, the header padded to a multiple of 8 bytes, metadata sorted by key.
 * The same tensors give the same bytes, whatever their order.
 *
 * @throws SafetensorsError on data that does not match its dtype or shape, and on names or metadata that no file can hold.
 */
export function serialize(tensors: NamedTensors, metadata?: Readonly<Record<string, string>>): Uint8Array {
  const parts = layOut(tensors, metadata);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  return bytes;
}

/** The pieces of the file in order, header first; the data are views, so that a writer needs no second copy of them. */
export function layOut(tensors: NamedTensors, metadata: Readonly<Record<string, string>> = {}): Uint8Array[] {
  assertLittleEndian();
  const entries = entriesOf(tensors);
  for (const [name, entry] of entries) checkTensor(name, entry);
  entries.sort(([a, x], [b, y]) => dtypeRank(x.dtype) - dtypeRank(y.dtype) || compareCodePoints(a, b));

  const fields = metadataField(metadata);
  const data: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { dtype, shape, data: array }] of entries) {
    const end = offset + array.byteLength;
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [offset, end] })}`);
    data.push(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
    offset = end;
  }
  return [encodeHeader(`{${fields.join(',')}}`), ...data];
}

function encodeHeader(json: string): Uint8Array {
  const text = new TextEncoder().encode(json);
  const padded = Math.ceil(text.length / 8) * 8;
  if (padded > MAX_HEADER_LENGTH) {
    throw new SafetensorsError(
      'header-length',
      `safetensors: the header would take ${padded} bytes, the limit is ${MAX_HEADER_LENGTH}; shorten the metadata or split the file`,
    );
  }
  const header = new Uint8Array(8 + padded).fill(0x20, 8);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(text, 8);
  return header;
}

function metadataField(metadata: Readonly<Record<string, string>>): string[] {
  const entries = Object.entries(metadata).sort(([a], [b]) => compareCodePoints(a, b));
  if (entries.length === 0) return [];
  const fields = entries.map(([key, value]) => {
    if (typeof value !== 'string') {
      const message = `safetensors: metadata ${quote(key)} is of type ${typeof value}; store a string, such as JSON text`;
      throw new SafetensorsError('metadata', message);
    }
    if (!isWellFormed(key) || !isWellFormed(value)) {
      const message = `safetensors: metadata ${quote(key)} has half a surrogate pair; escape it, for instance as JSON text`;
      throw new SafetensorsError('metadata', message);
    }
    return `${JSON.stringify(key)}:${JSON.stringify(value)}`;
  });
  return [`"__metadata__":{${fields.join(',')}}`];
}

/** Throws unless name, dtype, shape and data of a tensor agree. */
export function checkTensor(name: string, { dtype, shape, data }: TensorEntry): void {
  const fail = (code: 'name' | 'dtype' | 'shape' | 'bool', what: string): never => {
    throw new SafetensorsError(code, `safetensors: tensor ${quote(name)}: ${what}`);
  };
  if (name === '__metadata__') fail('name', 'this name is reserved for metadata; choose another');
  if (!isWellFormed(name)) fail('name', 'the name has half a surrogate pair; choose another');
  if (!isDtype(dtype)) fail('dtype', `unknown dtype ${quote(String(dtype))}; use one of ${dtypes.join(', ')}`);
  const expected = arrayConstructor(dtype).name;
  // By tag and not by instanceof: the array may come from another realm, such as an iframe or a test sandbox.
  const found = (data as { [Symbol.toStringTag]?: string } | undefined)?.[Symbol.toStringTag] ?? typeof data;
  if (found !== expected) fail('dtype', `dtype ${dtype} is held by ${expected}, got ${found}; convert it`);
  const wrong = shape.find((dimension) => !Number.isSafeInteger(dimension) || dimension < 0);
  if (wrong !== undefined) fail('shape', `dimension ${wrong} of [${shape}] is not a whole number from 0 to 2^53 - 1`);
  const count = elementCount(shape);
  if (count !== data.length) {
    fail('shape', `shape [${shape}] has ${count ?? 'too many'} elements, its data ${data.length}; correct one of them`);
  }
  if (dtype === 'BOOL') {
    const index = findNonBoolean(data as Uint8Array);
    if (index >= 0) fail('bool', `element ${index} is ${data[index]}; a BOOL is 0 or 1`);
  }
}

export const entriesOf = (tensors: NamedTensors): [string, TensorEntry][] =>
  isMap(tensors) ? [...tensors] : Object.entries(tensors);

const isMap = (tensors: NamedTensors): tensors is ReadonlyMap<string, TensorEntry> =>
  (tensors as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag] === 'Map';

const isWellFormed = (text: string): boolean => !/\p{Surrogate}/u.test(text);

/** Order of Rust strings. JavaScript's `<` compares UTF-16 units, which puts U+10000 and above before U+E000. */
export function compareCodePoints(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    // The second half of a pair is looked at once more, on its own; by then both have it.
    const difference = a.codePointAt(i)! - b.codePointAt(i)!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
