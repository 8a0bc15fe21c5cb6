import { tensor, type Tensor, zeros } from '@qkv/tensor';
import { expect, test } from 'vitest';

import { sequenceLoss } from './sequence-loss';

const logits = (): Tensor =>
  tensor(
    Float32Array.from({ length: 24 }, (_, i) => Math.sin(i * 7)),
    [2, 3, 4],
  );
const targets = (): Tensor => tensor(Int32Array.of(3, 1, 0, 2, 0, 0), [2, 3]);

test('counts the tokens that are not padding', async () => {
  expect(await sequenceLoss(logits(), targets()).weight.item()).toBe(3);
  expect(await sequenceLoss(logits(), targets(), { padId: 9 }).weight.item()).toBe(6);
});

test('weighs rows: weight 1 changes nothing, weight 0 leaves the other row', async () => {
  const weigh = (...weights: number[]): ReturnType<typeof sequenceLoss> =>
    sequenceLoss(logits(), targets(), { smoothing: 0.1, rowWeights: tensor(weights) });
  const plain = sequenceLoss(logits(), targets(), { smoothing: 0.1 });
  expect(await weigh(1, 1).mean().item()).toBeCloseTo(await plain.mean().item(), 6);
  const first = sequenceLoss(logits().slice([0], [1]), targets().slice([0], [1]), { smoothing: 0.1 });
  const only = weigh(1, 0);
  expect(await only.weight.item()).toBe(2);
  expect(await only.sum.item()).toBeCloseTo(await first.sum.item(), 6);
  expect(await weigh(0, 0).mean().item()).toBe(0);
});

test('says what does not fit', () => {
  expect(() => sequenceLoss(zeros([2, 3]) as Tensor, targets())).toThrow(
    'sequenceLoss: expected logits (B, T, V) and targets (B, T), got [2, 3] and [2, 3]',
  );
  expect(() => sequenceLoss(logits(), zeros([3, 2], 'int32'), { rowWeights: zeros([2]) })).toThrow(
    'sequenceLoss: expected logits (B, T, V) and targets (B, T), got [2, 3, 4] and [3, 2]',
  );
  expect(() => sequenceLoss(logits(), targets(), { rowWeights: zeros([2, 1]) })).toThrow(
    'sequenceLoss: expected rowWeights float32 [2], got float32 [2, 1]',
  );
});
