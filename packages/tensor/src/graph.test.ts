import { describe, expect, test } from 'vitest';

import { engineOf, valuesOf } from '../test/support';
import { compile, internals, read, run, tensor, type Tensor, validateGraph, withPath, zeros } from './index';

const DEEP = 100_000;

describe('deep graphs', () => {
  const chain = (x: Tensor, length = DEEP): Tensor => {
    let y = x;
    for (let i = 0; i < length; i++) y = y.add(1);
    return y;
  };

  test('100,000 chained operations need no deeper call stack', async () => {
    const engine = engineOf();
    const x = chain(tensor([0, 1]));
    expect(internals.reachable([x as unknown as internals.Value])).toHaveLength(2 * DEEP + 1);
    validateGraph([x]);
    const [data] = await read([x], { engine });
    expect([...data]).toEqual([DEEP, DEEP + 1]);
  });

  test('nor do 50,000 views, or 2,000 steps that are not fused', async () => {
    let views: Tensor = tensor([1, 2, 3, 4], [2, 2]);
    for (let i = 0; i < 25_001; i++) views = views.transpose().unsqueeze(0).squeeze(0);
    expect(await valuesOf(views)).toEqual([1, 3, 2, 4]);
    const f = compile((y: Tensor) => {
      let sum = y.sum();
      for (let i = 0; i < 2_000; i++) sum = sum.add(y.mul(i).sum());
      return sum;
    });
    expect(await valuesOf(await f(tensor([1, 1])))).toEqual([2 + 2 * ((2_000 * 1_999) / 2)]);
  });
});

describe('shape errors', () => {
  const module = <T>(fn: () => T): T => withPath('decoder.layers.1.linear1', fn);
  const x = zeros([2, 3]) as Tensor;

  test.each<[string, () => unknown, string]>([
    ['matmul', () => x.matmul(zeros([2, 3]) as Tensor), 'matmul: inner dimensions 3 and 2 differ in [2, 3] × [2, 3]'],
    ['matmul of a vector', () => x.matmul(zeros([3]) as Tensor), 'matmul: needs two matrices, got [2, 3] × [3]'],
    ['batches', () => (zeros([4, 2, 3]) as Tensor).matmul(zeros([5, 3, 1]) as Tensor), 'matmul: batch dimensions do not broadcast in [4, 2, 3] × [5, 3, 1]'],
    ['broadcast', () => x.add(zeros([2]) as Tensor), 'add: shapes [2, 3] and [2] do not broadcast; sizes must be equal or 1, aligned at the right'],
    ['reshape', () => x.reshape([4]), 'reshape: [2, 3] has 6 elements, [4] has 4'],
    ['permute', () => x.permute([0, 0]), 'permute: [0, 0] is no permutation of the axes of [2, 3]'],
    ['slice', () => x.slice([1], [2]), 'slice: start [1, 0] with size [2, 3] is outside [2, 3]'],
    ['slice of a part of an element', () => x.slice([0], [1.5]), 'slice: start [0, 0] with size [1.5, 3] is outside'],
    ['types', () => x.add(zeros([2, 3], 'int32') as Tensor), 'add: cannot take (float32, int32); convert with .cast(…), there is no implicit promotion'],
    ['expand', () => x.expand([3, 3]), 'expand: [2, 3] does not broadcast to [3, 3]'],
  ])('%s names the module and both shapes', (_, make, message) => {
    expect(make).toThrow(message);
    expect(() => module(make)).toThrow(message);
    expect(() => module(make)).toThrow('(in decoder.layers.1.linear1)');
  });

  test('an axis that is not there', () => {
    expect(() => x.sum(2)).toThrow('sum: axis 2 is outside a tensor of rank 2');
    expect(() => x.sum([0, -2])).toThrow('sum: axes [0, 0] name one twice');
  });

  test('the path is that of the module, once, and is gone afterwards', () => {
    expect(() => module(() => x.reshape([5]))).toThrow(/^(?!.*in .*in decoder).*\(in decoder\.layers\.1\.linear1\)$/);
    expect(() => x.reshape([5])).toThrow(/has 5$/);
  });
});

test('validateGraph refuses what it is for', async () => {
  const x = tensor([1, 2]).add(1).mul(2);
  validateGraph([x]);
  const broken = (change: (node: any) => void, message: string): void => {
    const y = tensor([1, 2]).add(1).mul(2);
    change((y as unknown as internals.Value).node);
    expect(() => validateGraph([y])).toThrow(message);
  };
  broken((node) => (node.id = 0), 'younger than itself');
  broken((node) => (node.op = 'none'), 'is not a known operation');
  broken((node) => (node.inputs[0].index = 1), 'uses a value that its node does not have');
  broken((node) => (node.inputs = [node.inputs[0].reshape([2, 1]), node.inputs[1]]), 'younger than itself');
  broken((node) => (node.outputs[0].shape = [3]), 'has outputs that its shape rule does not give');
  await run(() => zeros([1]));
});
