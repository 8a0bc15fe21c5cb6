import { grad } from '@qkv/autograd';
import { constant, full, run, zeros, type Tensor } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { selfCriticalLoss } from './self-critical';
import { engine, forAll, numbers, valueOf } from '../../test/formulas';

describe('self-critical', () => {
  test('has the gradient −(r − baseline), of what counts', async () => {
    await forAll(async ({ B, H: K, seed }) => {
      const [logs, rewards, baselines] = [numbers(B * K, seed), numbers(B * K, seed + 1), numbers(B, seed + 2)];
      const counts = Uint8Array.from({ length: B * K }, (_, i) => ((i + seed) % 4 === 0 ? 0 : 1));
      const advantage = (i: number): number => rewards[i] - baselines[Math.floor(i / K)];
      const [sum, weight, gradient, slope] = await run(
        () => {
          const [x, r] = [constant(logs, [B, K]), constant(rewards, [B, K])];
          const loss = selfCriticalLoss(x, {
            rewards: r,
            baselines: constant(baselines, [B]),
            counts: constant(counts, [B, K], 'bool'),
          });
          return [loss.sum, loss.weight, grad(loss.sum, x), grad(loss.sum, r, { unused: 'zero' })];
        },
        { engine },
      );
      const expected = logs.reduce((total, log, i) => total - counts[i] * advantage(i) * log, 0);
      expect(Math.abs((await sum.item()) - expected)).toBeLessThan(1e-10);
      expect(await weight.item()).toBe(counts.reduce((a, b) => a + b, 0));
      (await gradient.data()).forEach((one, i) => expect(Math.abs(one + counts[i] * advantage(i))).toBeLessThan(1e-10));
      expect([...(await slope.data())].every((one) => one === 0)).toBe(true);
    });
  });

  test('without counts takes all samples; says what does not fit', async () => {
    const of = (baselines: Tensor): Tensor =>
      selfCriticalLoss(constant([-1, -2], [1, 2]), { rewards: constant([1, 0], [1, 2]), baselines }).mean();
    expect(await valueOf(() => of(full([1], 0.5)))).toBeCloseTo((0.5 - 1) / 2, 12);
    expect(() => of(zeros([2]))).toThrow('selfCriticalLoss: expected baselines float32 [1], got float32 [2]');
    expect(() => selfCriticalLoss(zeros([1, 2]), { rewards: zeros([2]), baselines: zeros([1]) })).toThrow(
      'selfCriticalLoss: expected rewards float32 [1, 2], got float32 [2]',
    );
  });
});
