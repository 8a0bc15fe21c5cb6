import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { editDistance, errorRate, mismatchRate } from './error-rate';

describe('editDistance', () => {
  test.each([
    ['kitten', 'sitting', 3],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['flaw', 'lawn', 2],
    ['same', 'same', 0],
  ])('%s → %s is %i', (a, b, distance) => expect(editDistance(a, b)).toBe(distance));

  test('compares ids of typed arrays too', () => {
    expect(editDistance(Int32Array.of(1, 2, 3), [1, 3])).toBe(1);
  });

  test('is a metric', () => {
    const word = fc.array(fc.nat(2), { maxLength: 6 });
    fc.assert(
      fc.property(word, word, word, (a, b, c) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, a)).toBe(0);
        expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
      }),
    );
  });
});

test('errors are counted to the nearest reference, over its length', () => {
  const results = [
    {
      hypothesis: ['A', 'B'],
      references: [
        ['A', 'C', 'D', 'E'],
        ['A', 'C'],
      ],
    }, // 1 of 2
    { hypothesis: ['X', 'Y', 'Z'], references: [['X', 'Y', 'Z']] }, // 0 of 3
    { hypothesis: [], references: [['Q']] }, // 1 of 1
  ];
  expect(errorRate(results)).toBeCloseTo(2 / 6, 12);
  expect(mismatchRate(results)).toBeCloseTo(2 / 3, 12);
  expect([errorRate([]), mismatchRate([])]).toEqual([0, 0]);
  expect(() => errorRate([{ hypothesis: 'a', references: [] }])).toThrow('errorRate: a result has no reference');
});

test('characters of strings are code points', () => {
  expect(editDistance('a😀', 'a𠀀')).toBe(1);
  expect(errorRate([{ hypothesis: '😀', references: ['😀𠀀'] }])).toBe(0.5);
});

test('what is said where nothing should be is an error', () => {
  expect(errorRate([{ hypothesis: ['a', 'b'], references: [[]] }])).toBe(1);
  expect(errorRate([{ hypothesis: [], references: [[]] }])).toBe(0);
});
