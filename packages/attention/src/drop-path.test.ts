import { grad } from '@qkv/autograd';
import { compile, ones, type Tensor } from '@qkv/tensor';
import { expect, test } from 'vitest';

import { Decoder } from './decoder';
import { DropPath } from './drop-path';
import { Encoder } from './encoder';
import { random } from '../test/support';

test('drops whole rows while training, scales the others, and leaves inference alone', async () => {
  const layer = new DropPath({ rate: 0.25 });
  const B = 400;
  const x = ones([B, 2, 3]);
  expect(await layer.forward(x).data()).toEqual(new Float32Array(B * 6).fill(1));
  const train = compile((input: Tensor) => layer.forward(input), { mode: 'train', seed: 1 });
  const y = await (await train(random([B, 2, 3], 1).mul(0).add(1))).data();
  const rows = Array.from({ length: B }, (_, b) => Array.from(y.slice(b * 6, (b + 1) * 6)));
  for (const row of rows) expect(new Set(row).size).toBe(1);
  const kept = rows.filter(([first]) => first !== 0);
  expect(kept.every(([first]) => Math.abs(first - 4 / 3) < 1e-6)).toBe(true);
  // 300 are expected; 4 deviations of a binomial are 35.
  expect(Math.abs(kept.length - 300)).toBeLessThan(35);
});

test('a dropped row passes no gradient to the sublayer', async () => {
  const layer = new DropPath({ rate: 0.5 });
  const step = compile(
    (x: Tensor) => {
      const y = layer.forward(x);
      return [y, grad(y.sum(), [x])[0]] as const;
    },
    { mode: 'train', seed: 2 },
  );
  const [y, dx] = await step(ones([8, 2]));
  expect(Array.from(await dx.data())).toEqual(Array.from(await y.data()));
  expect(new Set(await y.data())).toEqual(new Set([0, 2]));
});

test('in a stack the rates rise linearly from 0, as in timm', () => {
  const sizes = { dimension: 4, heads: 2, feedForward: 8 };
  const rates = ({ layers }: Encoder | Decoder): number[] => layers.map(({ dropPath }) => dropPath.rate);
  expect(rates(new Encoder({ ...sizes, layers: 5, dropPath: 0.2 }))).toEqual([0, 0.05, 0.1, 0.2 * 0.75, 0.2]);
  expect(rates(new Decoder({ ...sizes, layers: 3, dropPath: 0.5 }))).toEqual([0, 0.25, 0.5]);
  expect(rates(new Encoder({ ...sizes, layers: 1, dropPath: 0.2 }))).toEqual([0]);
  expect(rates(new Encoder({ ...sizes, layers: 2 }))).toEqual([0, 0]);
  expect(() => new DropPath({ rate: 1 })).toThrow('DropPath: rate must be in [0, 1), got 1');
});

test('a layer that is dropped leaves its rows as they were', async () => {
  const encoder = new Encoder({
    dimension: 4,
    heads: 2,
    feedForward: 8,
    layers: 2,
    dropout: 0,
    dropPath: 0.999_999,
    normalization: 'pre',
    finalNorm: false,
  });
  const x = random([3, 2, 4], 1);
  const train = compile((input: Tensor) => [encoder.forward(input), encoder.layers[0].forward(input)] as const, {
    mode: 'train',
    seed: 3,
  });
  const [both, first] = await train(x);
  expect(await both.data()).toEqual(await first.data());
  expect(await both.data()).not.toEqual(await encoder.forward(x).data());
});
