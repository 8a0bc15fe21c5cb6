import { run, tensor, type Tensor, zeros } from '@qkv/tensor';
import { describe, expect, expectTypeOf, test } from 'vitest';

import { activation } from './activation';
import { Embedding } from './embedding';
import { kaimingUniform, normal, ones, uniform, xavierUniform, zeros as zeroInitializer } from './initializers';
import { LayerNorm } from './layer-norm';
import { Linear } from './linear';
import { initialize } from './module';
import { RMSNorm } from './rms-norm';

const values = async (x: Tensor): Promise<number[]> => [...(await x.data())];

describe('Linear', () => {
  test('is x Wᵀ + b over any leading dimensions', async () => {
    const layer = new Linear({ inputs: 2, outputs: 3 });
    await layer.weight.load([1, 2, 3, 4, 5, 6]);
    await layer.bias!.load([10, 20, 30]);
    const expected = [15, 31, 47, 12, 24, 36];
    const x = tensor([1, 2, 0, 1]);
    expect(await values(layer.forward(x.reshape([2, 2])))).toEqual(expected);
    const deep = layer.forward(x.reshape([2, 1, 2]));
    expect(deep.shape).toEqual([2, 1, 3]);
    expect(await values(deep)).toEqual(expected);
  });

  test('without bias has one parameter', () => {
    const layer = new Linear({ inputs: 2, outputs: 3, bias: false });
    expect([...layer.namedParameters().keys()]).toEqual(['weight']);
  });

  test('starts in U(−1/√in, 1/√in), as torch', async () => {
    const layer = new Linear({ inputs: 400, outputs: 50 });
    for (const parameter of layer.parameters()) {
      const data = await parameter.data();
      const most = Math.max(...data.map(Math.abs));
      expect(most).toBeLessThanOrEqual(0.05);
      expect(most).toBeGreaterThan(0.045);
    }
  });

  test('says what does not fit', () => {
    const layer = new Linear({ inputs: 256, outputs: 10 });
    expect(() => layer.forward(zeros([2, 7, 100]) as Tensor)).toThrow(
      'Linear: expected a last dimension of 256, got [2, 7, 100]',
    );
    expect(() => layer.forward(zeros([]) as Tensor)).toThrow('Linear: expected a last dimension of 256, got []');
    expect(() => new Linear({ inputs: 0, outputs: 1 })).toThrow('Linear: inputs must be a positive integer, got 0');
  });

  test('is checked while typing', () => {
    const layer = new Linear({ inputs: 256, outputs: 10 });
    expectTypeOf(layer.forward(zeros([2, 7, 256]))).toEqualTypeOf<Tensor<readonly [2, 7, 10]>>();
    expectTypeOf(layer.forward(zeros([1, 256]) as Tensor).shape).toEqualTypeOf<readonly number[]>();
    // @ts-expect-error Linear: expected last dimension 256, got 100
    expect(() => layer.forward(zeros([2, 100]))).toThrow('Linear');
    // @ts-expect-error LayerNorm: expected last dimension 8, got 10
    expect(() => new LayerNorm({ dimension: 8 }).forward(layer.forward(zeros([2, 256])))).toThrow('LayerNorm');
  });
});

describe('Embedding', () => {
  test('looks up rows: onehot(w) · E = E[w]', async () => {
    const layer = new Embedding({ vocabulary: 3, dimension: 2 });
    await layer.weight.load([1, 2, 3, 4, 5, 6]);
    const y = layer.forward(tensor(Int32Array.of(2, 0, 1, 2), [2, 2]));
    expectTypeOf(y).toEqualTypeOf<Tensor<readonly [2, 2, 2]>>();
    expect(await values(y)).toEqual([5, 6, 1, 2, 3, 4, 5, 6]);
    const product = tensor([0, 0, 1]).reshape([1, 3]).matmul(layer.weight);
    expect(await values(product)).toEqual([5, 6]);
  });

  test('fails the run for an id outside the table, and wants int32', async () => {
    const layer = new Embedding({ vocabulary: 3, dimension: 2 });
    await expect(layer.forward(tensor(Int32Array.of(3))).data()).rejects.toThrow('3');
    expect(() => layer.forward(tensor([0.5]))).toThrow('expected int32');
  });
});

describe('norms', () => {
  test('LayerNorm gives rows of mean 0 and variance 1', async () => {
    const y = await values(new LayerNorm({ dimension: 4, epsilon: 0 }).forward(tensor([1, 2, 3, 6]).reshape([1, 4])));
    expect(y.reduce((a, b) => a + b)).toBeCloseTo(0, 6);
    expect(y.reduce((a, b) => a + b * b, 0) / 4).toBeCloseTo(1, 6);
  });

  test('RMSNorm gives rows of mean square 1', async () => {
    const y = await values(new RMSNorm({ dimension: 2, epsilon: 0 }).forward(tensor([3, 4]).reshape([1, 2])));
    expect(y.map((value) => value / y[0])).toEqual([1, expect.closeTo(4 / 3, 6)]);
    expect((y[0] ** 2 + y[1] ** 2) / 2).toBeCloseTo(1, 6);
    expect(() => new RMSNorm({ dimension: 3 }).forward(zeros([2]) as Tensor)).toThrow(
      'RMSNorm: expected a last dimension of 3, got [2]',
    );
  });
});

test('activations are found by name', async () => {
  expect(await values(activation('relu')(tensor([-1, 0, 2])))).toEqual([0, 0, 2]);
  expect(() => activation('toString' as 'relu')).toThrow(
    "activation: there is no 'toString'; choose from relu, gelu, geluTanh, silu",
  );
});

describe('initialisers', () => {
  const draw = async (initializer: typeof ones): Promise<number[]> =>
    values(await run(() => initializer([40, 100]), { seed: 1 }));
  const most = (list: number[]): number => Math.max(...list.map(Math.abs));

  test.each([
    ['xavierUniform', xavierUniform(), Math.sqrt(6 / 140)],
    ['xavierUniform(gain)', xavierUniform(0.5), 0.5 * Math.sqrt(6 / 140)],
    ['kaimingUniform', kaimingUniform(), Math.sqrt(6 / 100)],
    ['uniform', uniform(-0.2, 0.2), 0.2],
  ])('%s fills its range', async (_, initializer, bound) => {
    const list = await draw(initializer);
    expect(most(list)).toBeLessThanOrEqual(bound * (1 + 1e-6));
    expect(most(list)).toBeGreaterThan(bound * 0.99);
    expect(Math.abs(list.reduce((a, b) => a + b) / list.length)).toBeLessThan(bound * 0.04);
  });

  test('normal has its mean and deviation', async () => {
    const list = await draw(normal({ mean: 2, deviation: 0.5 }));
    const mean = list.reduce((a, b) => a + b) / list.length;
    expect(mean).toBeCloseTo(2, 1);
    expect(Math.sqrt(list.reduce((a, b) => a + (b - mean) ** 2, 0) / list.length)).toBeCloseTo(0.5, 1);
  });

  test('zeros and ones; a fan needs a matrix', async () => {
    expect(new Set([...(await draw(zeroInitializer)), ...(await draw(ones))])).toEqual(new Set([0, 1]));
    expect(() => xavierUniform()([3])).toThrow('a fan needs two dimensions, got [3]');
  });

  test('a layer uses what it is given', async () => {
    const layer = new Linear({ inputs: 2, outputs: 2, weightInitializer: ones, biasInitializer: zeroInitializer });
    initialize(layer, { seed: 4 });
    expect([...(await layer.weight.data()), ...(await layer.bias!.data())]).toEqual([1, 1, 1, 1, 0, 0]);
  });
});
