import { expect, test } from 'vitest';

import { erf } from './erf';

// Exact to the digits shown; mpmath 1.3, mp.dps = 30.
const ANSWERS: readonly (readonly [number, number])[] = [
  [1e-10, 1.1283791670955125739e-10],
  [0.1, 0.11246291601828489220],
  [0.5, 0.52049987781304653768],
  [1, 0.84270079294971486934],
  [2, 0.99532226501895273416],
  [2.4999, 0.99959283009966654862],
  [2.5, 0.99959304798255504106],
  [3, 0.99997790950300141456],
  [5, 0.99999999999846254021],
];

test.each(ANSWERS)('erf(%d)', (x, expected) => {
  expect(Math.abs(erf(x) - expected)).toBeLessThanOrEqual(4e-16 * Math.max(expected, 1e-10));
  expect(erf(-x)).toBe(-erf(x));
});

test('ends', () => {
  expect([erf(0), erf(6), erf(-7), erf(Infinity), erf(-Infinity), erf(NaN)]).toEqual([0, 1, -1, 1, -1, NaN]);
  expect(Object.is(erf(-0), -0)).toBe(true);
});
