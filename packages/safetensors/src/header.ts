import { elementCount, arrayConstructor, dtypes, isDtype, type Dtype } from './dtypes';
import { quote, SafetensorsError, type SafetensorsErrorCode } from './error';
import { HeaderReader } from './header-reader';

/** The Rust library's limit, in bytes. */
export const MAX_HEADER_LENGTH = 100_000_000;

/** One tensor as the header describes it; offsets in bytes from the start of the data. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

export interface Header {
  /** In order of their data. */
  readonly tensors: readonly TensorInfo[];
  readonly metadata: Record<string, string>;
  /** Byte of the file at which the data begins. */
  readonly dataStart: number;
}

const DAMAGED = 'fetch or save the file again';

/** Reads and checks everything a file says about its tensors, without touching their data. */
export function readHeader(bytes: Uint8Array): Header {
  const length = headerLength(bytes);
  const reader = new HeaderReader(headerText(bytes, length));
  const tensors: TensorInfo[] = [];
  // Without a prototype, so that a key such as `__proto__` is a key like any other.
  const metadata = Object.create(null) as Record<string, string>;

  reader.object('the header', (name) => {
    if (name === '__metadata__') {
      reader.object('__metadata__', (key) => {
        metadata[key] = reader.string(`metadata ${quote(key)}`);
      });
    } else {
      tensors.push(readTensor(reader, name));
    }
  });
  reader.end();

  tensors.sort((a, b) => a.start - b.start || a.end - b.end);
  checkLayout(tensors, bytes.length - 8 - length);
  return { tensors, metadata, dataStart: 8 + length };
}

function headerLength(bytes: Uint8Array): number {
  const fail = (what: string): never => {
    throw new SafetensorsError('header-length', `safetensors: ${what}; ${DAMAGED}`);
  };
  if (bytes.length < 8) fail(`${bytes.length} bytes are too few, a file begins with 8 bytes of header length`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_LENGTH)) {
    fail(`the first 8 bytes ask for a header of ${length} bytes, more than the limit of ${MAX_HEADER_LENGTH}`);
  }
  if (Number(length) > bytes.length - 8) {
    fail(`the header should take ${length} bytes, but only ${bytes.length - 8} follow its length (truncated)`);
  }
  return Number(length);
}

function headerText(bytes: Uint8Array, length: number): string {
  // A copy, because a text decoder refuses shared memory.
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(8, 8 + length));
  if (copy[0] !== 0x7b) {
    const found = length === 0 ? 'is empty' : `begins with byte ${copy[0]}`;
    throw new SafetensorsError(
      'header-json',
      `safetensors: byte 8: the header ${found}, not with "{"; is this a safetensors file?`,
    );
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(copy);
  } catch (cause) {
    throw new SafetensorsError('header-json', `safetensors: the header is not UTF-8 text; ${DAMAGED}`, { cause });
  }
}

function readTensor(reader: HeaderReader, name: string): TensorInfo {
  const where = `tensor ${quote(name)}`;
  const fail = (code: SafetensorsErrorCode, what: string): never => {
    throw new SafetensorsError(code, `safetensors: ${where} ${what}`);
  };
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  reader.object(where, (key) => {
    if (key === 'dtype') dtype = reader.string(`the dtype of ${where}`);
    else if (key === 'shape') shape = reader.integers('shape', `the shape of ${where}`);
    else if (key === 'data_offsets') offsets = reader.integers('offsets', `the data_offsets of ${where}`);
    else reader.skip(); // unknown fields are ignored, as the Rust library ignores them
  });

  if (dtype === undefined) return fail('header-json', 'has no "dtype"; add it');
  if (shape === undefined) return fail('header-json', 'has no "shape"; add it');
  if (offsets === undefined) return fail('header-json', 'has no "data_offsets"; add them');
  if (!isDtype(dtype)) {
    return fail('dtype', `has the unknown dtype ${quote(dtype)}; convert it to one of ${dtypes.join(', ')}`);
  }
  const [start, end] = offsets;
  if (offsets.length !== 2 || end < start) {
    return fail('offsets', `has data_offsets [${excerpt(offsets)}], expected [start, end]; ${DAMAGED}`);
  }
  const size = (elementCount(shape) ?? Infinity) * arrayConstructor(dtype).BYTES_PER_ELEMENT;
  const described = `of dtype ${dtype} and shape [${excerpt(shape)}]`;
  if (size > Number.MAX_SAFE_INTEGER) {
    return fail('shape', `${described} has more than 2^53 - 1 bytes; correct its shape`);
  }
  if (size !== end - start) {
    return fail(
      'offsets',
      `${described} takes ${size} bytes, its data_offsets [${offsets}] give it ${end - start}; ${DAMAGED}`,
    );
  }
  return { name, dtype, shape, start, end };
}

const excerpt = (values: readonly number[]): string =>
  `${values.slice(0, 16).join(', ')}${values.length > 16 ? ', …' : ''}`;

/** Tensors must follow each other from byte 0 to the end of the file: no overlap, no hole, nothing left over. */
function checkLayout(tensors: readonly TensorInfo[], available: number): void {
  let position = 0;
  let previous = 'the start of the data';
  for (const { name, start, end } of tensors) {
    if (start !== position) {
      const relation = start < position ? 'overlaps' : `leaves a hole of ${start - position} bytes after`;
      throw new SafetensorsError(
        'offsets',
        `safetensors: tensor ${quote(name)} at data bytes ${start} to ${end} ${relation} ${previous}; lay tensors out without gaps`,
      );
    }
    position = end;
    previous = `tensor ${quote(name)}`;
  }
  if (position === available) return;
  const problem =
    position > available
      ? `the file is truncated: its tensors take ${position} bytes of data, only ${available} are there`
      : `${available - position} bytes at the end of the file belong to no tensor`;
  throw new SafetensorsError('data-length', `safetensors: ${problem}; ${DAMAGED}`);
}
