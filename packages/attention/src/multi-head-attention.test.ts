import { grad } from '@qkv/autograd';
import { initialize } from '@qkv/nn';
import { concat, constant, type Engine, run, tensor, type Tensor, zeros } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { causalMask, paddingMask } from './masks';
import { MultiHeadAttention } from './multi-head-attention';
import { doubles, on, random, worst } from '../test/support';

// Values and gradients against torch, with masks of every kind: tooling/conformance/src/goldens/layers.ts.

const D = 8;
const H = 2;

function layer(seed = 1): MultiHeadAttention {
  const attention = new MultiHeadAttention({ dimension: D, heads: H });
  initialize(attention, { seed });
  return attention;
}

/** Step by step (CAPABILITIES B1): α_ij = q_i·k_j/√d, softmax over j, b_i = Σ_j α_ij v_j, head by head. */
async function stepByStep(
  attention: MultiHeadAttention,
  x: Float64Array,
  T: number,
  engine: Engine,
): Promise<number[]> {
  const weights = await on(engine, ...attention.parameters().map(({ value }) => value));
  const [wq, bq, wk, bk, wv, bv, wo, bo] = weights;
  const project = (w: ArrayLike<number>, b: ArrayLike<number>, input: ArrayLike<number>, t: number): number[] =>
    Array.from({ length: D }, (_, r) => {
      let sum = b[r];
      for (let c = 0; c < D; c++) sum += w[r * D + c] * input[t * D + c];
      return sum;
    });
  const all = (w: ArrayLike<number>, b: ArrayLike<number>): number[][] =>
    Array.from({ length: T }, (_, t) => project(w, b, x, t));
  const [q, k, v] = [all(wq, bq), all(wk, bk), all(wv, bv)];
  const size = D / H;
  return q.flatMap((query) => {
    const merged = Array.from({ length: H }, (_, h) => {
      const head = (row: number[]): number[] => row.slice(h * size, (h + 1) * size);
      const scores = k.map((key) => head(query).reduce((sum, a, c) => sum + a * head(key)[c], 0) / Math.sqrt(size));
      const most = Math.max(...scores);
      const e = scores.map((score) => Math.exp(score - most));
      const total = e.reduce((a, b) => a + b);
      return Array.from({ length: size }, (_, c) => e.reduce((sum, a, j) => sum + (a / total) * head(v[j])[c], 0));
    }).flat();
    return project(wo, bo, merged, 0);
  });
}

test('equals attention written out step by step', async () => {
  const [engine, attention, x] = [doubles(), layer(), random([1, 5, D], 3)];
  const [y] = await on(engine, attention.forward(x));
  const [data] = await on(engine, x);
  expect(worst(y, await stepByStep(attention, data as Float64Array, 5, engine))).toBeLessThan(1e-12);
});

test('its weights sum to 1 over what may be attended to, and are exactly 0 elsewhere', async () => {
  const attention = layer();
  const ids = tensor(Int32Array.of(5, 6, 0, 0, 7, 8, 9, 0), [2, 4]);
  const options = { causal: true, mask: paddingMask(ids, 0) };
  const weights = await attention.attentionWeights(random([2, 4, D], 4), undefined, options).data();
  const length = [2, 3];
  for (let row = 0; row < 2 * H * 4; row++) {
    const [b, t] = [Math.floor(row / (H * 4)), row % 4];
    const list = Array.from(weights.slice(row * 4, row * 4 + 4));
    expect(list.reduce((a, c) => a + c)).toBeCloseTo(1, 6);
    list.forEach((weight, j) => expect(weight > 0).toBe(j <= t && j < length[b]));
  }
});

test('without positions, permuting the sequence permutes the result', async () => {
  const [engine, attention, x] = [doubles(), layer(), random([1, 6, D], 5)];
  const order = constant(Int32Array.of(3, 0, 5, 1, 4, 2));
  const permute = (y: Tensor): Tensor => y.squeeze(0).gather(order).unsqueeze(0);
  const [a, b] = await on(engine, permute(attention.forward(x)), attention.forward(permute(x)));
  expect(worst(a, b)).toBeLessThan(1e-12);
});

describe('no bit depends on what may not be attended to', () => {
  test('a later position', async () => {
    const [attention, x] = [layer(), random([1, 6, D], 6)];
    const changed = concat([x.slice([0, 0, 0], [1, 4, D]), random([1, 2, D], 7)], 1);
    const causal = (input: Tensor): Tensor => attention.forward(input, input, input, { causal: true });
    const [y, z] = await Promise.all([causal(x).data(), causal(changed).data()]);
    expect(z.slice(0, 4 * D)).toEqual(y.slice(0, 4 * D));
    expect(z.slice(4 * D)).not.toEqual(y.slice(4 * D));
  });

  test('appended padding, and neighbours in the batch', async () => {
    const [attention, x] = [layer(), random([1, 3, D], 8)];
    const alone = await attention.forward(x).data();
    const padded = concat([x, random([1, 2, D], 9)], 1);
    const batch = concat([padded, random([2, 5, D], 10)]);
    const mask = paddingMask(tensor(Int32Array.of(1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0), [3, 5]), 0);
    const together = await attention.forward(batch, batch, batch, { mask }).data();
    expect(together.slice(0, 3 * D)).toEqual(alone);
  });
});

test('a row with nothing to attend to gives the output bias, and no gradient', async () => {
  const [engine, attention] = [doubles(), layer()];
  const [y, gradient] = await run(
    () => {
      const x = constant(new Float64Array(2 * 3 * D).fill(0.5), [2, 3, D]);
      const mask = paddingMask(constant(Int32Array.of(0, 0, 0, 1, 1, 1), [2, 3]), 0);
      const output = attention.forward(x, x, x, { mask });
      return [output, grad(output.square().sum(), x)] as const;
    },
    { engine },
  );
  expect(Array.from((await y.data()).slice(0, 3 * D))).toEqual(Array(3 * D).fill(0));
  expect(Array.from((await gradient.data()).slice(0, 3 * D))).toEqual(Array(3 * D).fill(0));
});

test('the causal option and the causal mask mean the same', async () => {
  const [attention, x] = [layer(), random([2, 4, D], 11)];
  const a = attention.forward(x, x, x, { causal: true });
  const b = attention.forward(x, x, x, { mask: causalMask() });
  const [first, second] = await on(doubles(), a, b);
  expect(worst(first, second)).toBeLessThan(1e-12);
});

test('only the projections are learned: 4(D² + D), or 4D² without biases', () => {
  expect(layer().parameterCount()).toBe(4 * (D * D + D));
  const bare = new MultiHeadAttention({ dimension: D, heads: H, bias: false, keyDimension: 3, valueDimension: 5 });
  expect(bare.parameterCount()).toBe(2 * D * D + 3 * D + 5 * D);
});

test('says what does not fit', () => {
  expect(() => new MultiHeadAttention({ dimension: 10, heads: 4 })).toThrow(
    'MultiHeadAttention: dimension 10 must be a multiple of 4 heads',
  );
  expect(() => layer().forward(zeros([2, 7, 256]))).toThrow(
    'MultiHeadAttention: expected a last dimension of 8, got [2, 7, 256]',
  );
  expect(() => layer().forward(zeros([7, 8]))).toThrow('MultiHeadAttention: expected (B, T, 8), got [7, 8]');
});
