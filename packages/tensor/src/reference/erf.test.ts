import { expect, test } from 'vitest';

import { erf } from './erf';

// mpmath 1.3 with 30 digits, rounded to doubles.
const ANSWERS: readonly (readonly [number, number])[] = [
  [1e-10, 1.1283791670955126e-10],
  [0.1, 0.1124629160182849],
  [0.5, 0.5204998778130465],
  [1, 0.8427007929497149],
  [2, 0.9953222650189527],
  [2.4999, 0.9995928300996666],
  [2.5, 0.999593047982555],
  [3, 0.9999779095030014],
  [5, 0.9999999999984626],
];

test.each(ANSWERS)('erf(%d)', (x, expected) => {
  expect(Math.abs(erf(x) - expected)).toBeLessThanOrEqual(4e-16 * Math.max(expected, 1e-10));
  expect(erf(-x)).toBe(-erf(x));
});

test('ends', () => {
  expect([erf(0), erf(6), erf(-7), erf(Infinity), erf(-Infinity), erf(NaN)]).toEqual([0, 1, -1, 1, -1, NaN]);
  expect(Object.is(erf(-0), -0)).toBe(true);
});
