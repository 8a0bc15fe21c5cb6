import { createHash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import oracle from '../test/oracle/half.json';
import { toFloat32 } from './index';
import { halfBits } from './to-float16';

/** The finite halves from 0 on, by the formula; toFloat32 is held to the same one in its own test. */
const halves = Float64Array.from({ length: 0x7c00 }, (_, bits) => {
  const [exponent, mantissa] = [bits >> 10, bits & 1023];
  return exponent === 0 ? mantissa * 2 ** -24 : (1 + mantissa / 1024) * 2 ** (exponent - 15);
});
const next = (i: number): number => halves[i + 1] ?? 65536;
const middles = halves.map((half, i) => (half + next(i)) / 2);

/** The next float of either width, up or down; all of ours are positive. */
function neighbour(x: number, by: 1 | -1, width: 32 | 64): number {
  const view = new DataView(new ArrayBuffer(8));
  if (width === 32) {
    view.setFloat32(0, x);
    view.setUint32(0, view.getUint32(0) + by);
    return view.getFloat32(0);
  }
  view.setFloat64(0, x);
  view.setBigUint64(0, view.getBigUint64(0) + BigInt(by));
  return view.getFloat64(0);
}

const rows: Record<keyof typeof oracle, Float64Array> = {
  halves,
  middles,
  below: middles.map((x) => neighbour(x, -1, 32)),
  above: middles.map((x) => neighbour(x, 1, 32)),
  doublesBelow: middles.map((x) => neighbour(x, -1, 64)),
  doublesAbove: middles.map((x) => neighbour(x, 1, 64)),
};

describe('halfBits', () => {
  it('gives back all 65,536 halves', () => {
    const every = Uint16Array.from({ length: 65_536 }, (_, bits) => bits);
    const values = toFloat32({ dtype: 'F16', shape: [65_536], data: every });
    const isNaN = (bits: number): boolean => (bits & 0x7fff) > 0x7c00;
    // A number has no payload that a program could rely on: a NaN stays a NaN.
    const wrong = [...every].filter((bits) =>
      isNaN(bits) ? !isNaN(halfBits(values[bits])) : halfBits(values[bits]) !== bits,
    );
    expect(wrong).toEqual([]);
  });

  it('rounds to the nearest, ties to even, on both sides of every middle', () => {
    const wrong: unknown[] = [];
    const check = (x: number, bits: number): void => {
      if (halfBits(x) !== bits || halfBits(-x) !== (bits | 0x8000)) wrong.push([x, bits, halfBits(x), halfBits(-x)]);
    };
    for (let i = 0; i < 0x7c00; i++) {
      check(middles[i], i % 2 === 0 ? i : i + 1);
      for (const row of [rows.below, rows.doublesBelow]) check(row[i], i);
      for (const row of [rows.above, rows.doublesAbove]) check(row[i], i + 1);
    }
    expect(wrong).toEqual([]);
  });

  it.each(Object.keys(oracle) as (keyof typeof oracle)[])('gives the bits of numpy: %s', (name) => {
    const digest = (sign: number): string => {
      const bits = Uint16Array.from(rows[name], (x) => halfBits(sign * x));
      return createHash('sha256').update(new Uint8Array(bits.buffer)).digest('hex');
    };
    expect([digest(1), digest(-1)]).toEqual(oracle[name]);
  });

  it('knows the ends: zeros, the smallest, infinities, NaN', () => {
    const ends = [0, -0, 2 ** -149, 5e-324, -5e-324, 2 ** -25, 65519.999, 65520, 1e300, Infinity, -Infinity];
    expect(ends.map(halfBits)).toEqual([0, 0x8000, 0, 0, 0x8000, 0, 0x7bff, 0x7c00, 0x7c00, 0x7c00, 0xfc00]);
    expect(halfBits(NaN) & 0x7fff).toBe(0x7e00);
    // All of its payload is in the bits that go: it must not become infinite.
    const signalling = new Float64Array(BigUint64Array.of(0x7ff0000000000001n).buffer)[0];
    expect(halfBits(signalling) & 0x7fff).toBe(0x7e00);
  });
});
