import { initialize } from '@qkv/nn';
import { compile, concat, constant, tensor, type Tensor, zeros } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { Decoder } from './decoder';
import { DecoderLayer } from './decoder-layer';
import { Encoder } from './encoder';
import { EncoderLayer } from './encoder-layer';
import { paddingMask } from './masks';
import { random, worst } from '../test/support';

const sizes = { dimension: 8, heads: 2, feedForward: 16, dropout: 0 };

describe('names and counts', () => {
  test('an encoder layer', () => {
    const layer = new EncoderLayer(sizes);
    expect([...layer.namedParameters().keys()]).toEqual([
      ...['query', 'key', 'value', 'output'].flatMap((name) => [
        `selfAttention.${name}.weight`,
        `selfAttention.${name}.bias`,
      ]),
      'norm1.gain',
      'norm1.bias',
      ...['inner', 'outer'].flatMap((name) => [`feedForward.${name}.weight`, `feedForward.${name}.bias`]),
      'norm2.gain',
      'norm2.bias',
    ]);
  });

  test('final norms stand after pre-norm, or where they are asked for', () => {
    const has = (normalization: 'pre' | 'post', finalNorm?: boolean): boolean =>
      new Encoder({ ...sizes, layers: 1, normalization, finalNorm }).norm !== null;
    expect([has('pre'), has('post'), has('pre', false), has('post', true)]).toEqual([true, false, false, true]);
  });

  test('paths reach into the layers', () => {
    const encoder = new Encoder({ ...sizes, layers: 2 });
    expect(() => encoder.forward(zeros([1, 2, 9]))).toThrow('(in layers.0.selfAttention)');
    expect(encoder.layers[1].norm2.gain.name).toBe('layers.1.norm2.gain');
  });
});

test('dropout acts on sublayers while training, differently in each layer', async () => {
  const encoder = new Encoder({ ...sizes, dropout: 0.5, layers: 2 });
  const x = random([1, 3, 8], 1);
  const train = compile((input: Tensor) => encoder.forward(input), { mode: 'train', seed: 1 });
  const [first, second] = [await (await train(x)).data(), await (await train(x)).data()];
  const inference = await encoder.forward(x).data();
  expect(first).not.toEqual(second);
  expect(first).not.toEqual(inference);
  expect(await encoder.forward(x).data()).toEqual(inference);
});

test('attention to memory in a window decodes token by token as it is trained', async () => {
  const [T, S, D] = [4, 5, 8];
  const window = { before: 1, after: 1 };
  const layer = new DecoderLayer({ ...sizes, crossAttention: { window } });
  initialize(layer, { seed: 5 });
  const [x, memory] = [random([1, T, D], 6), random([1, S, D], 7)];
  const whole = await layer.forward(x, memory).data();
  const cache = layer.createCache(1, T, S);
  await compile((m: Tensor): void => layer.remember(cache, m))(memory);
  const step = compile((token: Tensor, position: Tensor) => layer.step(token, cache, position));
  for (let t = 0; t < T; t++) {
    const y = await step(x.slice([0, t, 0], [1, 1, D]), constant(Int32Array.of(t), []));
    expect(worst(await y.data(), whole.slice(t * D, (t + 1) * D))).toBeLessThan(1e-5);
  }
});

describe.each(['pre', 'post'] as const)('decoding token by token, %s-norm', (normalization) => {
  const [B, T, S, D] = [2, 6, 4, 8];

  test('equals the whole sequence at once, with one plan for all positions', async () => {
    const decoder = new Decoder({ ...sizes, normalization, layers: 2 });
    initialize(decoder, { seed: 2 });
    const [x, memory] = [random([B, T, D], 3), random([B, S, D], 4)];
    const memoryMask = paddingMask(tensor(Int32Array.of(1, 1, 1, 1, 1, 1, 0, 0), [B, S]), 0);
    const whole = await decoder.forward(x, memory, { memoryMask }).data();

    const cache = decoder.createCache(B, T, S);
    await compile((given: Tensor): void => decoder.remember(cache, given))(memory);
    const mask = constant(Uint8Array.of(1, 1, 1, 1, 1, 1, 0, 0), [B, 1, 1, S]);
    const step = compile((row: Tensor, position: Tensor) => decoder.step(row, cache, position, mask), { frozen: true });
    for (let t = 0; t < T; t++) {
      const row = x.slice([0, t, 0], [B, 1, D]);
      const y = await (await step(row, tensor(Int32Array.of(t), []))).data();
      for (let b = 0; b < B; b++) {
        const expected = whole.slice((b * T + t) * D, (b * T + t + 1) * D);
        expect(worst(y.slice(b * D, (b + 1) * D), expected)).toBeLessThan(1e-5);
      }
    }
  });
});

describe('the decoder layer', () => {
  test('tells how it attends to memory: what its forward uses', async () => {
    const layer = new DecoderLayer(sizes);
    const [x, memory] = [random([1, 3, 8], 5), random([1, 4, 8], 6)];
    const memoryMask = paddingMask(tensor(Int32Array.of(1, 1, 0, 1), [1, 4]), 0);
    const weights = await layer.crossAttentionWeights(x, memory, { memoryMask }).data();
    expect(weights).toHaveLength(2 * 3 * 4);
    for (let row = 0; row < 6; row++) {
      const list = Array.from(weights.slice(row * 4, row * 4 + 4));
      expect(list[2]).toBe(0);
      expect(list.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
    }
  });

  test('earlier outputs do not change by a bit when a later token does', async () => {
    const layer = new DecoderLayer(sizes);
    const [x, memory] = [random([1, 4, 8], 7), random([1, 4, 8], 8)];
    const changed = concat([x.slice([0, 0, 0], [1, 3, 8]), random([1, 1, 8], 9)], 1);
    const [a, b] = await Promise.all([layer.forward(x, memory).data(), layer.forward(changed, memory).data()]);
    expect(b.slice(0, 24)).toEqual(a.slice(0, 24));
    expect(b.slice(24)).not.toEqual(a.slice(24));
  });

  test('takes a memory of another size', async () => {
    const layer = new DecoderLayer({ ...sizes, memoryDimension: 5 });
    expect((await layer.forward(random([1, 2, 8], 1), random([1, 3, 5], 2)).data()).length).toBe(16);
  });
});
