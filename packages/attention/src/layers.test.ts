import { initialize } from '@qkv/nn';
import { compile, concat, constant, full, run, tensor, type Tensor, zeros } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { Decoder } from './decoder';
import { DecoderLayer } from './decoder-layer';
import { Encoder } from './encoder';
import { EncoderLayer } from './encoder-layer';
import { KeyValueCache } from './key-value-cache';
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

describe('the cache', () => {
  const value = (row: number): Tensor => full([2, 1, 1, 1], row);

  test('attends to the positions that have been seen, and no others', async () => {
    const cache = new KeyValueCache({ rows: 2, length: 3, heads: 1, keySize: 1 });
    const step = compile(
      (next: Tensor, position: Tensor) => {
        cache.append(next.mul(0), next, position);
        return cache.attend(full([2, 1, 1, 1], 0), { position });
      },
      { frozen: true },
    );
    const means: number[] = [];
    for (const [t, next] of [3, 6, 9].entries()) {
      const y = await step(value(next), tensor(Int32Array.of(t), []));
      means.push((await y.data())[0]);
    }
    expect(means).toEqual([3, 4.5, 6]);
  });

  test('reorders its rows, and starts anew when released', async () => {
    const cache = new KeyValueCache({ rows: 2, length: 1, heads: 1, keySize: 1 });
    await run(() => {
      const rows = constant(Float32Array.of(1, 2), [2, 1, 1, 1]);
      cache.fill(rows, rows);
    });
    await run(() => cache.reorder(constant(Int32Array.of(1, 1))));
    expect(await Promise.all(cache.variables().map((v) => v.data()))).toEqual([
      Float32Array.of(2, 2),
      Float32Array.of(2, 2),
    ]);
    cache.release();
    expect(cache.variables().every((v) => v.handle === null)).toBe(true);
    expect(await cache.variables()[0].data()).toEqual(Float32Array.of(0, 0));
  });

  test('past its end the run fails, and nothing has changed', async () => {
    const cache = new KeyValueCache({ rows: 2, length: 3, heads: 1, keySize: 1, name: 'mine' });
    const step = compile((next: Tensor, position: Tensor): void => cache.append(next, next, position), {
      frozen: true,
    });
    const at = (t: number): Promise<void> => step(value(t + 1), tensor(Int32Array.of(t), []));
    for (let t = 0; t < 3; t++) await at(t);
    for (const t of [3, -1]) {
      await expect(at(t)).rejects.toMatchObject({
        name: 'KernelError',
        message: expect.stringMatching(
          new RegExp(`id ${t} .*3.* in KeyValueCache.append: position in 'mine', which holds 3`),
        ) as string,
      });
    }
    expect(await cache.variables()[0].data()).toEqual(Float32Array.of(1, 2, 3, 1, 2, 3));
  });

  test('takes one position at a time', async () => {
    const cache = new KeyValueCache({ rows: 1, length: 3, heads: 1, keySize: 1 });
    const append = () => run(() => cache.append(zeros([1, 2, 1, 1]), zeros([1, 2, 1, 1]), zeros([], 'int32')));
    expect(append).toThrow('KeyValueCache.append: takes one position at a time, (B, 1, H, Dh), got [1, 2, 1, 1]');
  });
});
