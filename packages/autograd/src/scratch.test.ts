import { expect, test } from 'vitest';
import { tensor, Engine, createReferenceBackend, read, softmax, layerNorm } from '@qkv/tensor';
import { grad, checkGradient } from './index';

test('x', async () => {
  const x = tensor([1, 2, 3]);
  const g = grad(x.square().sum(), x);
  expect([...(await g.data())]).toEqual([2, 4, 6]);
  const r = await checkGradient((a: any, b: any) => a.mul(b).tanh().matmul(b.transpose()), [tensor([[1, 2, 3]]), tensor([[1, -2, 0.3], [0.1, 0.2, 0.3]])]);
  console.log(r);
  console.log(await checkGradient((a: any) => softmax(a), [tensor([[1, 2, 3]])]));
  console.log(await checkGradient((a: any) => grad(softmax(a).square().sum(), a), [tensor([[1, 2, 3]])]));
});
