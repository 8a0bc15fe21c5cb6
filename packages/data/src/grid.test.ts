import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { chooseGrid, shuffle, type GridCell, type PairLengths } from './index';

const pair = (source: number, target: number): PairLengths => ({
  source: { length: source },
  target: { length: target },
});
const anyPairs = (max: number, maxLength: number) =>
  fc
    .array(fc.tuple(fc.nat(max), fc.nat(max)), { minLength: 1, maxLength })
    .map((all) => all.map(([s, t]) => pair(s, t)));

/** Places taken by all pairs, each in its smallest cell. */
function places(pairs: readonly PairLengths[], cells: readonly GridCell[]): number {
  return pairs.reduce((sum, { source, target }) => {
    const fitting = cells.filter((c) => source.length <= c.sourceLength && target.length <= c.targetLength);
    return sum + Math.min(...fitting.map((c) => c.sourceLength + c.targetLength));
  }, 0);
}

describe('chooseGrid', () => {
  it('gives cells that hold every pair, at most as many as asked for, all different', () => {
    fc.assert(
      fc.property(anyPairs(200, 120), fc.integer({ min: 1, max: 10 }), (pairs, cells) => {
        const grid = chooseGrid(pairs, { cells });
        expect(grid.length).toBeLessThanOrEqual(cells);
        expect(new Set(grid.map((c) => `${c.sourceLength},${c.targetLength}`)).size).toBe(grid.length);
        expect(places(pairs, grid)).toBeLessThan(Infinity);
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it('comes close to the best grid there is', () => {
    let chosen = 0;
    let optimal = 0;
    fc.assert(
      fc.property(anyPairs(4, 15), fc.integer({ min: 1, max: 3 }), (pairs, count) => {
        const candidates = Array.from({ length: 25 }, (_, i) => ({
          sourceLength: Math.floor(i / 5),
          targetLength: i % 5,
        }));
        const all = (from: number, left: number): GridCell[][] =>
          left === 0
            ? [[]]
            : candidates.slice(from).flatMap((c, i) => all(from + i + 1, left - 1).map((rest) => [c, ...rest]));
        const best = Math.min(...all(0, count).map((grid) => places(pairs, grid)));
        const found = places(pairs, chooseGrid(pairs, { cells: count }));
        expect(found).toBeGreaterThanOrEqual(best);
        expect(found).toBeLessThanOrEqual(best * 1.25 + 1);
        chosen += found;
        optimal += best;
      }),
      { seed: 2, numRuns: 60 },
    );
    expect(chosen / optimal).toBeLessThan(1.01);
  });

  it('needs no cell that holds the longest of both, where no pair is long on both sides', () => {
    const pairs = [pair(1, 9), pair(2, 8), pair(9, 1), pair(8, 2)];
    expect(chooseGrid(pairs, { cells: 2 })).toEqual([
      { sourceLength: 2, targetLength: 9 },
      { sourceLength: 9, targetLength: 2 },
    ]);
  });

  it('stops when every pair has its own shape', () => {
    expect(chooseGrid([pair(1, 2), pair(1, 2), pair(3, 3)], { cells: 9 })).toEqual([
      { sourceLength: 1, targetLength: 2 },
      { sourceLength: 3, targetLength: 3 },
    ]);
  });

  it('thins out many lengths, keeps the longest, and stays fast', () => {
    const lengths = shuffle(2000, 1, 0);
    const pairs = Array.from(lengths, (length, i) => pair(length, lengths[(i + 1) % 2000]));
    const grid = chooseGrid(pairs, { cells: 8 });
    expect(Math.max(...grid.map((c) => c.sourceLength))).toBe(1999);
    const one = places(pairs, [{ sourceLength: 1999, targetLength: 1999 }]);
    expect(places(pairs, grid) / one).toBeLessThan(0.75);
  });

  it('refuses nothing to choose from', () => {
    expect(() => chooseGrid([], { cells: 1 })).toThrow('chooseGrid: no pairs');
    expect(() => chooseGrid([pair(1, 1)], { cells: 0 })).toThrow('chooseGrid: cells is 0');
  });
});
