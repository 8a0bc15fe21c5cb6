import { checkGradient, grad } from '@qkv/autograd';
import { constant, run, type Tensor } from '@qkv/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { type AttentionNormalization, normalizeScores } from './normalize-scores';
import { doubles, numbers, on, random, worst } from '../test/support';

const NAMES = ['softmax', 'relu', 'sparsemax', 'entmax15'] as const;
const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

/** Algorithm 1 of Martins & Astudillo 2016: sort, take the largest k with 1 + k z_(k) > Σ_{j ≤ k} z_(j). */
function sparsemaxBySorting(z: readonly number[]): number[] {
  const top = Math.max(...z);
  const sorted = z.map((value) => value - top).toSorted((a, b) => b - a);
  let [total, tau] = [0, 0];
  sorted.forEach((value, i) => {
    total += value;
    if (1 + (i + 1) * value > total) tau = (total - 1) / (i + 1);
  });
  return z.map((value) => Math.max(value - top - tau, 0));
}

/** Algorithm 2 of Peters et al. 2019: of the k largest halves, τ = mean − √((1 − Σ(x − mean)²) / k); the last with τ ≤ x_(k). */
function entmax15BySorting(z: readonly number[]): number[] {
  const top = Math.max(...z);
  const x = z.map((value) => (value - top) / 2);
  const sorted = x.toSorted((a, b) => b - a);
  let [mean, squares, tau] = [0, 0, 0]; // squares: Σ(x − mean)², updated by Welford's rule
  sorted.forEach((value, i) => {
    const delta = value - mean;
    mean += delta / (i + 1);
    squares += delta * (value - mean);
    const candidate = mean - Math.sqrt(Math.max((1 - squares) / (i + 1), 0));
    if (squares <= 1 && candidate <= value) tau = candidate;
  });
  return x.map((value) => Math.max(value - tau, 0) ** 2);
}

function byFormula(name: AttentionNormalization, scores: readonly number[], may: readonly boolean[]): number[] {
  const open = scores.filter((_, j) => may[j]);
  const weights: Record<AttentionNormalization, (s: readonly number[]) => number[]> = {
    softmax: (s) =>
      s.map((value) => Math.exp(value - Math.max(...s)) / sum(s.map((v) => Math.exp(v - Math.max(...s))))),
    relu: (s) => s.map((value) => Math.max(value, 0) / s.length),
    sparsemax: sparsemaxBySorting,
    entmax15: entmax15BySorting,
  };
  const given = weights[name](open);
  return scores.map((_, j) => (may[j] ? given[may.slice(0, j).filter(Boolean).length] : 0));
}

/**
 * Scores that keep Newton busy: two equal ones, whose threshold is −½, and groups below, each of them a third of those above,
 * and as far below the threshold of those above as makes each step remove one group only.
 */
function stubborn(n: number): number[] {
  const below: number[] = []; // how far below −½, up to a factor
  let [threshold, gap, kept] = [0, 1, 0];
  for (let above = 2; above < n; above = 2 + below.length) {
    const size = Math.min(Math.max(1, Math.floor(above / 3)), n - above);
    if (kept > 0) gap *= (1.05 * kept * (above + size)) / size;
    below.push(...Array<number>(size).fill(threshold + gap));
    threshold += (size * gap) / (above + size);
    kept = 1 - size / (above + size);
  }
  const scale = 0.45 / (below.at(-1) ?? 1);
  return Array.from({ length: n }, (_, i) => (i < 2 ? 0 : -0.5 - scale * below[i - 2]));
}

const rows: Record<string, (n: number) => number[]> = {
  'of no pattern': (n) => Array.from(numbers(n, n), (value) => 3 * value),
  'near one another': (n) => Array.from(numbers(n, n + 1), (value) => value / n),
  'far apart': (n) => Array.from(numbers(n, n + 2), (value) => 1e4 * value),
  equal: (n) => Array<number>(n).fill(7),
  'halving gaps': (n) => Array.from({ length: n }, (_, i) => -(2 ** -(i % 50))),
  growing: (n) => Array.from({ length: n }, (_, i) => -((i / n) ** 3) * 2),
  'one above the rest': (n) => Array.from({ length: n }, (_, i) => (i === n - 1 ? 0.5 : 0)),
  'groups removed one by one': stubborn,
};

describe.each(['sparsemax', 'entmax15'] as const)('%s finds the threshold that sorting does', (name) => {
  test.each([1, 2, 3, 17, 256, 4096])('rows of %i', async (n) => {
    const all = Object.values(rows).map((make) => make(n));
    const [y] = await on(
      doubles(),
      normalizeScores(name, constant(Float64Array.from(all.flat()), [all.length, n]), null),
    );
    all.forEach((row, i) => {
      const found = Array.from(y.slice(i * n, (i + 1) * n));
      const expected = byFormula(name, row, Array<boolean>(n).fill(true));
      expect(worst(found, expected), Object.keys(rows)[i]).toBeLessThan(1e-12);
      expect(Math.abs(sum(found) - 1)).toBeLessThan(1e-12);
    });
  });

  test('small scores get exactly 0, and float32 rows sum to 1', async () => {
    const y = await normalizeScores(name, random([4, 1000], 1).mul(5), null).data();
    for (let row = 0; row < 4; row++) {
      const weights = Array.from(y.slice(row * 1000, (row + 1) * 1000));
      expect(Math.abs(sum(weights) - 1)).toBeLessThan(1e-6);
      expect(weights.filter((weight) => weight === 0).length).toBeGreaterThan(500);
    }
  });
});

describe.each(NAMES)('%s', (name) => {
  test('is its formula over what may be attended to, and exactly 0 elsewhere', async () => {
    const shape = fc.record({
      S: fc.integer({ min: 1, max: 9 }),
      seed: fc.nat(1000),
      open: fc.integer({ min: 1, max: 511 }),
    });
    const engine = doubles();
    await fc.assert(
      fc.asyncProperty(shape, async ({ S, seed, open }) => {
        const scores = Array.from(numbers(S, seed), (value) => 2 * value);
        const may = scores.map((_, j) => Boolean((open >> j) & 1));
        if (!may.includes(true)) may[0] = true;
        const mask = constant(Uint8Array.from(may, Number), [1, S], 'bool');
        const [y] = await on(engine, normalizeScores(name, constant(Float64Array.from(scores), [1, S]), mask));
        expect(worst(y, byFormula(name, scores, may))).toBeLessThan(1e-12);
        expect(
          Array.from(y)
            .filter((_, j) => !may[j])
            .every((weight) => weight === 0),
        ).toBe(true);
      }),
      { seed: 1, numRuns: 40 },
    );
  });

  const mask = (): Tensor => constant(Uint8Array.of(1, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1), [3, 1, 5], 'bool');
  const weigh = (z: Tensor): Tensor => normalizeScores(name, z, mask());

  test('its gradients, first and second, are exact', async () => {
    const z = random([3, 2, 5], 4).mul(0.7);
    const first = await checkGradient(weigh, [z]);
    expect(first.error).toBeLessThan(1e-10);
    const second = await checkGradient((x) => grad(weigh(x).square().sum(), x), [z]);
    expect(second.error).toBeLessThan(1e-10);
  });

  test('nothing to attend to: zeros, no gradient, and never NaN', async () => {
    const [y, dz] = await run(() => {
      const z = constant(numbers(30, 5), [3, 2, 5]);
      const weights = weigh(z);
      return [weights, grad(weights.square().sum(), z)] as const;
    });
    for (const data of [await y.data(), await dz.data()]) {
      expect(data.slice(10, 20).every((value) => value === 0)).toBe(true);
      expect(data.every(Number.isFinite)).toBe(true);
      expect(data.some((value) => value !== 0)).toBe(true);
    }
  });

  test('masks of one value for a row', async () => {
    const z = random([2, 3], 6).add(1);
    const [y] = await on(doubles(), normalizeScores(name, z, constant(Uint8Array.of(1, 0), [2, 1], 'bool')));
    const [all] = await on(doubles(), normalizeScores(name, z, null));
    expect([...y]).toEqual([...all.slice(0, 3), 0, 0, 0]);
  });
});
