import { describe, expect, it } from 'vitest';

import { toFloat32 } from './index';

const everyPattern = Uint16Array.from({ length: 65_536 }, (_, i) => i);

describe('toFloat32', () => {
  it('converts every F16 exactly', () => {
    const values = toFloat32({ dtype: 'F16', shape: [65_536], data: everyPattern });
    const wrong: number[][] = [];
    for (let bits = 0; bits < 65_536; bits++) {
      const sign = bits & 0x8000 ? -1 : 1;
      const exponent = (bits >> 10) & 31;
      const mantissa = bits & 1023;
      let expected = sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
      if (exponent === 0) expected = sign * mantissa * 2 ** -24;
      if (exponent === 31) expected = mantissa ? NaN : sign * Infinity;
      if (!Object.is(values[bits], expected)) wrong.push([bits, values[bits], expected]);
    }
    expect(wrong).toEqual([]);
  });

  it('keeps the upper half of a float32 as BF16', () => {
    const values = toFloat32({ dtype: 'BF16', shape: [65_536], data: everyPattern });
    expect(new Uint32Array(values.buffer)).toEqual(Uint32Array.from(everyPattern, (bits) => bits * 65_536));
    expect(values[0x3fc0]).toBe(1.5);
  });

  it('rounds F64, hands F32 on, and leaves integers to the caller', () => {
    expect(toFloat32({ dtype: 'F64', shape: [1], data: Float64Array.of(0.1) })[0]).toBe(Math.fround(0.1));
    const data = Float32Array.of(1);
    expect(toFloat32({ dtype: 'F32', shape: [1], data })).toBe(data);
    expect(() => toFloat32({ dtype: 'I64', shape: [1], data: BigInt64Array.of(1n) })).toThrow(
      /got I64; convert its data/,
    );
  });
});
