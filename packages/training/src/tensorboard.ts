/**
 * TensorBoard's event files: records of an Event protocol buffer each, framed as TFRecord
 * (length, masked CRC-32C of the length, data, masked CRC-32C of the data). Only what scalars need.
 */

/** A file begins with this event. `wallTime` is in seconds since 1970. */
export function encodeFileVersion(wallTime: number): Uint8Array {
  return record([...double(1, wallTime), ...bytes(3, utf8('brain.Event:2'))]);
}

/** Scalars of one step. @throws RangeError if the step is not a whole number from 0. */
export function encodeEvent(step: number, scalars: Readonly<Record<string, number>>, wallTime: number): Uint8Array {
  if (!Number.isSafeInteger(step) || step < 0) throw new RangeError(`encodeEvent: step is ${step}, expected a count`);
  const summary = Object.entries(scalars).flatMap(([tag, value]) =>
    bytes(1, [...bytes(1, utf8(tag)), ...float(2, value)]),
  );
  return record([...double(1, wallTime), ...tagged(2, 0), ...varint(step), ...bytes(5, summary)]);
}

function record(data: readonly number[]): Uint8Array {
  const framed = new Uint8Array(data.length + 16);
  const view = new DataView(framed.buffer);
  view.setUint32(0, data.length, true);
  view.setUint32(8, maskedCrc(framed.subarray(0, 8)), true);
  framed.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(framed.subarray(12, 12 + data.length)), true);
  return framed;
}

// ---- Protocol buffers: fields by number and wire type (0 varint, 1 eight bytes, 2 bytes, 5 four bytes).

const tagged = (field: number, wireType: number): number[] => [(field << 3) | wireType];

function varint(value: number): number[] {
  const groups: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) groups.push((value % 128) | 128);
  return [...groups, value];
}

const bytes = (field: number, data: readonly number[]): number[] => [
  ...tagged(field, 2),
  ...varint(data.length),
  ...data,
];
const float = (field: number, value: number): number[] => [
  ...tagged(field, 5),
  ...littleEndian(4, (view) => view.setFloat32(0, value, true)),
];
const double = (field: number, value: number): number[] => [
  ...tagged(field, 1),
  ...littleEndian(8, (view) => view.setFloat64(0, value, true)),
];

function littleEndian(size: number, write: (view: DataView) => void): Uint8Array {
  const buffer = new Uint8Array(size);
  write(new DataView(buffer.buffer));
  return buffer;
}

const utf8 = (text: string): number[] => [...new TextEncoder().encode(text)];

// ---- CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), masked as TFRecord does.

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

function maskedCrc(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff];
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
