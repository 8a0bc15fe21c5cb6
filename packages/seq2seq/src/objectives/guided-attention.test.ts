import { grad } from '@qkv/autograd';
import { constant, run, zeros, type Tensor } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { guidedAttentionLoss } from './guided-attention';
import { engine, forAll, int, numbers, valueOf } from '../../test/formulas';

describe('guided attention', () => {
  test('is the mean of the paper’s formula over what counts', async () => {
    await forAll(async ({ B, H, T, S, seed }) => {
      const attention = numbers(B * H * T * S, seed);
      const targets = Array.from({ length: B }, (_, b) => 1 + ((seed + b) % T));
      const sources = Array.from({ length: B }, (_, b) => 1 + ((seed * 3 + b) % S));
      const g = 0.1 + (seed % 5) / 10;
      const penalties = Array.from(attention, (_, i) => {
        const [n, t, b] = [i % S, Math.floor(i / S) % T, Math.floor(i / (S * T * H))];
        if (n >= sources[b] || t >= targets[b]) return null;
        return 1 - Math.exp(-((n / sources[b] - t / targets[b]) ** 2) / (2 * g * g));
      });
      const count = penalties.filter((one) => one !== null).length;
      const mean = penalties.reduce<number>((sum, W, i) => sum + (W ?? 0) * attention[i], 0) / count;
      const [value, gradient] = await run(
        () => {
          const x = constant(attention, [B, H, T, S]);
          const lengths = { sourceLengths: int(sources, [B]), targetLengths: int(targets, [B]) };
          const loss = guidedAttentionLoss(x, { ...lengths, deviation: g }).mean();
          return [loss, grad(loss, x)];
        },
        { engine },
      );
      expect(Math.abs((await value.item()) - mean)).toBeLessThan(1e-12);
      (await gradient.data()).forEach((one, i) =>
        expect(Math.abs(one - (penalties[i] ?? 0) / count)).toBeLessThan(1e-12),
      );
    });
  });

  test('is 0 on the diagonal, and of rows without length', async () => {
    const lengths = (): Tensor => int([4], [1]);
    const diagonal = (): Tensor =>
      constant(
        Float64Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0)),
        [1, 1, 4, 4],
      );
    expect(
      await valueOf(() => guidedAttentionLoss(diagonal(), { sourceLengths: lengths(), targetLengths: lengths() }).sum),
    ).toBe(0);
    const empty = (): Tensor => int([0], [1]);
    expect(
      await valueOf(() => guidedAttentionLoss(diagonal(), { sourceLengths: empty(), targetLengths: lengths() }).mean()),
    ).toBe(0);
  });

  test('says what does not fit', () => {
    const lengths = { sourceLengths: zeros([2], 'int32'), targetLengths: zeros([2], 'int32') };
    expect(() => guidedAttentionLoss(zeros([2, 3, 4]), lengths)).toThrow(
      'guidedAttentionLoss: expected attention (B, H, T, S), got [2, 3, 4]',
    );
    expect(() => guidedAttentionLoss(zeros([3, 1, 4, 4]), lengths)).toThrow(
      'guidedAttentionLoss: expected targetLengths int32 [3], got int32 [2]',
    );
    expect(() => guidedAttentionLoss(zeros([2, 1, 4, 4]), { ...lengths, deviation: 0 })).toThrow(
      'deviation must be above 0',
    );
  });
});
