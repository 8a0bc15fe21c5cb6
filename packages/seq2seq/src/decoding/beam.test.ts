import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Automaton, float64, idsTensor } from '../../test/automaton';
import { exhaustive, naiveBeamSearch, type NaiveResult } from '../../test/naive-beam';
import { BeamDecoder, type BeamOptions } from './beam';
import type { Hypothesis } from './hypothesis';

const engine = float64();

/** Equal ids in equal order, equal numbers to 1e−10. */
function expectSame(actual: readonly Hypothesis[], expected: readonly NaiveResult[]): void {
  const plain = actual.map(({ ids, finished }) => ({ ids: [...ids], finished }));
  expect(plain).toEqual(expected.map(({ ids, finished }) => ({ ids, finished })));
  for (const [i, { score, logProbability }] of actual.entries()) {
    expect(Math.abs(score - expected[i].score)).toBeLessThan(1e-10);
    expect(Math.abs(logProbability - expected[i].logProbability)).toBeLessThan(1e-10);
  }
}

async function search(
  model: Automaton,
  firsts: readonly number[],
  options: Omit<BeamOptions, 'rows' | 'sourceLength'>,
): Promise<Hypothesis[][]> {
  const decoder = new BeamDecoder(model, { ...options, rows: firsts.length, sourceLength: 2, engine });
  const results = await decoder.decodeAll(idsTensor(firsts.map((first) => [first, 0])));
  decoder.release();
  return results;
}

/** How many sequences exist. */
const count = (choices: number, maxLength: number, minLength: number): number =>
  Array.from({ length: maxLength + 1 }, (_, n) => (n >= minLength || n === maxLength ? choices ** n : 0)).reduce(
    (a, b) => a + b,
  );

const settings = {
  seed: fc.integer({ min: 1, max: 1e6 }),
  lengthPenalty: fc.constantFrom(0, 0.6, 1, 2.5, -0.7),
  maxLength: fc.integer({ min: 1, max: 4 }),
  firsts: fc.tuple(fc.integer({ min: 1, max: 39 }), fc.integer({ min: 1, max: 39 })),
};

describe('beam search', () => {
  test('with beams for all sequences is exhaustive search, whatever the penalty and the rule to stop', async () => {
    const property = fc.asyncProperty(
      fc.record({
        ...settings,
        V: fc.integer({ min: 2, max: 4 }),
        minLength: fc.integer({ min: 0, max: 4 }),
        forbid: fc.boolean(),
        stop: fc.constantFrom('exact' as const, 'never' as const),
      }),
      async ({ seed, V, firsts, maxLength, minLength: least, lengthPenalty, forbid, stop }) => {
        const model = new Automaton(V, seed);
        const minLength = Math.min(least, maxLength);
        const forbidden = forbid && V > 2 ? [2] : [];
        const beams = count(V - 1 - forbidden.length, maxLength, minLength);
        const options = {
          beams,
          nBest: beams,
          maxLength,
          minLength,
          startId: 1,
          endId: 0,
          lengthPenalty,
          forbidden,
          stop,
        };
        const found = await search(model, [firsts[0], 0, firsts[1]], options);
        for (const [row, first] of [0, 2].map((row, i) => [row, firsts[i]])) {
          expectSame(
            found[row],
            exhaustive((tokens) => model.logitsAfter(first, tokens), options),
          );
          expect(found[row].length).toBe(beams);
        }
        expectSame(found[1], [{ ids: [], score: 0, logProbability: 0, finished: true }]); // padding
      },
    );
    await fc.assert(property, { seed: 61, numRuns: 40 });
  });

  test('of few beams, or of more than the vocabulary has ids, is the search with lists and sorts', async () => {
    const property = fc.asyncProperty(
      fc.record({
        ...settings,
        maxLength: fc.integer({ min: 2, max: 7 }),
        V: fc.integer({ min: 2, max: 6 }),
        beams: fc.integer({ min: 1, max: 8 }),
        nBest: fc.integer({ min: 1, max: 8 }),
        minLength: fc.integer({ min: 0, max: 2 }),
        stop: fc.constantFrom('exact' as const, 'first' as const, 'never' as const),
      }),
      async ({ seed, V, firsts, beams: wanted, nBest: best, ...rest }) => {
        const model = new Automaton(V, seed);
        const beams = Math.min(wanted, count(V - 1, rest.maxLength, rest.minLength));
        const options = { ...rest, beams, nBest: Math.min(best, beams), startId: 0, endId: 1 };
        const found = await search(model, firsts, options);
        firsts.forEach((first, row) =>
          expectSame(
            found[row],
            naiveBeamSearch((tokens) => model.logitsAfter(first, tokens), options),
          ),
        );
      },
    );
    await fc.assert(property, { seed: 62, numRuns: 60 });
  });

  test('stops exactly: what becomes better only much later, by its length, is waited for', async () => {
    const property = fc.asyncProperty(
      fc.record({
        ...settings,
        beams: fc.integer({ min: 1, max: 4 }),
        maxLength: fc.integer({ min: 8, max: 14 }),
        lengthPenalty: fc.constantFrom(1, 2, 4, -1),
        spread: fc.constantFrom(0.5, 3),
      }),
      async ({ seed, firsts, spread, ...rest }) => {
        const model = new Automaton(3, seed, spread);
        const options = { ...rest, nBest: 1, startId: 0, endId: 1, stop: 'exact' as const };
        const found = await search(model, firsts, options);
        firsts.forEach((first, row) =>
          expectSame(
            found[row],
            naiveBeamSearch((tokens) => model.logitsAfter(first, tokens), options),
          ),
        );
      },
    );
    await fc.assert(property, { seed: 64, numRuns: 40 });
  });

  test('in groups is diverse beam search', async () => {
    const property = fc.asyncProperty(
      fc.record({
        ...settings,
        maxLength: fc.integer({ min: 2, max: 6 }),
        V: fc.integer({ min: 3, max: 6 }),
        groups: fc.integer({ min: 2, max: 4 }),
        each: fc.integer({ min: 1, max: 3 }),
        diversity: fc.constantFrom(0, 0.3, 1, 5),
        stop: fc.constantFrom('exact' as const, 'first' as const, 'never' as const),
      }),
      async ({ seed, V, firsts, groups, each, ...rest }) => {
        const model = new Automaton(V, seed);
        const beams = groups * each;
        const options = { ...rest, beams, groups, nBest: beams, startId: 0, endId: 1 };
        const found = await search(model, firsts, options);
        firsts.forEach((first, row) =>
          expectSame(
            found[row],
            naiveBeamSearch((tokens) => model.logitsAfter(first, tokens), options),
          ),
        );
      },
    );
    await fc.assert(property, { seed: 63, numRuns: 60 });
  });
});
