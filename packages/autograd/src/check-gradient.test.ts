import { constant, dropout, layerNorm, Parameter, tensor, type Tensor } from '@qkv/tensor';
import { expect, test } from 'vitest';

import { float64 } from '../test/generate';
import { checkGradient, customGradient, grad } from './index';

const x = tensor([
  [0.3, -1.2, 0.7],
  [1.1, 0.4, -0.6],
]);

test('agrees where the gradient is right', async () => {
  const { error, input, element } = await checkGradient((a, b) => a.mul(b).tanh(), [x, tensor([0.5, -0.2, 2])]);
  expect(error).toBeGreaterThan(0);
  expect(error).toBeLessThan(1e-10);
  expect([0, 1]).toContain(input);
  expect(element).toBeGreaterThanOrEqual(0);
});

test('finds a gradient that is wrong in one element by one part in a million', async () => {
  const wrong = customGradient(
    (a: Tensor) => a.exp(),
    ({ outputs, cotangents }) => [
      cotangents.mul(outputs).mul(
        constant([
          [1, 1, 1],
          [1, 1 + 1e-6, 1],
        ]),
      ),
    ],
  );
  const report = await checkGradient(wrong, [x]);
  expect(report).toMatchObject({ input: 0, element: 4 });
  expect(report.error).toBeGreaterThan(5e-7);
});

test('reports NaN as the worst', async () => {
  const { error } = await checkGradient((a) => a.log(), [x]);
  expect(error).toBeNaN();
});

test('masks and ids are passed on, and nothing to compare is no error', async () => {
  const ids = tensor(Int32Array.of(1, 1, 0));
  expect((await checkGradient((table, at) => table.gather(at), [x, ids])).error).toBeLessThan(1e-10);
  expect(await checkGradient((at) => at.cast('float32'), [ids])).toMatchObject({ error: 0, input: -1 });
});

test('takes several outputs, random numbers and Variables', async () => {
  const engine = float64();
  const gain = new Parameter({ shape: [3], name: 'gain', initialize: () => constant([1, 2, 3]) });
  const fn = (a: Tensor) => {
    const y = dropout(layerNorm(a, gain.value, gain.value.mul(0)), 0.5);
    return { y, dgain: grad(y.square().sum(), gain) };
  };
  for (let i = 0; i < 2; i++) {
    const { error } = await checkGradient(fn, [x], { engine, mode: 'train', seed: 3 });
    expect(error).toBeLessThan(1e-8);
  }
});
