import { checkGradient, grad } from '@qkv/autograd';
import { constant, run, tensor, type Tensor, zeros } from '@qkv/tensor';
import { expect, test } from 'vitest';

import { difference, float64, numbers } from '../test/numbers';
import { crossEntropy } from './cross-entropy';
import { distillation } from './distillation';

// T²·KL against torch, with its gradient: kl_distill_T3 in tooling/conformance/src/goldens/functions.ts.

const student = (): Tensor => tensor([1, 2, 3, 0, 0, 0, -1, 5, 2], [3, 3]);
const teacher = (): Tensor => tensor([3, 2, 1, 0, 1, 0, -1, 5, 2], [3, 3]);

test('is 0 where both agree, and counts rows', async () => {
  const loss = distillation(student(), student(), { temperature: 2 });
  expect(await loss.sum.item()).toBeCloseTo(0, 6);
  expect(await loss.weight.item()).toBe(3);
  expect(await distillation(student(), teacher()).sum.item()).toBeGreaterThan(1);
});

test('differs from soft cross-entropy by the teacher’s entropy', async () => {
  const p = [0.5, 0.25, 0.25];
  const logits = tensor(
    p.map((each) => Math.log(each)),
    [1, 3],
  );
  const kl = await distillation(tensor([1, 2, 3], [1, 3]), logits).sum.item();
  const cross = await crossEntropy(tensor([1, 2, 3], [1, 3]), tensor(p, [1, 3])).sum.item();
  expect(cross - kl).toBeCloseTo(1.5 * Math.LN2, 5);
});

test('hard is cross-entropy with the teacher’s choice', async () => {
  const hard = await distillation(student(), teacher(), { kind: 'hard' }).mean().item();
  expect(hard).toBe(
    await crossEntropy(student(), tensor(Int32Array.of(0, 1, 1)))
      .mean()
      .item(),
  );
});

test.each(['soft', 'hard'] as const)(
  '%s: rows that are masked count nothing, in any leading dimensions',
  async (kind) => {
    const mask = tensor([true, false, true]).reshape([1, 3]);
    const deep = distillation(student().reshape([1, 3, 3]), teacher().reshape([1, 3, 3]), { kind, mask });
    const rows = [0, 2].map((row) => distillation(student().slice([row], [1]), teacher().slice([row], [1]), { kind }));
    expect(await deep.weight.item()).toBe(2);
    expect(await deep.sum.item()).toBeCloseTo((await rows[0].sum.item()) + (await rows[1].sum.item()), 5);
  },
);

test('has the gradient of differences, also where the teacher excludes a class; none for the teacher', async () => {
  const engine = float64();
  const logits = numbers([2, 3], 1);
  const excluding = Float64Array.of(1, -Infinity, 2, 0, 1, -1);
  const loss = (x: Tensor): Tensor => distillation(x, constant(excluding, [2, 3]), { temperature: 2.5 }).sum;
  expect((await checkGradient(loss, [tensor(logits, [2, 3])], { engine })).error).toBeLessThan(1e-9);
  const gradient = await run(
    () => {
      const t: Tensor = constant(logits, [2, 3]);
      return grad(distillation(constant(numbers([2, 3], 2), [2, 3]), t).sum, t, { unused: 'zero' });
    },
    { engine },
  );
  expect(difference(await gradient.data(), new Float64Array(6))).toBe(0);
});

test('says what does not fit', () => {
  expect(() => distillation(student(), teacher(), { temperature: 0 })).toThrow(
    new RangeError('distillation: temperature must be positive and finite, got 0'),
  );
  expect(() => distillation(student(), teacher(), { kind: 'hard', temperature: 3 })).toThrow(
    "distillation: a temperature of 3 means nothing to kind 'hard'; leave it out",
  );
  expect(() => distillation(student(), zeros([3, 4]))).toThrow(
    'distillation: student and teacher must have one shape (…, C), got float32 [3, 3] and float32 [3, 4]',
  );
  expect(() => distillation(student(), teacher(), { mask: zeros([2], 'bool') })).toThrow(
    'distillation: expected a mask bool [3], got bool [2]',
  );
  expect(() => distillation(student(), teacher(), { kind: 'mild' as 'soft' })).toThrow(
    new RangeError("distillation: there is no kind 'mild'; choose soft or hard"),
  );
});
