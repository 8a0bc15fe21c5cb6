import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { commonPrefixes, suffixArray } from './suffix-array';

// Zeros and repetitions, as in words laid out one after the other.
const anyText = fc
  .tuple(fc.array(fc.nat(3), { maxLength: 40 }), fc.integer({ min: 1, max: 3 }))
  .map(([codes, times]) => Int32Array.from(Array.from({ length: times }, () => codes).flat()));

const prefix = (text: Int32Array, start: number, depth: number): string =>
  String.fromCharCode(...text.slice(start, start + depth));

describe('suffixArray', () => {
  it('sorts suffixes by their first symbols', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 20 }), (text, depth) => {
        const sorted = suffixArray(text, depth);
        expect([...sorted].sort((a, b) => a - b)).toEqual([...text.keys()]);
        const prefixes = Array.from(sorted, (start) => prefix(text, start, depth));
        expect(prefixes).toEqual([...prefixes].sort());
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

describe('commonPrefixes', () => {
  it('counts what neighbours have in common, up to a limit', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 20 }), (text, cap) => {
        const sorted = suffixArray(text, cap);
        const common = commonPrefixes(text, sorted, cap);
        for (let i = 1; i < text.length; i++) {
          const [a, b] = [prefix(text, sorted[i - 1], cap), prefix(text, sorted[i], cap)];
          expect(a.slice(0, common[i])).toBe(b.slice(0, common[i]));
          const differs = a[common[i]] === undefined || a[common[i]] !== b[common[i]];
          expect(differs).toBe(true);
        }
        expect(common[0] ?? 0).toBe(0);
      }),
      { seed: 2, numRuns: 500 },
    );
  });
});
