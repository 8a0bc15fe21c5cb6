import { checkGradient, grad } from '@qkv/autograd';
import { initialize } from '@qkv/nn';
import { compile, concat, constant, type Engine, explain, run, tensor, type Tensor, zeros } from '@qkv/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { LinearAttention } from './linear-attention';
import { causalLinearAttention, featureMap, linearAttention } from './linear-attention-forms';
import { exclusiveSums } from './prefix-sums';
import { doubles, numbers, on, random, worst } from '../test/support';

const [B, H, Dh, Dv] = [2, 2, 3, 4];

const phi = (x: number): number => (x > 0 ? x + 1 : Math.exp(x));

interface Sequence {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly mask: Tensor;
  /** The recurrent form, Eq. 16 to 20: s += φ(k_i) v_iᵀ, z += φ(k_i), y_i = φ(q_i)ᵀ s / φ(q_i)·z; or with s and z of all keys. */
  expected(causal: boolean, masked: boolean): number[];
}

function sequence(T: number, seed: number): Sequence {
  const [q, k, v] = [Dh, Dh, Dv].map((size, i) => numbers(B * T * H * size, seed + i).map((value) => 2 * value));
  const open = numbers(B * T, seed + 3).map((value) => Number(value > -0.2));
  const expected = (causal: boolean, masked: boolean): number[] => {
    const y = Array<number>(B * T * H * Dv).fill(0);
    for (let row = 0; row < B * H; row++) {
      const [b, h] = [Math.floor(row / H), row % H];
      const at = (t: number): number => (b * T + t) * H + h;
      const s = Array.from({ length: Dh }, () => Array<number>(Dv).fill(0));
      const z = Array<number>(Dh).fill(0);
      const take = (t: number): void => {
        if (masked && !open[b * T + t]) return;
        for (let d = 0; d < Dh; d++) {
          const key = phi(k[at(t) * Dh + d]);
          z[d] += key;
          for (let e = 0; e < Dv; e++) s[d][e] += key * v[at(t) * Dv + e];
        }
      };
      const give = (t: number): void => {
        const query = Array.from({ length: Dh }, (_, d) => phi(q[at(t) * Dh + d]));
        const total = query.reduce((sum, x, d) => sum + x * z[d], 0);
        for (let e = 0; e < Dv && total > 0; e++) {
          y[at(t) * Dv + e] = query.reduce((sum, x, d) => sum + x * s[d][e], 0) / total;
        }
      };
      for (let t = 0; t < T; t++) {
        take(t);
        if (causal) give(t);
      }
      for (let t = 0; t < T && !causal; t++) give(t);
    }
    return y;
  };
  return {
    q: constant(q, [B, T, H, Dh]),
    k: constant(k, [B, T, H, Dh]),
    v: constant(v, [B, T, H, Dv]),
    mask: constant(Uint8Array.from(open), [B, 1, 1, T], 'bool'),
    expected,
  };
}

const lengths = [1, 2, 63, 64, 65, 200, 1100];

test('sums of what comes before, for any length', async () => {
  const engine = doubles();
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 600 }), async (N) => {
      const x = numbers(2 * N * 3, N);
      const y = Array<number>(x.length).fill(0);
      for (let i = 0; i < x.length; i++) if (i % (3 * N) >= 3) y[i] = y[i - 3] + x[i - 3];
      expect(worst((await on(engine, exclusiveSums(constant(x, [2, N, 3]))))[0], y)).toBeLessThan(1e-12);
    }),
    { seed: 3, numRuns: 20 },
  );
});

describe('the parallel forms are the recurrent one', () => {
  test.each([true, false])('float64, masked: %s', async (masked) => {
    const engine = doubles();
    for (const T of lengths) {
      const { q, k, v, mask, expected } = sequence(T, T);
      const may = masked ? mask : undefined;
      const [all, past] = await on(
        engine,
        linearAttention(q, k, v, may),
        causalLinearAttention(q, k, v, { mask: may }).output,
      );
      expect(worst(all, expected(false, masked)), `all, T = ${T}`).toBeLessThan(1e-10);
      expect(worst(past, expected(true, masked)), `causal, T = ${T}`).toBeLessThan(1e-10);
    }
  });

  test('float32', async () => {
    const { q, k, v, expected } = sequence(1100, 5);
    const y = await causalLinearAttention(q, k, v).output.data();
    expect(worst(y, expected(true, false))).toBeLessThan(1e-6);
  });

  test.each([
    ['float64', doubles, 1e-10],
    ['float32', undefined, 1e-6],
  ] as const)('the layer step by step, %s', async (_, create, tolerance) => {
    const engine: Engine | undefined = create?.();
    const layer = new LinearAttention({ dimension: 8, heads: 2 });
    initialize(layer, { seed: 1 });
    const T = 130;
    const x = tensor(numbers(2 * T * 8, 1), [2, T, 8]);
    const parallel = compile((input: Tensor) => layer.forward(input, input, input, { causal: true }), { engine });
    const cache = layer.createCache(2);
    const step = compile((input: Tensor) => layer.forward(input, { cache }), { engine });
    const whole = await (await parallel(x)).data();
    // A prompt of 70 positions at once, then one by one.
    const parts = [await step(x.slice([0, 0, 0], [2, 70, 8]))];
    for (let t = 70; t < T; t++) parts.push(await step(x.slice([0, t, 0], [2, 1, 8])));
    const joined = await compile((...list: Tensor[]) => concat(list, 1), { engine })(...parts);
    expect(worst(await joined.data(), whole)).toBeLessThan(tolerance);

    await run(() => cache.clear(), { engine });
    const again = await step(x.slice([0, 0, 0], [2, 1, 8]));
    const first = Array.from(await again.data());
    expect(worst(first, [...whole.slice(0, 8), ...whole.slice(T * 8, T * 8 + 8)])).toBeLessThan(tolerance);
    await run(() => cache.reorder(constant(Int32Array.of(1, 1))), { engine });
    const [state] = cache.variables();
    const data = await state.data();
    expect(data.slice(0, data.length / 2)).toEqual(data.slice(data.length / 2));
  });
});

test('gradients are exact, at 0 too, where elu has no kink', async () => {
  const { q, k, v, mask } = sequence(5, 6);
  for (const form of [
    linearAttention,
    (...x: [Tensor, Tensor, Tensor, Tensor]) => causalLinearAttention(x[0], x[1], x[2], { mask: x[3] }).output,
  ]) {
    const { error } = await checkGradient((a, b, c) => form(a, b, c, mask), [q, k, v], { engine: doubles() });
    expect(error).toBeLessThan(1e-10);
  }
  const slopes = await run(() => {
    const x = constant(Float32Array.of(-1, 0, 1, 1000), [4]);
    return grad(featureMap(x).sum(), x);
  });
  expect(worst(await slopes.data(), [Math.exp(-1), 1, 1, 1])).toBeLessThan(1e-7);
});

test('gradients through many chunks are those of the whole triangle of weights', async () => {
  const { q, k, v, mask } = sequence(150, 7);
  const triangle = (query: Tensor, key: Tensor, value: Tensor): Tensor => {
    const [a, b] = [query, key].map((x) => featureMap(x).permute([0, 2, 1, 3]));
    const past = constant(Uint8Array.from({ length: 150 * 150 }, (_, i) => Number(i % 150 <= i / 150)), [1, 1, 150, 150], 'bool'); // prettier-ignore
    const weights = a.matmul(b.transpose()).mul(past.and(mask).cast('float32'));
    const total = weights.sum(-1, { keep: true });
    return weights.div(total.add(total.equal(0).cast('float32'))).matmul(value.permute([0, 2, 1, 3])).permute([0, 2, 1, 3]); // prettier-ignore
  };
  const chunked = (a: Tensor, b: Tensor, c: Tensor): Tensor => causalLinearAttention(a, b, c, { mask }).output;
  const gradients = await run(
    () =>
      [chunked, triangle].map((form) => {
        const y = form(q, k, v);
        return grad(y.mul(constant(numbers(y.size, 8), y.shape)).sum(), [q, k, v]);
      }),
    { engine: doubles() },
  );
  for (let i = 0; i < 3; i++) {
    expect(worst(await gradients[0][i].data(), await gradients[1][i].data())).toBeLessThan(1e-10);
  }
});

test('nothing to attend to: zeros, and no gradient', async () => {
  const layer = new LinearAttention({ dimension: 4, heads: 2, bias: false });
  const [y, dx] = await run(() => {
    const x = constant(numbers(2 * 3 * 4, 1), [2, 3, 4]);
    const mask = constant(Uint8Array.of(0, 0, 0, 0, 1, 1), [2, 1, 1, 3], 'bool');
    const output = layer.forward(x, x, x, { mask, causal: true });
    return [output, grad(output.square().sum(), x)] as const;
  });
  for (const data of [await y.data(), await dx.data()]) {
    expect(data.slice(0, 12).every((value) => value === 0)).toBe(true); // row 0
    expect(data.slice(12, 16).every((value) => value === 0)).toBe(true); // row 1, whose first key is padding
    expect(data.slice(16).every((value) => value !== 0 && Number.isFinite(value))).toBe(true);
  }
});

test('no bit of the past depends on what follows', async () => {
  const { q, k, v } = sequence(140, 9);
  const changed = concat([v.slice([0, 0], [B, 139]), v.slice([0, 139], [B, 1]).add(1)], 1);
  const [a, b] = [causalLinearAttention(q, k, v).output, causalLinearAttention(q, k, changed).output];
  const before = (x: Tensor): Tensor => x.slice([0, 0], [B, 139]);
  expect(await before(b).data()).toEqual(await before(a).data());
  expect(await b.data()).not.toEqual(await a.data());
});

test('arithmetic and memory of the plan grow with N', () => {
  const engine = doubles();
  const cost = (N: number): [number, number] => {
    const [q, k, v] = [Dh, Dh, Dv].map((size) => random([1, N, H, size], size).add(0));
    const y = causalLinearAttention(q, k, v).output;
    const text = explain([y, ...grad(y.sum(), [q, k, v])], engine);
    const [, flops, size, unit] = /([\d.]+) GFLOP, arena ([\d.]+) (KB|MB|B)/.exec(text)!;
    return [Number(flops), Number(size) * (unit === 'MB' ? 1024 : 1)];
  };
  const [[small, smallArena], [large, largeArena]] = [cost(2048), cost(8192)];
  expect(large / small).toBeGreaterThan(3.8);
  expect(large / small).toBeLessThan(4.2);
  expect(largeArena / smallArena).toBeLessThan(4.2);
});

test('says what does not fit', () => {
  const layer = new LinearAttention({ dimension: 8, heads: 2 });
  const [x, y] = [zeros([1, 3, 8]), zeros([1, 4, 8])];
  expect(() => new LinearAttention({ dimension: 8, heads: 3 })).toThrow(
    'LinearAttention: dimension 8 must be a multiple of 3 heads',
  );
  expect(() => layer.forward(zeros([1, 3, 7]))).toThrow(
    'LinearAttention: expected a last dimension of 8, got [1, 3, 7]',
  );
  expect(() => layer.forward(x, y, y, { causal: true })).toThrow(
    'LinearAttention: causal needs as many queries as keys, got 3 and 4; leave `causal` out',
  );
  const two = zeros([2, 3, 8]);
  for (const [key, value] of [
    [x, x],
    [two, x],
    [two, zeros([2, 1, 8])],
  ]) {
    expect(() => layer.forward(two, key, value)).toThrow('LinearAttention: expected queries (B, T, 8)');
  }
  expect(layer.forward(zeros([2, 0, 8]), undefined, undefined, { causal: true }).shape).toEqual([2, 0, 8]);
  expect(() => layer.forward(x, y, y, { mask: zeros([1, 1, 3, 4], 'bool') })).toThrow(
    'LinearAttention: expected a mask of keys, bool (B, 1, 1, 4), got bool [1, 1, 3, 4]',
  );
});
