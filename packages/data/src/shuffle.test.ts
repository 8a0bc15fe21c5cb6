import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { shuffle } from './index';
import { permutation, streams } from './shuffle';

const anySeed = fc.nat({ max: Number.MAX_SAFE_INTEGER });

describe('shuffle', () => {
  it('is a permutation, the same for the same arguments', () => {
    fc.assert(
      fc.property(fc.nat(300), anySeed, fc.nat(1000), (n, seed, epoch) => {
        const order = shuffle(n, seed, epoch);
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
        expect(shuffle(n, seed, epoch)).toEqual(order);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('differs between seeds (upper half included), epochs and streams', () => {
    const orders = [
      shuffle(100, 1, 0),
      shuffle(100, 2, 0),
      shuffle(100, 1 + 2 ** 32, 0),
      shuffle(100, 1, 1),
      permutation(100, 1, streams.batches, 0),
    ];
    expect(new Set(orders.map(String)).size).toBe(orders.length);
  });

  it('gives these very orders, on which saved cursors rest', () => {
    expect([...shuffle(10, 0, 0)]).toEqual([6, 9, 0, 2, 1, 8, 4, 5, 7, 3]);
    expect([...shuffle(10, 123_456_789_012, 7)]).toEqual([7, 6, 9, 4, 0, 5, 8, 3, 2, 1]);
    expect([...permutation(10, 1, streams.batches, 2)]).toEqual([2, 6, 3, 4, 9, 8, 7, 0, 1, 5]);
  });

  it('makes every order about equally often', () => {
    const counts = new Map<string, number>();
    for (let epoch = 0; epoch < 12_000; epoch++) {
      const order = String(shuffle(4, 5, epoch));
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    // χ² with 23 degrees of freedom: 99.9 % lie below 49.7.
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 500) ** 2 / 500, 0);
    expect(chiSquare).toBeLessThan(49.7);
  });

  it.each([
    [-1, 0, 0, 'shuffle: n is -1'],
    [1.5, 0, 0, 'shuffle: n is 1.5'],
    [1, NaN, 0, 'shuffle: seed is NaN'],
    [1, 2 ** 53, 0, 'shuffle: seed is 9007199254740992'],
    [1, 0, -1, 'shuffle: epoch is -1, expected a whole number from 0 to'],
  ])('refuses (%d, %d, %d)', (n, seed, epoch, message) => {
    expect(() => shuffle(n, seed, epoch)).toThrow(message);
  });
});
