import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { compareCodePoints, units } from './unit';

// Any UTF-16 at all, half pairs included, which fast-check's own strings avoid.
const anyUtf16 = fc
  .array(fc.oneof(fc.constantFrom(0x41, 0x20, 0x0a, 0xd83d, 0xde00, 0xde01, 0xe000, 0xffff), fc.nat(0xffff)), {
    maxLength: 12,
  })
  .map((codes) => String.fromCharCode(...codes));

describe('units', () => {
  it.each(['character', 'word'] as const)('%s: pieces are slices of the text, in order, and hold', (unit) => {
    fc.assert(
      fc.property(anyUtf16, (text) => {
        let last = 0;
        for (const { token, start, end } of units[unit].split(text)) {
          expect(text.slice(start, end)).toBe(token);
          expect(start).toBeGreaterThanOrEqual(last);
          expect(units[unit].holds(token)).toBe(true);
          last = end;
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('characters join to the text exactly', () => {
    fc.assert(
      fc.property(anyUtf16, (text) => {
        const tokens = Array.from(units.character.split(text), ({ token }) => token);
        expect(units.character.join(tokens)).toBe(text);
        expect(tokens).toEqual([...text]);
      }),
      { seed: 2, numRuns: 500 },
    );
  });

  it('words are what white space leaves', () => {
    const words = (text: string) => Array.from(units.word.split(text), ({ token, start }) => [token, start]);
    expect(words('  HH AH\t\u00a0L\u3000OW\n')).toEqual([
      ['HH', 2],
      ['AH', 5],
      ['L', 9],
      ['OW', 11],
    ]);
    expect(words(' \n')).toEqual([]);
  });
});

describe('compareCodePoints', () => {
  it('orders as arrays of code points do', () => {
    const codePoints = (text: string) => Array.from(text, (character) => character.codePointAt(0)!);
    const compareArrays = (a: number[], b: number[]): number => {
      const i = a.findIndex((value, index) => value !== b[index]);
      if (i < 0) return a.length - b.length;
      return i < b.length ? a[i] - b[i] : 1;
    };
    fc.assert(
      fc.property(anyUtf16, anyUtf16, (a, b) => {
        expect(Math.sign(compareCodePoints(a, b))).toBe(Math.sign(compareArrays(codePoints(a), codePoints(b))));
        expect(compareCodePoints(a, a)).toBe(0);
      }),
      { seed: 3, numRuns: 1000 },
    );
  });
});
