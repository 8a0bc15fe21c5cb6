import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { split } from './index';

describe('split', () => {
  it('puts each example into exactly one part, in order, and of the right size', () => {
    fc.assert(
      fc.property(fc.nat(500), fc.nat(100), fc.nat(), (n, percent, seed) => {
        const parts = { train: percent / 100, test: 1 - percent / 100 };
        const { train, test } = split(n, parts, seed);
        expect([...train, ...test].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
        expect([...train]).toEqual([...train].sort((a, b) => a - b));
        expect(Math.abs(train.length - n * parts.train)).toBeLessThanOrEqual(0.5);
        expect(split(n, parts, seed).train).toEqual(train);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('takes any number of parts and depends on the seed', () => {
    const thirds = { a: 1 / 3, b: 1 / 3, c: 1 / 3 };
    expect(Object.values(split(10, thirds, 1)).map((part) => part.length)).toEqual([3, 4, 3]);
    expect(split(100, thirds, 1).a).not.toEqual(split(100, thirds, 2).a);
  });

  it('refuses fractions that leave something over or are none', () => {
    expect(() => split(10, { a: 0.5, b: 0.4 }, 1)).toThrow('split: the parts sum to 0.9, expected 1');
    expect(() => split(10, { a: 1.5, b: -0.5 }, 1)).toThrow('split: part "a" is 1.5');
    expect(() => split(10, { a: NaN }, 1)).toThrow('split: part "a" is NaN');
  });
});
