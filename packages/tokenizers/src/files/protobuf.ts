import { fileError } from './file-error';

/** A field of a protobuf message as it stands in the bytes. */
export interface WireField {
  readonly number: number;
  readonly wireType: number;
  /** Of wire type 0: the lower 32 bits of its value, signed; all that int32, bool and enumerations need. */
  readonly int32: number;
  /** The whole field, its tag included. */
  readonly start: number;
  /** Where its content begins; it goes to `end`. */
  readonly content: number;
  readonly end: number;
}

export const WireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;
export type WireType = (typeof WireType)[keyof typeof WireType];

const MAX_VARINT_BYTES = 10;
const WIRE_TYPE_NAMES = ['a varint', '8 bytes', 'bytes of a given length', 'a group', 'a group', '4 bytes'];

/**
 * Cuts a protobuf message into its fields. Nothing is copied and no claimed length is believed, so that damaged bytes
 * cost no more than their own size.
 */
export class WireReader {
  private position: number;
  private varintValue = 0;
  private varintLow = 0;

  constructor(
    private readonly kind: string,
    private readonly bytes: Uint8Array,
    start = 0,
    private readonly end = bytes.length,
  ) {
    this.position = start;
  }

  /** The next field, undefined at the end. */
  next(): WireField | undefined {
    if (this.position >= this.end) return undefined;
    const start = this.position;
    this.readVarint();
    const tag = this.varintValue;
    const number = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (number === 0 || number >= 2 ** 29) throw this.error(start, `a field has the number ${number}`);
    let content = this.position;
    let int32 = 0;
    if (wireType === WireType.varint) {
      this.readVarint();
      int32 = this.varintLow;
    } else if (wireType === WireType.bytes) {
      this.readVarint();
      content = this.position;
      this.skip(start, number, this.varintValue);
    } else if (wireType === WireType.fixed32 || wireType === WireType.fixed64) {
      this.skip(start, number, wireType === WireType.fixed32 ? 4 : 8);
    } else {
      throw this.error(start, `field ${number} has the wire type ${wireType}, which is not used in such files`);
    }
    return { number, wireType, int32, start, content, end: this.position };
  }

  /** Throws unless a field is of the given wire type. */
  expect(field: WireField, name: string, wireType: WireType): void {
    if (field.wireType === wireType) return;
    const found = WIRE_TYPE_NAMES[field.wireType];
    throw this.error(field.start, `${name} is ${found}, expected ${WIRE_TYPE_NAMES[wireType]}`);
  }

  error(offset: number, problem: string): Error {
    return fileError(this.kind, `byte ${offset}`, `${problem}; the file is damaged or of another kind, get it again`);
  }

  private skip(start: number, number: number, length: number): void {
    const left = this.end - this.position;
    if (length > left) throw this.error(start, `field ${number} claims ${length} bytes, ${left} are left`);
    this.position += length;
  }

  private readVarint(): void {
    const start = this.position;
    let value = 0;
    let low = 0;
    let scale = 1;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      if (this.position >= this.end) throw this.error(start, 'a number is cut off');
      const byte = this.bytes[this.position++];
      value += (byte & 0x7f) * scale;
      if (i < 5) low |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) {
        this.varintValue = value;
        this.varintLow = low;
        return;
      }
      scale *= 0x80;
    }
    throw this.error(start, `a number does not end after ${MAX_VARINT_BYTES} bytes`);
  }
}

/** Writes fields of a protobuf message. */
export class WireWriter {
  private bytes = new Uint8Array(64);
  private length = 0;
  private readonly floats = new DataView(new ArrayBuffer(4));

  /** Any whole number; a negative one takes ten bytes, as protobuf has it for int32. */
  varint(number: number, value: number): void {
    this.rawVarint(number * 8 + WireType.varint);
    if (value >= 0) return this.rawVarint(value);
    // Two's complement in 64 bits: -value - 1 with all bits turned, seven at a time.
    let rest = -value - 1;
    for (let i = 0; i < MAX_VARINT_BYTES - 1; i++) {
      this.byte((~rest & 0x7f) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(1);
  }

  float(number: number, value: number): void {
    this.rawVarint(number * 8 + WireType.fixed32);
    this.floats.setFloat32(0, value, true);
    for (let i = 0; i < 4; i++) this.byte(this.floats.getUint8(i));
  }

  field(number: number, content: Uint8Array): void {
    this.rawVarint(number * 8 + WireType.bytes);
    this.rawVarint(content.length);
    this.raw(content);
  }

  /** Bytes that are fields already. */
  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  private rawVarint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  private byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  private reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}
