import { describe, expect, test } from 'vitest';

import { engineOf, valuesOf } from '../test/support';
import { compile, constant, dropout, ones, philox, randomNormal, randomUniform, read, run, tensor, type Tensor, withPath } from './index';
import { siteOf } from './trace';

const uniform = (word: number): number => (word >>> 8) * 2 ** -24;

describe('layout of random numbers: part of checkpoints, never to change', () => {
  test('element e is word e mod 4 of block ⌊e/4⌋, at (site, step, 0) under the seed', async () => {
    const seed = 0x123456789an;
    const draw = compile(() => withPath('encoder.dropout', () => [randomUniform([2, 3]), randomUniform([5])]), { seed });
    for (let step = 0; step < 3; step++) {
      const results = (await draw()) as Tensor[];
      for (const [ordinal, result] of results.entries()) {
        const site = siteOf('encoder.dropout', ordinal);
        const expected = Array.from({ length: result.size }, (_, e) => {
          const words = philox([e >> 2, site, step, 0], [0x3456789a, 0x12]);
          return uniform(words[e % 4]!);
        });
        expect(await valuesOf(result)).toEqual(expected);
      }
    }
  });

  test('sites are FNV-1a of path and ordinal', () => {
    expect([siteOf('', 0), siteOf('encoder.layers.0.dropout', 1), siteOf('ü', 0)]).toEqual([siteOf('', 0), fnv('encoder.layers.0.dropout#1'), fnv('ü#0')]);
  });

  const fnv = (text: string): number => {
    const bytes = [...text].flatMap((c) => [c.charCodeAt(0) & 255, c.charCodeAt(0) >> 8]);
    return Number(bytes.reduce((hash, byte) => ((hash ^ BigInt(byte)) * 0x01000193n) & 0xffffffffn, 0x811c9dc5n));
  };

  test('known numbers', async () => {
    const [a, b] = await run(() => [randomUniform([4]), randomNormal([4])], { seed: 42 });
    expect(await valuesOf(a!)).toEqual([0.9543372988700867, 0.7453822493553162, 0.9580022692680359, 0.9640547037124634]);
    expect(await valuesOf(b!)).toEqual([0.015496150590479374, -1.5132837295532227, -0.4800690710544586, 0.30808284878730774]);
  });
});

describe('a mask is a function of seed, step, path and element', () => {
  const forward = (x: Tensor): Tensor => dropout(x, 0.5);
  const masks = async (seed: number, step = 0): Promise<number[]> => {
    const f = compile(forward, { mode: 'train', seed });
    f.step = step;
    return valuesOf(await f(ones([32])));
  };

  test('again the same, otherwise another', async () => {
    expect(await masks(1)).toEqual(await masks(1));
    expect(await masks(1)).not.toEqual(await masks(2));
    expect(await masks(1)).not.toEqual(await masks(1, 1));
  });

  test('a recomputation, a larger graph and a separate read see the same mask', async () => {
    const f = compile((x: Tensor) => {
      const once = dropout(x, 0.5);
      return [once, once.mul(2).add(1).sub(1).div(2), once.sum(), dropout(x, 0.5)];
    }, { mode: 'train', seed: 5 });
    const [once, again, sum, second] = (await f(ones([64]))) as [Tensor, Tensor, Tensor, Tensor];
    const mask = await valuesOf(once);
    expect(await valuesOf(again)).toEqual(mask);
    expect(await sum.item()).toBe(mask.reduce((a, b) => a + b, 0));
    expect(await valuesOf(second)).not.toEqual(mask);
    for (const plan of [{ fuse: false }, { reuse: false }]) {
      const engine = engineOf({}, { plan });
      expect(await valuesOf(await compile(forward, { mode: 'train', seed: 5, engine })(ones([64])))).toEqual(mask);
    }
  });

  test('the first elements do not depend on how many there are', async () => {
    const draw = async (size: number): Promise<number[]> => valuesOf(await run(() => randomUniform([size]), { seed: 9 }));
    const long = await draw(1000);
    for (const size of [1, 2, 3, 5, 127]) expect(await draw(size)).toEqual(long.slice(0, size));
  });
});

test('random numbers need a seed', () => {
  expect(() => randomUniform([2])).toThrow('random numbers need a seed: draw them inside compile(fn, { seed }) or run(fn, { seed })');
  expect(() => run(() => randomUniform([2]), { seed: 0.5 })).toThrow('a seed must be an integer, got 0.5');
});

test('uniform and normal numbers have the moments that they should', async () => {
  const [u, n] = await run(() => [randomUniform([20_000], -1, 3), randomNormal([20_000], 2, 0.5)], { seed: 3 });
  const [[uniforms], [normals]] = [await read([u!]), await read([n!])];
  const mean = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0) / values.length;
  const deviation = (values: ArrayLike<number>): number => {
    const centre = mean(values);
    return Math.sqrt(mean(Array.from(values, (v) => (v - centre) ** 2)));
  };
  expect(uniforms.every((value: number) => value >= -1 && value < 3)).toBe(true);
  expect(mean(uniforms)).toBeCloseTo(1, 1);
  expect(mean(normals)).toBeCloseTo(2, 1);
  expect(deviation(normals)).toBeCloseTo(0.5, 1);
});

test('dropout keeps the sum on average, and is the identity outside training and at rate 0', async () => {
  const f = compile((x: Tensor) => [dropout(x, 0.2).mean(), dropout(x, 0)], { mode: 'train', seed: 1 });
  const [mean, same] = (await f(ones([10_000]))) as [Tensor, Tensor];
  expect(await mean.item()).toBeCloseTo(1, 1);
  expect(await valuesOf(same)).toEqual(new Array(10_000).fill(1));
  expect(dropout(tensor([1]), 0.5).shape).toEqual([1]);
  expect(() => dropout(constant([1]), 1)).toThrow('dropout: rate must be in [0, 1), got 1');
});
