import { grad } from '@qkv/autograd';
import { constant, ones, run, tensor, type Tensor } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { crossEntropy } from './cross-entropy';
import { binaryCrossEntropyWithLogits, meanSquaredError } from './element-losses';

// Values and gradients of every form against torch: tooling/conformance/src/goldens.

const logits = (): Tensor => tensor([1, 2, 3, 0, 0, 0, -1, 5, 2, 4, 4, 4], [4, 3]);
const ids = (...list: number[]): Tensor => tensor(Int32Array.from(list));

describe('crossEntropy', () => {
  test('counts what is not ignored', async () => {
    const loss = crossEntropy(logits(), ids(2, -100, 1, -100));
    expect(await loss.weight.item()).toBe(2);
    expect(await loss.mean().item()).toBeCloseTo((await loss.sum.item()) / 2, 6);
  });

  test('takes any leading dimensions', async () => {
    const flat = crossEntropy(logits(), ids(2, 1, 0, 0)).sum;
    const deep = crossEntropy(logits().reshape([2, 2, 3]), ids(2, 1, 0, 0).reshape([2, 2])).sum;
    expect(await deep.item()).toBe(await flat.item());
  });

  test('is 0, with gradient 0, where nothing has weight', async () => {
    const [mean, gradient] = await run(() => {
      const x = constant([1, 2, 3, 0, 0, 0], [2, 3]);
      const loss = crossEntropy(x, constant(Int32Array.of(-100, -100))).mean();
      return [loss, grad(loss, x)] as const;
    });
    expect(await mean.item()).toBe(0);
    expect([...(await gradient.data())]).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test('sums and weights of micro-batches add up to those of the batch', async () => {
    const [x, y] = [logits(), ids(2, -100, 1, 0)];
    const whole = crossEntropy(x, y, { smoothing: 0.1 });
    const parts = [0, 1, 2, 3].map((row) => crossEntropy(x.slice([row], [1]), y.slice([row], [1]), { smoothing: 0.1 }));
    const sum = parts.map((part) => part.sum).reduce((a, b) => a.add(b));
    const weight = parts.map((part) => part.weight).reduce((a, b) => a.add(b));
    expect(Math.abs((await sum.div(weight).item()) - (await whole.mean().item()))).toBeLessThan(1e-6);
  });

  test('soft one-hot targets equal ids', async () => {
    const hard = crossEntropy(logits(), ids(2, 1, 0, 0), { smoothing: 0.2 }).mean();
    const soft = tensor([0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 0], [4, 3]);
    expect(await crossEntropy(logits(), soft, { smoothing: 0.2 }).mean().item()).toBeCloseTo(await hard.item(), 6);
  });

  test('says what does not fit', () => {
    expect(() => crossEntropy(logits(), ids(1, 2))).toThrow(
      'crossEntropy: logits (…, C) [4, 3] need targets of ids (…) or probabilities (…, C), got int32 [2]',
    );
    expect(() => crossEntropy(logits(), ids(0, 0, 0, 0), { smoothing: 2 })).toThrow(
      'smoothing must be in [0, 1], got 2',
    );
    for (const classWeights of [ones([4]), ones([1]), ones([3], 'int32')]) {
      for (const targets of [ids(0, 1, 2, 0), ones([4, 3])]) {
        expect(() => crossEntropy(logits(), targets, { classWeights })).toThrow(
          `crossEntropy: expected classWeights float32 [3], got ${classWeights.dtype} [${classWeights.shape.join(', ')}]`,
        );
      }
    }
    expect(() => crossEntropy(ones([2, 0]), ids(0, 0))).toThrow('crossEntropy: logits (…, C) [2, 0] need C ≥ 1');
  });
});

describe('losses of elements', () => {
  test('have one weight for each', async () => {
    const [x, y] = [tensor([1, 2, 3]), tensor([0, 2, 5])];
    expect(await meanSquaredError(x, y).mean().item()).toBeCloseTo(5 / 3, 6);
    expect(await meanSquaredError(x, y).weight.item()).toBe(3);
    expect(() => meanSquaredError(x, tensor([1]))).toThrow('meanSquaredError: [3] and [1] must have the same shape');
  });

  test('binary cross-entropy is exact for large logits, and has the right slope at 0', async () => {
    const loss = binaryCrossEntropyWithLogits(tensor([100, -100, 0]), tensor([1, 0, 1])).sum;
    expect(await loss.item()).toBeCloseTo(Math.LN2, 6);
    const gradient = await run(() => {
      const x = constant([0, 0]);
      return grad(binaryCrossEntropyWithLogits(x, constant([1, 0])).sum, x);
    });
    expect([...(await gradient.data())]).toEqual([-0.5, 0.5]);
  });
});
