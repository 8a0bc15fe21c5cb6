import { grad } from '@qkv/autograd';
import { constant, run, zeros } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { minimumRiskLoss } from './minimum-risk';
import { engine, forAll, numbers, valueOf } from '../../test/formulas';

describe('minimum risk', () => {
  test('is the expected cost under Q, and its gradient α Q (Δ − R)', async () => {
    await forAll(async ({ B, H: K, seed }) => {
      const [logs, costs] = [numbers(B * K, seed).map((x) => -20 * x), numbers(B * K, seed + 1)];
      const counts = Uint8Array.from({ length: B * K }, (_, i) => ((i + seed) % 3 === 0 ? 0 : 1));
      const alpha = (seed % 4) / 4;
      let [risk, rows] = [0, 0];
      const slope = new Float64Array(B * K);
      for (let b = 0; b < B; b++) {
        const set = Array.from({ length: K }, (_, k) => b * K + k).filter((i) => counts[i] === 1);
        if (set.length === 0) continue;
        const total = set.reduce((sum, i) => sum + Math.exp(logs[i]) ** alpha, 0);
        const Q = (i: number): number => Math.exp(logs[i]) ** alpha / total;
        const own = set.reduce((sum, i) => sum + Q(i) * costs[i], 0);
        set.forEach((i) => (slope[i] = alpha * Q(i) * (costs[i] - own)));
        risk += own;
        rows++;
      }
      const [value, weight, gradient] = await run(
        () => {
          const x = constant(logs, [B, K]);
          const loss = minimumRiskLoss(x, constant(costs, [B, K]), {
            sharpness: alpha,
            counts: constant(counts, [B, K], 'bool'),
          });
          return [loss.sum, loss.weight, grad(loss.sum, x)];
        },
        { engine },
      );
      expect(Math.abs((await value.item()) - risk)).toBeLessThan(1e-10);
      expect(await weight.item()).toBe(rows);
      (await gradient.data()).forEach((one, i) => expect(Math.abs(one - slope[i])).toBeLessThan(1e-10));
    });
  });

  test('without counts takes all candidates; a cost that does not count may be anything', async () => {
    const all = await valueOf(() =>
      minimumRiskLoss(constant([-1, -2], [1, 2]), constant([1, 0], [1, 2]), { sharpness: 1 }).mean(),
    );
    expect(all).toBeCloseTo(Math.exp(-1) / (Math.exp(-1) + Math.exp(-2)), 12);
    const one = await valueOf(() =>
      minimumRiskLoss(constant([-1, -2], [1, 2]), constant([0.25, NaN], [1, 2]), {
        counts: constant(Uint8Array.of(1, 0), [1, 2], 'bool'),
      }).mean(),
    );
    expect(one).toBe(0.25);
  });

  test('says what does not fit', () => {
    expect(() => minimumRiskLoss(zeros([2]), zeros([2]))).toThrow(
      'minimumRiskLoss: expected log-probabilities float32 (B, K), got float32 [2]',
    );
    expect(() => minimumRiskLoss(zeros([2, 3]), zeros([3, 2]))).toThrow(
      'minimumRiskLoss: expected costs float32 [2, 3], got float32 [3, 2]',
    );
    expect(() => minimumRiskLoss(zeros([2, 3]), zeros([2, 3]), { sharpness: -1 })).toThrow(
      'sharpness must be a number from 0',
    );
    expect(() => minimumRiskLoss(zeros([2, 3]), zeros([2, 3]), { counts: zeros([2, 3]) })).toThrow(
      'expected counts bool [2, 3], got float32 [2, 3]',
    );
  });
});
