import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { multiplyHigh, philox } from './philox';

describe('philox', () => {
  // Random123, tests/kat_vectors, lines "philox4x32 10".
  it.each([
    ['zeros', [0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    [
      'ones',
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      'digits of pi',
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ])('gives the known answer for %s', (_, [c0, c1, c2, c3], [key0, key1], expected) => {
    const out = new Uint32Array(4);
    philox(c0, c1, c2, c3, key0, key1, out);
    expect([...out]).toEqual(expected);
  });
});

describe('multiplyHigh', () => {
  it('is the upper half of the exact product', () => {
    const word = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0, 1, 0xffff, 0x10000, 0xffffffff));
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(multiplyHigh(a, b)).toBe(Number((BigInt(a) * BigInt(b)) >> 32n));
        expect(multiplyHigh(a | 0, b | 0)).toBe(multiplyHigh(a, b));
      }),
      { seed: 1, numRuns: 1000 },
    );
  });
});
