import { grad } from '@qkv/autograd';
import { arange, constant, explain, run, scaledDotProductAttention, type Tensor, zeros } from '@qkv/tensor';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { type Attend, localAttention, type LocalAttentionOptions } from './local-attention';
import { normalizeScores } from './normalize-scores';
import { AlibiPositions } from './positions/alibi-positions';
import type { AttentionPositions } from './positions/attention-positions';
import { ClippedRelativePositions } from './positions/clipped-relative-positions';
import { doubles, numbers, on, random, worst } from '../test/support';

const [H, Dh, Dv] = [2, 3, 4];
const engine = doubles();

/** All keys, of which a mask leaves those of the window. */
function maskedFull(q: Tensor, k: Tensor, v: Tensor, options: LocalAttentionOptions): Tensor {
  const { window, positions, attend } = options;
  const mask = options.mask as Tensor | undefined;
  const N = q.shape[1];
  const may = Array.from({ length: N * N }, (_, at) => {
    const [i, j] = [Math.floor(at / N), at % N];
    return Number(j >= i - window.before && j <= i + window.after);
  });
  const inWindow = constant(Uint8Array.from(may), [1, 1, N, N], 'bool');
  const all = mask === undefined ? inWindow : mask.and(inWindow);
  const bias = positions?.bias?.(arange(N), arange(N));
  return attend?.(q, k, v, { mask: all, bias }) ?? scaledDotProductAttention(q, k, v, { mask: all, bias }).output;
}

/** Greatest difference of values and of the gradients of q, k, v and the positions' table. */
async function difference(
  B: number,
  N: number,
  seed: number,
  options: (N: number) => LocalAttentionOptions,
): Promise<number> {
  const inputs = (): Tensor[] =>
    [Dh, Dh, Dv].map((size, i) => constant(numbers(B * N * H * size, seed + i), [B, N, H, size]));
  const results = await run(
    () =>
      [localAttention, maskedFull].map((attention) => {
        const [q, k, v] = inputs();
        const chosen = options(N);
        const y = attention(q, k, v, chosen);
        const weight = chosen.positions instanceof ClippedRelativePositions ? [chosen.positions.weight] : [];
        const loss = y.mul(constant(numbers(y.size, seed + 9), y.shape)).sum();
        return [y, ...(grad(loss, [q, k, v, ...weight]) as readonly Tensor[])];
      }),
    { engine },
  );
  const [local, full] = await Promise.all(results.map((list) => Promise.all(list.map((tensor) => tensor.data()))));
  return Math.max(...local.map((data, i) => worst(data, full[i])));
}

const sizes = [1, 2, 31, 32, 33, 40, 64, 65, 97, 130];
const windows = [[0, 0], [1, 0], [0, 2], [2, 2], [5, 30], [40, 0], [0, 33], [200, 200], [Infinity, 2]]; // prettier-ignore

test.each(windows)('is masked full attention, values and gradients: window −%i … +%i', async (before, after) => {
  for (const N of sizes) {
    const off = await difference(1, N, 7 * N, () => ({ window: { before, after } }));
    expect(off, `N = ${N}`).toBeLessThan(1e-10);
  }
});

const someKeys = (B: number, N: number): Tensor =>
  constant(
    Uint8Array.from(numbers(B * N, N), (value) => Number(value > 0.2)),
    [B, 1, 1, N],
    'bool',
  );

test('with padded keys, and rows of which all keys are padding', async () => {
  for (const N of [5, 70, 100]) {
    const off = await difference(2, N, N, () => ({ window: { before: 3, after: 1 }, mask: someKeys(2, N) }));
    expect(off, `N = ${N}`).toBeLessThan(1e-10);
  }
  const shared = await difference(2, 70, 1, (N) => ({ window: { before: 3, after: 1 }, mask: someKeys(1, N) }));
  expect(shared).toBeLessThan(1e-10);
});

test('with the bias of positions, which is computed for one block', async () => {
  const clipped = new ClippedRelativePositions({ heads: H, maxDistance: 3 });
  await on(engine, clipped.weight.value);
  await clipped.weight.load(numbers(7 * H, 1));
  for (const positions of [new AlibiPositions({ heads: H }), clipped] as AttentionPositions[]) {
    for (const N of [20, 90]) {
      const off = await difference(2, N, N, () => ({ window: { before: 6, after: 2 }, positions }));
      expect(off, `N = ${N}`).toBeLessThan(1e-10);
    }
  }
});

test('around any inner attention, such as sparsemax of a plain product', async () => {
  const attend: Attend = (q, k, v, { mask, bias }) => {
    const scores = q.permute([0, 2, 1, 3]).matmul(k.permute([0, 2, 3, 1]));
    const weights = normalizeScores('sparsemax', bias === undefined ? scores : scores.add(bias), mask);
    return weights.matmul(v.permute([0, 2, 1, 3])).permute([0, 2, 1, 3]);
  };
  const off = await difference(2, 75, 3, () => ({ window: { before: 4, after: 4 }, attend }));
  expect(off).toBeLessThan(1e-10);
});

test('for any length, window and mask', async () => {
  const cases = fc.record({
    N: fc.integer({ min: 1, max: 120 }),
    before: fc.nat(50),
    after: fc.nat(50),
    B: fc.integer({ min: 1, max: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ N, before, after, B }) => {
      const off = await difference(B, N, N + before, () => ({ window: { before, after }, mask: someKeys(B, N) }));
      expect(off).toBeLessThan(1e-10);
    }),
    { seed: 2, numRuns: 25 },
  );
});

test('arithmetic and memory of the plan grow with N, those of full attention with N²', () => {
  const cost = (attention: typeof localAttention, N: number): [number, number] => {
    const [q, k, v] = [Dh, Dh, Dv].map((size) => zeros([1, N, H, size]).add(random([1, N, H, size], size)));
    const y = attention(q, k, v, { window: { before: 20, after: 20 } });
    const text = explain([y, ...grad(y.sum(), [q, k, v])], engine);
    const [, flops, size, unit] = /([\d.]+) GFLOP, arena ([\d.]+) (KB|MB|B)/.exec(text)!;
    return [Number(flops), Number(size) * (unit === 'MB' ? 1024 : 1)];
  };
  const [[small, smallArena], [large, largeArena]] = [cost(localAttention, 2000), cost(localAttention, 8000)];
  expect(large / small).toBeGreaterThan(3.8);
  expect(large / small).toBeLessThan(4.2);
  expect(largeArena / smallArena).toBeLessThan(4.2);
  const [[few], [many]] = [
    cost(maskedFull as typeof localAttention, 500),
    cost(maskedFull as typeof localAttention, 2000),
  ];
  expect(many / few).toBeGreaterThan(14);
});

test('says what does not fit', () => {
  const [q, k] = [zeros([1, 4, H, Dh]), zeros([1, 5, H, Dh])];
  expect(() => localAttention(q, k, k, { window: { before: 1, after: 1 } })).toThrow(
    'localAttention: a window needs as many keys as queries, got 5 and 4; use a mask instead',
  );
  expect(() => localAttention(q, q, q, { window: { before: -1, after: 1 } })).toThrow(
    'localAttention: window: before must be a whole number, 0 or more, or Infinity, got -1',
  );
  const perQuery = zeros([1, 1, 4, 4], 'bool');
  expect(() => localAttention(q, q, q, { window: { before: 1, after: 1 }, mask: perQuery })).toThrow(
    'localAttention: expected a mask of keys, bool (B, 1, 1, 4), got bool [1, 1, 4, 4]',
  );
});
