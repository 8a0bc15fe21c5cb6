import { WireReader, WireType, WireWriter, type WireField } from './protobuf';

/** How one field of a message is read and written. */
export interface FieldCodec<T> {
  readonly number: number;
  readonly wireType: WireType;
  /** What an absent field means. */
  readonly otherwise: T;
  /** Written even if it is what an absent field means. */
  readonly always?: boolean;
  read(bytes: Uint8Array, field: WireField, fail: (problem: string) => Error): T;
  write(writer: WireWriter, value: T): void;
}

/** The fields of a message that a program reads, in the order of their numbers. Others are kept as they are. */
export type Schema<M> = { readonly [K in keyof M]-?: FieldCodec<M[K]> };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

export const stringField = (number: number, otherwise = '', always = false): FieldCodec<string> => ({
  number,
  wireType: WireType.bytes,
  otherwise,
  always,
  read(bytes, field, fail) {
    try {
      return utf8.decode(bytes.subarray(field.content, field.end));
    } catch {
      throw fail('is not UTF-8');
    }
  },
  write: (writer, value) => writer.field(number, encoder.encode(value)),
});

export const bytesField = (number: number): FieldCodec<Uint8Array> => ({
  number,
  wireType: WireType.bytes,
  otherwise: new Uint8Array(0),
  read: (bytes, field) => bytes.slice(field.content, field.end),
  write: (writer, value) => writer.field(number, value),
});

export const intField = (number: number, otherwise: number): FieldCodec<number> => ({
  number,
  wireType: WireType.varint,
  otherwise,
  read: (_, field) => field.int32,
  write: (writer, value) => writer.varint(number, value),
});

export const boolField = (number: number, otherwise: boolean): FieldCodec<boolean> => ({
  number,
  wireType: WireType.varint,
  otherwise,
  read: (_, field) => field.int32 !== 0,
  write: (writer, value) => writer.varint(number, value ? 1 : 0),
});

/** A finite number of 32 bits, always written. */
export const floatField = (number: number): FieldCodec<number> => ({
  number,
  wireType: WireType.fixed32,
  otherwise: 0,
  always: true,
  read(bytes, field, fail) {
    const value = new DataView(bytes.buffer, bytes.byteOffset + field.content, 4).getFloat32(0, true);
    if (!Number.isFinite(value)) throw fail(`is ${value}, expected a finite number`);
    return value;
  },
  write: (writer, value) => writer.float(number, value),
});

/** One of the given words, numbered from 1; the first where absent. */
export const enumField = <T extends string>(number: number, words: readonly T[]): FieldCodec<T> => ({
  number,
  wireType: WireType.varint,
  otherwise: words[0],
  read(_, field, fail) {
    const word = words[field.int32 - 1];
    if (word === undefined) throw fail(`is ${field.int32}, expected a number from 1 to ${words.length}`);
    return word;
  },
  write: (writer, value) => writer.varint(number, words.indexOf(value) + 1),
});

/** Bytes of a message as they were read, held where its fields alone would not give them back. */
export interface Kept {
  readonly kept?: Uint8Array;
}

/** Reads the message in `bytes[start, end)`; `name` is what errors call it. */
export function readMessage<M extends object>(
  schema: Schema<M>,
  kind: string,
  name: string,
  bytes: Uint8Array,
  start = 0,
  end = bytes.length,
): M & Kept {
  const names = Object.keys(schema) as (keyof M & string)[];
  const message = {} as M;
  for (const key of names) message[key] = schema[key].otherwise;
  const reader = new WireReader(kind, bytes, start, end);
  for (let field = reader.next(); field !== undefined; field = reader.next()) {
    const { number, start: place } = field;
    const key = names.find((candidate) => schema[candidate].number === number);
    if (key === undefined) continue;
    reader.expect(field, `${name}.${key}`, schema[key].wireType);
    message[key] = schema[key].read(bytes, field, (problem) => reader.error(place, `${name}.${key} ${problem}`));
  }
  const original = bytes.subarray(start, end);
  return equalBytes(writeMessage(schema, kind, message), original) ? message : { ...message, kept: original.slice() };
}

/**
 * The bytes of a message: those that it was read from where nothing was changed since, and otherwise its fields
 * together with those that the schema does not know, in the order of their numbers.
 */
export function writeMessage<M extends object>(schema: Schema<M>, kind: string, message: M & Kept): Uint8Array {
  const names = Object.keys(schema) as (keyof M & string)[];
  const { kept } = message;
  const fields: { readonly number: number; readonly bytes: Uint8Array }[] = [];
  if (kept !== undefined) {
    const before = readMessage(schema, kind, 'kept', kept);
    if (names.every((key) => equalValues(before[key], message[key]))) return kept;
    const known = new Set(names.map((key) => schema[key].number));
    const reader = new WireReader(kind, kept);
    for (let field = reader.next(); field !== undefined; field = reader.next()) {
      if (known.has(field.number)) continue;
      fields.push({ number: field.number, bytes: kept.subarray(field.start, field.end) });
    }
  }
  const writer = new WireWriter();
  for (const key of names) {
    const { number, otherwise, always, write } = schema[key];
    if (always !== true && equalValues(message[key], otherwise)) continue;
    if (kept === undefined) {
      write(writer, message[key]);
    } else {
      const own = new WireWriter();
      write(own, message[key]);
      fields.push({ number, bytes: own.finish() });
    }
  }
  for (const field of fields.sort((a, b) => a.number - b.number)) writer.raw(field.bytes);
  return writer.finish();
}

const equalValues = (a: unknown, b: unknown): boolean =>
  a instanceof Uint8Array && b instanceof Uint8Array ? equalBytes(a, b) : Object.is(a, b);

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
