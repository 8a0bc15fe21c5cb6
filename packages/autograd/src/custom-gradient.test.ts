import { compile, constant, createReferenceBackend, Engine, Parameter, tensor, type Tensor } from '@qkv/tensor';
import { expect, test } from 'vitest';

import { checkGradient, customGradient, grad } from './index';

const numbers = async (x: Tensor): Promise<number[]> => Array.from(await x.data());

/** Rounds, and lets gradients pass as if it did not: the straight-through estimator. */
const straightThrough = customGradient(
  (x: Tensor) => x.add(0.5).floor(),
  ({ cotangents }) => [cotangents],
);

test('uses the gradient given instead of looking into the function', async () => {
  const x = tensor([0.2, 1.7]);
  const y = straightThrough(x);
  expect(await numbers(grad(y.mul(tensor([3, 4])).sum(), x))).toEqual([3, 4]);
  expect(await numbers(straightThrough(x))).toEqual([0, 2]);
});

test('gets inputs, outputs and cotangents in their structure; zeros where nothing flows back', async () => {
  const split = customGradient(
    (x: Tensor, w: Tensor) => ({ product: x.mul(w), sum: x.add(w) }),
    ({ inputs: [x, w], outputs, cotangents }) => [
      cotangents.product.mul(w).add(cotangents.sum).add(outputs.sum.mul(0)),
      cotangents.product.mul(x).add(cotangents.sum),
    ],
  );
  const [x, w] = [tensor([2, 3]), tensor([5, 7])];
  const { product } = split(x, w);
  const [dx, dw] = grad(product.sum(), [x, w]);
  expect([await numbers(dx), await numbers(dw)]).toEqual([
    [5, 7],
    [2, 3],
  ]);
  const both = await checkGradient((a: Tensor, b: Tensor) => Object.values(split(a, b)), [x, w]);
  expect(both.error).toBeLessThan(1e-9);
});

test('what backward made is differentiated again', async () => {
  const cube = customGradient(
    (x: Tensor) => x.square().mul(x),
    ({ inputs: [x], cotangents }) => [cotangents.mul(x.square()).mul(3)],
  );
  const x = tensor([2]);
  const first = grad(cube(x).sum(), x);
  expect(await numbers(grad(first.sum(), x))).toEqual([12]);
});

test('captured tensors and null get nothing', async () => {
  const w = new Parameter({ shape: [1], name: 'w', initialize: () => constant([3]) });
  const hidden = customGradient(
    (x: Tensor, y: Tensor) => x.mul(w.value).add(y),
    ({ cotangents }) => [cotangents, null],
  );
  const [x, y] = [tensor([2]), tensor([1])];
  const loss = hidden(x, y).sum();
  expect(() => grad(loss, w)).toThrow("does not depend on 'w'");
  expect(await numbers(grad(loss, y, { unused: 'zero' }))).toEqual([0]);
});

test('the closure is no part of a plan: another one makes no other plan', async () => {
  const engine = new Engine(createReferenceBackend());
  const scaled = (factor: number) =>
    customGradient(
      (x: Tensor) => x.exp(),
      ({ cotangents }) => [cotangents.mul(factor)],
    );
  let factor = 2;
  const forward = compile((x: Tensor) => scaled(factor)(x), { engine });
  const backward = compile((x: Tensor) => grad(scaled(factor)(x).sum(), x), { engine });
  for (factor = 2; factor < 5; factor++) {
    await forward(tensor([1, 2]));
    expect(engine.memory().plans).toBe(1);
  }
  for (factor = 2; factor < 4; factor++)
    expect(await numbers(await backward(tensor([1, 2])))).toEqual([factor, factor]);
});

test('wrong gradients name the operation', () => {
  const x = tensor([1, 2]);
  const few = customGradient(
    (a: Tensor) => a.exp(),
    () => [],
  );
  expect(() => grad(few(x).sum(), x)).toThrow(
    'the gradient of customGradient([2], [2]) gave 0 cotangents for 1 inputs',
  );
  const wide = customGradient(
    (a: Tensor) => a.sum(),
    ({ cotangents }) => [cotangents],
  );
  expect(() => grad(wide(x), x)).toThrow('gave float32 [] for input 0, which is float32 [2]');
});
