import { describe, expect, it } from 'vitest';

import { tensorOf } from '../test/support';
import { parse, serialize, SafetensorsError } from './index';

function file(header: string | Uint8Array, data: ArrayLike<number> = [], length?: bigint): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

function failure(bytes: Uint8Array): SafetensorsError {
  try {
    parse(bytes);
  } catch (error) {
    if (error instanceof SafetensorsError) return error;
    throw error;
  }
  throw new Error('expected an error');
}

const entry = (more: Record<string, unknown> = {}): string =>
  JSON.stringify({ dtype: 'U8', shape: [1], data_offsets: [0, 1], ...more });

describe('parse', () => {
  it('copies where a view would be misaligned', () => {
    const bytes = serialize({ a: { dtype: 'F64', shape: [2], data: Float64Array.of(1.5, -2) } });
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const { data } = parse(shifted.subarray(1)).tensors.get('a')!;
    expect(data).toEqual(Float64Array.of(1.5, -2));
    expect(data.buffer).not.toBe(shifted.buffer);
  });

  it('copies out of a Node Buffer, whose slice would be a view', () => {
    const bytes = Buffer.concat([Buffer.from('x'), serialize({ a: tensorOf('F32', [1], () => 1) })]).subarray(1);
    const { data } = parse(bytes).tensors.get('a')!;
    expect(data.byteOffset % 4).toBe(0);
    expect([...new Uint8Array(data.buffer, data.byteOffset, 4)]).toEqual([1, 1, 1, 1]);
  });

  it('reads shared memory', () => {
    const bytes = serialize({ a: tensorOf('I32', [1], () => 1) });
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    expect(parse(shared).tensors.get('a')!.data[0]).toBe(0x01010101);
  });

  it('treats names such as __proto__ like any other', () => {
    const read = parse(file(`{"__metadata__":{"__proto__":"m"},"__proto__":${entry()}}`, [7]));
    expect([...read.tensors.keys()]).toEqual(['__proto__']);
    expect(Object.entries(read.metadata)).toEqual([['__proto__', 'm']]);
    expect(({} as Record<string, unknown>).dtype).toBeUndefined();
  });

  it.each<[string, Uint8Array, string, RegExp]>([
    ['no bytes', new Uint8Array(0), 'header-length', /0 bytes are too few/],
    ['a truncated header', file('{}', [], 90n), 'header-length', /should take 90 bytes, but only 2 follow/],
    ['a huge header length', file('{}', [], 2n ** 64n - 1n), 'header-length', /18446744073709551615 bytes, more than/],
    ['an empty header', file(''), 'header-json', /is empty, not with "\{"; is this a safetensors file\?/],
    ['a pickle', file('\u0080\u0002}'), 'header-json', /begins with byte 194/],
    ['bytes that are not UTF-8', file(Uint8Array.of(0x7b, 0xff, 0x7d)), 'header-json', /not UTF-8/],
    [
      'a cut header',
      file('{"a":{"dtype":'),
      'header-json',
      /byte 22: expected a string for the dtype .*found the end of/,
    ],
    ['the byte, not the character', file(`{"éé":x}`), 'header-json', /byte 16: expected an object for tensor "éé"/],
    ['an unterminated name', file('{"abc'), 'header-json', /byte 9: a string without an end for a key/],
    ['a duplicate name', file(`{"a":${entry()},"a":${entry()}}`, [1]), 'duplicate', /"a" stands twice in the header/],
    ['a duplicate field', file(`{"a":{"shape":[1],"shape":[1]}}`), 'duplicate', /"shape" stands twice in tensor "a"/],
    ['a duplicate in metadata', file('{"__metadata__":{"k":"","k":""}}'), 'duplicate', /"k" stands twice in __meta/],
    ['metadata not text', file('{"__metadata__":{"k":1}}'), 'header-json', /expected a string for metadata "k"/],
    ['a missing field', file('{"a":{"dtype":"U8","shape":[]}}'), 'header-json', /tensor "a" has no "data_offsets"/],
    ['an unknown dtype', file(`{"a":${entry({ dtype: 'Q4' })}}`), 'dtype', /unknown dtype "Q4"; convert it/],
    ['a dtype named like a method', file(`{"a":${entry({ dtype: 'toString' })}}`), 'dtype', /"toString"/],
    ['a negative dimension', file(`{"a":${entry({ shape: [-1] })}}`), 'shape', /-1 in the shape of tensor "a"/],
    ['a fractional dimension', file(`{"a":${entry({ shape: [1.5] })}}`), 'shape', /1.5 in the shape/],
    ['a dimension of 2^53', file(`{"a":${entry({ shape: [2 ** 53] })}}`), 'shape', /9007199254740992 in the shape/],
    [
      'a product beyond 2^53',
      file(`{"a":${entry({ shape: [2 ** 30, 2 ** 30] })}}`),
      'shape',
      /more than 2\^53 - 1 bytes/,
    ],
    [
      'three offsets',
      file(`{"a":${entry({ data_offsets: [0, 1, 1] })}}`),
      'offsets',
      /\[0, 1, 1\], expected \[start, end\]/,
    ],
    ['reversed offsets', file(`{"a":${entry({ data_offsets: [1, 0] })}}`), 'offsets', /\[1, 0\], expected/],
    ['a size against its shape', file(`{"a":${entry({ shape: [2] })}}`, [1]), 'offsets', /takes 2 bytes, .* give it 1/],
    ['a hole', file(`{"a":${entry({ data_offsets: [1, 2] })}}`, [1, 2]), 'offsets', /hole of 1 bytes after the start/],
    [
      'an overlap',
      file(`{"a":${entry()},"b":${entry()}}`, [1]),
      'offsets',
      /"b" at data bytes 0 to 1 overlaps tensor "a"/,
    ],
    ['truncated data', file(`{"a":${entry()}}`), 'data-length', /truncated: its tensors take 1 bytes of data, only 0/],
    ['bytes left over', file(`{"a":${entry()}}`, [1, 2]), 'data-length', /1 bytes at the end of the file belong to no/],
    ['a BOOL of 3', file(`{"a":${entry({ dtype: 'BOOL' })}}`, [3]), 'bool', /byte \d+, in tensor "a", is 3/],
  ])('refuses %s', (_, bytes, code, message) => {
    const error = failure(bytes);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/[\n\r]/);
  });

  it('keeps the message on one short line whatever the name', () => {
    for (const name of ['\\n\\u001b[31m\\u0085\\u2028', 'x'.repeat(100_000)]) {
      const { message } = failure(file(`{"${name}":{}}`));
      // oxlint-disable-next-line no-control-regex
      expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
      expect(message.length).toBeLessThan(200);
    }
  });

  it('needs neither stack nor memory for hostile headers', () => {
    const million = 1_000_000;
    const hostile = [
      `{"a":{"x":${'['.repeat(million)}`,
      `{"a":{"x":${'{"x":'.repeat(million)}`,
      `{"a":{"x":${'1'.repeat(million)}}}`,
      `{"${'a'.repeat(million)}":1}`,
      `{"${'\\u0061'.repeat(million)}":1}`,
      `{"${'\\'.repeat(2 * million)}":1}`,
      `{${' '.repeat(million)}`,
      `{"a":{"shape":[${'1,'.repeat(million)}`,
      `{"a":${entry({ shape: Array.from({ length: 1000 }, () => 2 ** 50) })}}`,
    ];
    for (const header of hostile) expect(failure(file(header)).message.length).toBeLessThan(400);
  });
});
