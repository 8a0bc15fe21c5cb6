import fc from 'fast-check';
import { compile, createReferenceBackend, Engine, tensor, type Tensor } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { float64, generator } from '../../test/automaton';
import {
  forbidRepeatedNgrams,
  forbidTokens,
  type LogitProcessor,
  minimumLength,
  repetitionPenalty,
} from './logit-processors';
import { keepMinP, keepTopK, keepTopP, temperature } from './sampling-filters';

const engine = float64();

/** What a processor makes of rows of logits, after these tokens. */
async function process(
  processor: LogitProcessor,
  logits: readonly (readonly number[])[],
  tokens: readonly (readonly number[])[] = logits.map(() => [0]),
  length = 0,
  where: Engine = engine,
): Promise<number[][]> {
  const [N, V, L] = [logits.length, logits[0].length, tokens[0].length];
  const run = compile(
    (x: Tensor, before: Tensor, count: Tensor) => processor(x, { tokens: before, length: count, endId: 0 }),
    { engine: where },
  );
  const x = tensor(Float64Array.from(logits.flat()), [N, V]);
  const data = await (
    await run(x, tensor(Int32Array.from(tokens.flat()), [N, L]), tensor(Int32Array.of(length), []))
  ).data();
  return logits.map((_, n) => Array.from(data.subarray(n * V, (n + 1) * V)));
}

/** The indices that are left. */
const support = (row: readonly number[]): number[] => row.flatMap((x, i) => (x > -Infinity ? [i] : []));

function softmaxOf(row: readonly number[]): number[] {
  const largest = Math.max(...row);
  const e = row.map((x) => Math.exp(x - largest));
  const total = e.reduce((a, b) => a + b);
  return e.map((x) => x / total);
}

/** Rows of logits: with ties (few values), without, and with some that are forbidden already. */
const rowsOfLogits = fc
  .record({
    seed: fc.integer({ min: 1, max: 1e6 }),
    N: fc.integer({ min: 1, max: 3 }),
    V: fc.integer({ min: 1, max: 40 }),
    ties: fc.boolean(),
    gaps: fc.boolean(),
  })
  .map(({ seed, N, V, ties, gaps }) => {
    const random = generator(seed);
    return Array.from({ length: N }, () =>
      Array.from({ length: V }, (_, i) => {
        if (gaps && i > 0 && random() < 0.3) return -Infinity;
        return ties ? Math.floor(random() * 4) : (random() - 0.5) * 8;
      }),
    );
  });

/** The likeliest by a sort, as many as `count` says of their probabilities, and whatever is as likely as the last of them. */
function bySorting(row: readonly number[], count: (sorted: readonly number[]) => number): number[] {
  const p = softmaxOf(row);
  const sorted = [...p].sort((a, b) => b - a);
  const least = sorted[Math.min(count(sorted), sorted.length) - 1];
  return support(row).filter((i) => p[i] >= least);
}

describe('what sampling keeps is what a sort keeps', () => {
  async function holds(
    filter: LogitProcessor,
    rows: readonly (readonly number[])[],
    expected: (row: readonly number[]) => number[],
  ): Promise<void> {
    const kept = await process(filter, rows);
    kept.forEach((row, n) => {
      expect(support(row)).toEqual(expected(rows[n]));
      for (const i of support(row)) expect(row[i]).toBe(rows[n][i]);
    });
  }

  test('top-k', async () => {
    const property = fc.asyncProperty(rowsOfLogits, fc.integer({ min: 1, max: 45 }), (rows, k) =>
      holds(keepTopK(k), rows, (row) => bySorting(row, () => k)),
    );
    await fc.assert(property, { seed: 71, numRuns: 60 });
  });

  test('top-p: the fewest that have p together', async () => {
    // Not a probability at which sums of equal ones end: there the order of additions decides.
    const property = fc.asyncProperty(
      rowsOfLogits,
      fc.constantFrom(1e-6, 0.1234567, 0.31415, 0.54321, 0.777777, 0.9123, 0.99987, 1),
      (rows, p) =>
        holds(keepTopP(p), rows, (row) =>
          bySorting(row, (sorted) => {
            let sum = 0;
            let count = 0;
            while (sum < p && count < sorted.length) sum += sorted[count++];
            return p === 1 ? sorted.length : count;
          }),
        ),
    );
    await fc.assert(property, { seed: 72, numRuns: 80 });
  });

  test('min-p', async () => {
    const property = fc.asyncProperty(rowsOfLogits, fc.constantFrom(0, 0.01, 0.1, 0.5, 0.9, 1), (rows, m) =>
      holds(keepMinP(m), rows, (row) => bySorting(row, (sorted) => sorted.filter((p) => p >= m * sorted[0]).length)),
    );
    await fc.assert(property, { seed: 73, numRuns: 60 });
  });
});

test('what float32 cannot tell from 0 and from infinity keeps the likeliest, and what is forbidden', async () => {
  const float32 = new Engine(createReferenceBackend());
  const rows = [[1, -4, -Infinity, 3]];
  expect(await process(keepTopP(1e-60), rows, [[0]], 0, float32)).toEqual([[-Infinity, -Infinity, -Infinity, 3]]);
  const hot = await process(temperature(1e30), rows, [[0]], 0, float32);
  expect(support(hot[0])).toEqual([0, 1, 3]);
  const cold = await process(temperature(1e-30), rows, [[0]], 0, float32);
  expect([cold[0][2], Math.max(...cold[0]) === cold[0][3]]).toEqual([-Infinity, true]);
});

test('temperature divides', async () => {
  expect(await process(temperature(2), [[1, -4, -Infinity]])).toEqual([[0.5, -2, -Infinity]]);
});

describe('constraints are what lists say', () => {
  const history = fc
    .record({
      seed: fc.integer({ min: 1, max: 1e6 }),
      N: fc.integer({ min: 1, max: 3 }),
      V: fc.integer({ min: 2, max: 6 }),
      L: fc.integer({ min: 1, max: 12 }),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ seed, N, V, L, part }) => {
      const random = generator(seed);
      const rows = <T>(size: number, make: () => T): T[][] =>
        Array.from({ length: N }, () => Array.from({ length: size }, make));
      const length = Math.floor(part * L);
      return {
        V,
        length,
        logits: rows(V, () => (random() - 0.5) * 8),
        // What stands behind the end may be anything, even no id.
        tokens: rows(L, () => Math.floor(random() * V)).map((row) => row.map((id, i) => (i < length ? id : 99))),
      };
    });

  test('repetition penalty', async () => {
    const property = fc.asyncProperty(
      history,
      fc.constantFrom(0.5, 1.2, 3),
      async ({ logits, tokens, length }, theta) => {
        const actual = await process(repetitionPenalty(theta), logits, tokens, length);
        const expected = logits.map((row, n) => {
          const seen = new Set(tokens[n].slice(0, length));
          return row.map((x, id) => (!seen.has(id) ? x : x > 0 ? x / theta : x * theta));
        });
        expect(actual).toEqual(expected);
      },
    );
    await fc.assert(property, { seed: 74, numRuns: 40 });
  });

  test('no n-gram twice', async () => {
    const property = fc.asyncProperty(
      history,
      fc.integer({ min: 1, max: 4 }),
      async ({ logits, tokens, length }, n) => {
        const actual = await process(forbidRepeatedNgrams(n), logits, tokens, length);
        const expected = logits.map((row, r) => {
          const said = tokens[r].slice(0, length);
          const grams = new Set(
            Array.from({ length: Math.max(0, length - n + 1) }, (_, i) => said.slice(i, i + n).join()),
          );
          const recent = n === 1 ? [] : said.slice(-(n - 1));
          return row.map((x, id) => (grams.has([...recent, id].join()) ? -Infinity : x));
        });
        expect(actual).toEqual(expected);
      },
    );
    await fc.assert(property, { seed: 75, numRuns: 60 });
  });

  test('forbidden ids, and END before the minimum length', async () => {
    expect(await process(forbidTokens([1, 3]), [[1, 2, 3, 4]])).toEqual([[1, -Infinity, 3, -Infinity]]);
    expect(await process(minimumLength(2), [[1, 2]], [[5, 5, 5]], 1)).toEqual([[-Infinity, 2]]);
    expect(await process(minimumLength(2), [[1, 2]], [[5, 5, 5]], 2)).toEqual([[1, 2]]);
  });
});

test('says what does not fit', async () => {
  expect(() => temperature(0)).toThrow(
    'temperature: must be positive, from 1e-30 to 1e30, got 0; for the likeliest token, the limit at 0, decode greedily',
  );
  for (const T of [NaN, -1, 1e-31, 1e31]) {
    expect(() => temperature(T)).toThrow(`temperature: must be positive, from 1e-30 to 1e30, got ${T}`);
  }
  expect(() => keepTopK(0)).toThrow('keepTopK: expected an integer of at least 1, got 0');
  expect(() => keepTopP(0)).toThrow('keepTopP: must be in (0, 1], got 0');
  expect(() => keepMinP(1.5)).toThrow('keepMinP: must be in [0, 1], got 1.5');
  expect(() => repetitionPenalty(0)).toThrow('repetitionPenalty: expected a positive factor, got 0');
  expect(() => forbidRepeatedNgrams(0)).toThrow('forbidRepeatedNgrams: expected an integer of at least 1, got 0');
  expect(() => minimumLength(-1)).toThrow('minimumLength: expected an integer of at least 0, got -1');
  expect(() => forbidTokens([1, 0.5])).toThrow('forbidTokens: expected ids, got 0.5');
  await expect(process(forbidTokens([7]), [[1, 2]])).rejects.toThrow('forbidTokens: id 7 is outside a vocabulary of 2');
});
