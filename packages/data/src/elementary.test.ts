import fc from 'fast-check';
import { expect, test } from 'vitest';

import { cosineOfTurns, exponential, logarithm, sineOfTurns } from './elementary';

const relative = (a: number, b: number): number => Math.abs(a - b) / Math.max(Math.abs(b), Number.MIN_VALUE);

test('sines and cosines are those of Math to 1e-15, and exact at quarters', () => {
  for (let i = -3000; i <= 3000; i++) {
    const turns = i / 1024;
    expect(Math.abs(cosineOfTurns(turns) - Math.cos(2 * Math.PI * (turns % 1)))).toBeLessThan(1e-15);
    expect(Math.abs(sineOfTurns(turns) - Math.sin(2 * Math.PI * (turns % 1)))).toBeLessThan(1e-15);
  }
  const quarters = [0, 0.25, 0.5, 0.75, 1, -0.25];
  expect(quarters.map((turns) => cosineOfTurns(turns) + 0)).toEqual([1, 0, -1, 0, 1, 0]);
  expect(quarters.map((turns) => sineOfTurns(turns) + 0)).toEqual([0, 1, 0, -1, 0, -1]);
});

test('logarithms and exponentials are those of Math to 1e-15, relatively', () => {
  const positive = fc.double({ min: 1e-300, max: 1e300, noNaN: true, minExcluded: true });
  fc.assert(
    fc.property(positive, fc.double({ min: -300, max: 300, noNaN: true }), (x, y) => {
      expect(x === 1 ? 0 : relative(logarithm(x), Math.log(x))).toBeLessThan(1e-15);
      expect(relative(exponential(y), Math.exp(y))).toBeLessThan(1e-15);
    }),
    { seed: 1, numRuns: 3000 },
  );
  expect([logarithm(1), exponential(0)]).toEqual([0, 1]);
});

test('at the ends of their ranges they are those of Math', () => {
  for (const x of [0, -0, -1, Infinity, NaN, Number.MIN_VALUE]) {
    expect(Math.abs(logarithm(x) - Math.log(x)) < 1e-12 || Object.is(logarithm(x), Math.log(x))).toBe(true);
  }
  for (const x of [Infinity, -Infinity, NaN, 1e300, -1e300, 710, -746]) expect(exponential(x)).toBe(Math.exp(x));
});
