import assert from 'node:assert/strict';

import { describe, expect, it } from 'vitest';

import { parse, SafetensorsError, serialize } from '../src/index';
import { byteSize, seeded, tensorOf } from './support';

type Random = (bound: number) => number;

const bases = [
  serialize({}),
  serialize({ a: tensorOf('U8', [3], (i) => i) }),
  serialize(
    {
      'layer.weight': tensorOf('F32', [4, 3], (i) => i),
      'layer.bias': tensorOf('F16', [3], (i) => i),
      ids: tensorOf('I64', [2], (i) => i),
      mask: tensorOf('BOOL', [5], (i) => i % 2),
      none: tensorOf('F64', [0, 4], () => 0),
    },
    { format: 'qkv', note: 'Ünïcode \u{1f600}' },
  ),
];

const headerLength = (bytes: Uint8Array): number => Number(Buffer.from(bytes).readBigUInt64LE(0));
const headerText = (bytes: Uint8Array): string => Buffer.from(bytes.subarray(8, 8 + headerLength(bytes))).toString();

function withHeader(bytes: Uint8Array, header: string): Uint8Array {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return new Uint8Array(Buffer.concat([length, text, bytes.subarray(8 + headerLength(bytes))]));
}

const numbers =
  '0 1 2 4 5 12 24 -1 -0 1.5 1e3 007 4294967296 9007199254740991 9007199254740993 1e400 18446744073709551616 null "1" [] {}';
const words =
  '"U8" "F32" "F64" "BOOL" "I64" "U9" "f32" "" "dtype" "shape" "data_offsets" "__metadata__" "__proto__" "\\ud800"';

/** Replaces the nth match of a pattern in the header. */
function replaceOne(
  bytes: Uint8Array,
  pattern: RegExp,
  random: Random,
  replacement: (found: string) => string,
): Uint8Array {
  const header = headerText(bytes);
  const matches = [...header.matchAll(pattern)];
  if (matches.length === 0) return bytes;
  const { index, 0: found } = matches[random(matches.length)];
  return withHeader(bytes, header.slice(0, index) + replacement(found) + header.slice(index + found.length));
}

const pick = (list: string, random: Random): string => list.split(' ')[random(list.split(' ').length)];

const mutations: ((bytes: Uint8Array, random: Random) => Uint8Array)[] = [
  // truncate
  (bytes, random) => bytes.slice(0, random(bytes.length + 1)),
  // append
  (bytes, random) => new Uint8Array(Buffer.concat([bytes, Buffer.alloc(random(20), 1)])),
  // flip a bit anywhere
  (bytes, random) => {
    const copy = bytes.slice();
    if (copy.length > 0) copy[random(copy.length)] ^= 1 << random(8);
    return copy;
  },
  // another header length
  (bytes, random) => {
    const copy = bytes.slice();
    const lengths = [
      0n,
      1n,
      8n,
      99_999_999n,
      100_000_000n,
      100_000_001n,
      2n ** 32n,
      2n ** 53n,
      2n ** 63n,
      2n ** 64n - 8n,
    ];
    if (copy.length >= 8) new DataView(copy.buffer).setBigUint64(0, lengths[random(lengths.length)], true);
    return copy;
  },
  // another number: shapes and offsets that overlap, leave holes, are negative, fractional, huge
  (bytes, random) => replaceOne(bytes, /\d+/g, random, () => pick(numbers, random)),
  (bytes, random) => replaceOne(bytes, /\d+/g, random, (found) => String(Number(found) + random(5) - 2)),
  // another key, name or dtype, which makes duplicates too
  (bytes, random) => replaceOne(bytes, /"[^"]*"/g, random, () => pick(words, random)),
  // a character of JSON's own too few or too many
  (bytes, random) => replaceOne(bytes, /[[\]{}:,"]/g, random, (found) => (random(2) ? '' : found + found)),
  // an entry twice
  (bytes, random) => replaceOne(bytes, /"[^"]*":\{[^{}]*\}/g, random, (found) => `${found},${found}`),
  // deep nesting
  (bytes, random) =>
    replaceOne(
      bytes,
      /"dtype"/g,
      random,
      (found) => `"x":${'['.repeat(random(100))}${']'.repeat(random(100))},${found}`,
    ),
];

function check(bytes: Uint8Array): 'read' | 'refused' {
  let file;
  try {
    file = parse(bytes);
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    // oxlint-disable-next-line no-control-regex
    assert(!/[\u0000-\u001f\u007f]/.test(error.message) && error.message.length < 600, error.message);
    return 'refused';
  }
  let total = 0;
  for (const entry of file.tensors.values()) {
    const { data } = entry;
    assert.equal(data.byteLength, byteSize(entry));
    // A view stays inside the bytes that were given; a copy has a buffer of its own size.
    const isView = data.buffer === bytes.buffer;
    const start = data.byteOffset - bytes.byteOffset;
    assert(isView ? start >= 8 && start + data.byteLength <= bytes.length : data.buffer.byteLength === data.byteLength);
    total += data.byteLength;
  }
  assert.equal(total, bytes.length - 8 - headerLength(bytes));
  return 'read';
}

describe('parse on 20,000 damaged files', () => {
  it('reads within bounds or throws SafetensorsError, in bounded memory', () => {
    const counts = { read: 0, refused: 0 };
    const before = process.memoryUsage();
    let peak = 0;
    for (let seed = 0; seed < 20_000; seed++) {
      const random = seeded(seed);
      let bytes = bases[random(bases.length)];
      try {
        for (let times = 1 + random(3); times > 0; times--) {
          // A mutation of a file whose length field is already broken would be lost in our own helpers.
          if (bytes.length < 8 || headerLength(bytes) > bytes.length - 8) break;
          bytes = mutations[random(mutations.length)](bytes, random);
        }
        counts[check(bytes)]++;
      } catch (error) {
        throw new Error(`seed ${seed}: ${Buffer.from(bytes).toString('latin1')}`, { cause: error });
      }
      if (seed % 500 === 0) peak = Math.max(peak, process.memoryUsage().rss - before.rss);
    }
    expect(counts.read).toBeGreaterThan(500); // the mutations must not all be blunt
    expect(counts.refused).toBeGreaterThan(10_000);
    expect(peak).toBeLessThan(300e6); // a single header length taken at its word would be 100 MB
  });
});
