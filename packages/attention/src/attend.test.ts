import { grad } from '@qkv/autograd';
import { constant, explain, run, type Tensor, zeros } from '@qkv/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { attend, type AttendHeadsOptions, attentionScores, attentionWeights } from './attend';
import { causalMask, documentMask, paddingMask, windowMask } from './masks';
import { AlibiPositions } from './positions/alibi-positions';
import { doubles, numbers, worst } from '../test/support';

// Every pair of options against the formulas in loops: tooling/conformance/src/attention.conformance.test.ts.

const engine = doubles();
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const given = (shape: number[], seed: number): Tensor => constant(numbers(sizeOf(shape), seed), shape);

interface Sizes {
  readonly B: number;
  readonly T: number;
  readonly S: number;
  readonly H: number;
  readonly Hk: number;
  readonly Dh: number;
  readonly Dv: number;
}

type Options = (inputs: Record<string, Tensor>) => AttendHeadsOptions;

/** Outputs, and gradients of queries, keys, values and what else there is, with these options. */
async function results(
  { B, T, S, H, Hk, Dh, Dv }: Sizes,
  options: Options,
  more: Record<string, number[]> = {},
): Promise<number[][]> {
  const tensors = await run(
    () => {
      const shapes = { q: [B, T, H, Dh], k: [B, S, Hk, Dh], v: [B, S, Hk, Dv], ...more };
      const inputs = Object.fromEntries(Object.entries(shapes).map(([name, shape], i) => [name, given(shape, 10 + i)]));
      const y = attend(inputs.q, inputs.k, inputs.v, options(inputs));
      const loss = y.mul(given([B, T, H, Dv], 5)).sum();
      return [y, ...(grad(loss, Object.values(inputs)) as readonly Tensor[])];
    },
    { engine },
  );
  return Promise.all(tensors.map(async (tensor) => Array.from(await tensor.data())));
}

const difference = (a: number[][], b: number[][]): number => Math.max(...a.map((list, i) => worst(list, b[i])));

test('the kernel and the formula written out are the same, values and gradients', async () => {
  const sizes = fc.record({
    B: fc.integer({ min: 1, max: 2 }),
    T: fc.integer({ min: 1, max: 4 }),
    extra: fc.nat(2),
    Hk: fc.integer({ min: 1, max: 2 }),
    G: fc.integer({ min: 1, max: 3 }),
    Dh: fc.integer({ min: 1, max: 4 }),
    Dv: fc.integer({ min: 1, max: 3 }),
  });
  const which = fc.record({
    causal: fc.boolean(),
    bias: fc.boolean(),
    sinks: fc.boolean(),
    mask: fc.nat(3),
    score: fc.nat(2),
  });
  await fc.assert(
    fc.asyncProperty(sizes, which, async ({ B, T, extra, Hk, G, Dh, Dv }, choice) => {
      const [S, H] = [choice.causal ? T : T + extra, Hk * G];
      const more: Record<string, number[]> = {};
      if (choice.bias) more.bias = [1, H, T, S];
      if (choice.sinks) more.sinks = [H];
      if (choice.score === 2) more.general = [H, Dh, Dh];
      const options = ({ bias, sinks, general }: Record<string, Tensor>): AttendHeadsOptions => {
        const shape = [[], [B, 1, 1, S], [T, S], [B, H, T, S]][choice.mask];
        const open = Uint8Array.from(numbers(sizeOf(shape), 9), (x) => Number(x > -0.3));
        return {
          causal: choice.causal,
          bias,
          sinks,
          score: general === undefined ? (['scaledDotProduct', 'dotProduct'] as const)[choice.score] : { general },
          mask: choice.mask === 0 ? undefined : constant(open, shape, 'bool'),
        };
      };
      const all = { B, T, S, H, Hk, Dh, Dv };
      const kernel = await results(all, options, more);
      const formula = await results(all, (inputs) => ({ ...options(inputs), observe: (weights) => weights }), more);
      expect(difference(kernel, formula)).toBeLessThan(1e-12);
    }),
    { seed: 3, numRuns: 80 },
  );
});

describe('a causal mask', () => {
  const [q, other] = [zeros([2, 5, 2, 4]), zeros([2, 3, 2, 4])];
  const ids = constant(new Int32Array(10).fill(1), [2, 5]);
  const plan = (options: AttendHeadsOptions): string => explain([attend(q, q, q, options)], engine);

  test('is the flag of the kernel over whole sequences', () => {
    expect(plan({ mask: causalMask() })).toBe(plan({ causal: true }));
    expect(plan({ mask: causalMask().and(paddingMask(ids, 0)) })).toBe(
      plan({ causal: true, mask: paddingMask(ids, 0) }),
    );
    expect(plan({ mask: causalMask().not().not() })).not.toBe(plan({ causal: true }));
  });

  test('goes by indices where the flag does not know them', async () => {
    const weights = attentionWeights(other, q, { mask: causalMask() });
    const [row] = [Array.from(await weights.slice([0, 0, 1], [1, 1, 1]).data())];
    expect(row).toEqual([0.5, 0.5, 0, 0, 0]);
    const later = attentionWeights(other, q, { mask: causalMask(), queryIndices: constant(Int32Array.of(4, 0, 1)) });
    expect(Array.from(await later.slice([0, 0], [1, 1]).data()).map((x) => x > 0)).toEqual(
      [5, 1, 2].flatMap((count) => Array.from({ length: 5 }, (_, j) => j < count)),
    );
  });
});

describe('a window', () => {
  const sizes = { B: 2, T: 70, S: 70, H: 2, Hk: 1, Dh: 2, Dv: 2 };
  const window = { before: 5, after: 2 };
  const ids = (): Tensor =>
    constant(
      Int32Array.from(numbers(140, 8), (x) => Number(x > -0.7)),
      [2, 70],
    );
  const kinds: [string, Options, Record<string, number[]>?][] = [
    ['alone', () => ({})],
    ['with padding and causality', () => ({ mask: paddingMask(ids(), 0), causal: true })],
    ['with a causal conjunct', () => ({ mask: paddingMask(ids(), 0).and(causalMask()) })],
    ['with documents, which differ between queries', () => ({ mask: documentMask(ids()) })],
    [
      'with sinks and a bias by distance',
      ({ sinks }) => ({ sinks, positions: new AlibiPositions({ heads: 2 }) }),
      { sinks: [2] },
    ],
    [
      'with positions that are not the indices',
      () => {
        const places = constant(Int32Array.from(numbers(70, 3), (x) => Math.round(9 * x)));
        return { positions: new AlibiPositions({ heads: 2 }), queryPositions: places, keyPositions: places };
      },
    ],
    [
      'with another formula',
      ({ v2 }) => ({ score: { additive: v2 }, softCap: 0.7, normalization: 'sparsemax' }),
      { v2: [2] },
    ],
    ['of ReLU', () => ({ score: 'dotProduct', normalization: 'relu' })],
  ];

  test.each(kinds)('is the mask of a window, values and gradients: %s', async (_, options, more) => {
    const local = await results(sizes, (inputs) => ({ ...options(inputs), window }), more);
    const masked = await results(
      sizes,
      (inputs) => {
        const { mask, ...rest } = options(inputs);
        const inside = windowMask(window);
        return { ...rest, mask: mask === undefined || !('at' in mask) ? inside : inside.and(mask) };
      },
      more,
    );
    expect(difference(local, masked)).toBeLessThan(1e-12);
  });

  test('may be open on one side', async () => {
    const open = { before: Infinity, after: 0 };
    const small = { ...sizes, T: 4, S: 4 };
    expect(
      difference(await results(small, () => ({ window: open })), await results(small, () => ({ causal: true }))),
    ).toBe(0);
  });

  test('costs linear time and memory, with padding and causality too', () => {
    const cost = (N: number, options: AttendHeadsOptions): [number, number] => {
      const [q, k, v] = [1, 2, 3].map((seed) => given([1, N, 2, 4], seed));
      const mask = causalMask().and(paddingMask(constant(new Int32Array(N).fill(1), [1, N]), 0));
      const text = explain([attend(q, k, v, { mask, ...options })], engine);
      const [, flops, arena, unit] = /([\d.]+) GFLOP, arena ([\d.]+) (KB|MB|B)/.exec(text)!;
      return [Number(flops), Number(arena) * (unit === 'MB' ? 1024 : 1)];
    };
    for (const formula of [{}, { softCap: 5 }, { sinks: zeros([2]) }]) {
      const [small, large] = [2000, 8000].map((N) => cost(N, { window: { before: 20, after: 20 }, ...formula }));
      for (const n of [0, 1]) expect(large[n] / small[n]).toBeLessThan(4.3);
    }
  });
});

test('whoever observes the weights may change them', async () => {
  const sizes = { B: 1, T: 2, S: 3, H: 1, Hk: 1, Dh: 2, Dv: 2 };
  let seen: readonly number[] = [];
  const first = (weights: Tensor): Tensor => {
    seen = weights.shape;
    return weights.mul(0).add(constant(Float32Array.of(1, 0, 0)));
  };
  const [y] = await results(sizes, () => ({ observe: first }));
  const v = numbers(6, 12);
  expect(seen).toEqual([1, 1, 2, 3]);
  expect(y).toEqual([v[0], v[1], v[0], v[1]]);
});

test('a query with nothing to attend to gives zeros and no gradient, sinks or not', async () => {
  const sizes = { B: 1, T: 2, S: 2, H: 1, Hk: 1, Dh: 2, Dv: 2 };
  const mask = (): Tensor => constant(Uint8Array.of(0, 0, 1, 0), [2, 2], 'bool');
  const formulas: [Options, Record<string, number[]>][] = [
    [() => ({}), {}],
    [({ sinks }) => ({ sinks }), { sinks: [1] }],
    [({ sinks }) => ({ sinks, softCap: 2 }), { sinks: [1] }],
    ...(['relu', 'sparsemax', 'entmax15'] as const).map((normalization): [Options, Record<string, number[]>] => [
      () => ({ normalization }),
      {},
    ]),
  ];
  for (const [formula, more] of formulas) {
    const [y, dq, dk, dv] = await results(sizes, (inputs) => ({ ...formula(inputs), mask: mask() }), more);
    expect(y.slice(0, 2)).toEqual([0, 0]);
    expect(dq.slice(0, 2)).toEqual([0, 0]);
    expect([...dk, ...dv].every(Number.isFinite)).toBe(true);
    expect(dv.slice(2)).toEqual([0, 0]); // nobody may attend to the second key
  }
});

test('sinks take a share of the weights', async () => {
  const [q, k] = [zeros([1, 1, 2, 4]), zeros([1, 3, 2, 4])];
  const weights = await attentionWeights(q, k, { sinks: constant(Float32Array.of(0, 200)) }).data();
  expect(Array.from(weights)).toEqual([0.25, 0.25, 0.25, 0, 0, 0]);
});

test('says what does not fit', () => {
  const heads = (...shape: number[]): Tensor => zeros(shape);
  const [q, k, v] = [heads(2, 5, 4, 8), heads(2, 6, 4, 8), heads(2, 6, 4, 3)];
  const wrong = (options: unknown) => (): unknown => attend(q, k, v, options as AttendHeadsOptions);
  expect(() => attend(q, k, heads(2, 5, 4, 3))).toThrow(
    'attend: expected queries (B, T, H, Dh), keys (B, S, Hk, Dh) and values (B, S, Hk, Dv), got [2, 5, 4, 8], [2, 6, 4, 8] and [2, 5, 4, 3]',
  );
  expect(() => attend(heads(1, 5, 4, 8), k, v)).toThrow('attend: expected queries');
  expect(() => attend(heads(5, 4, 8), k, v)).toThrow('attend: expected queries');
  expect(() => attend(q, heads(2, 6, 3, 8), heads(2, 6, 3, 8))).toThrow(
    'attend: 4 query heads are no multiple of 3 key heads',
  );
  expect(() => attend(q, heads(2, 6, 4, 7), v)).toThrow(
    'attend: queries of 8 features and keys of 7; the score { general: W } compares different sizes',
  );
  expect(wrong({ causal: true })).toThrow('attend: causal needs as many queries as keys, counted from 0, got 5 and 6');
  expect(wrong({ mask: zeros([2, 1, 1, 5], 'bool') })).toThrow(
    'attend: expected a bool mask that broadcasts to (B, H, T, S) = [2, 4, 5, 6], got bool [2, 1, 1, 5]',
  );
  expect(wrong({ mask: zeros([2, 1, 1, 6]) })).toThrow('got float32 [2, 1, 1, 6]');
  expect(wrong({ mask: paddingMask(zeros([3, 6], 'int32'), 0) })).toThrow('got bool [3, 1, 1, 6]');
  expect(wrong({ mask: paddingMask(zeros([2, 5], 'int32'), 0) })).toThrow(
    'paddingMask: it tells of 5 positions and attention has 6',
  );
  expect(wrong({ bias: zeros([5, 5]) })).toThrow(
    'attend: expected a float32 bias that broadcasts to (B, H, T, S) = [2, 4, 5, 6], got float32 [5, 5]',
  );
  expect(wrong({ positions: new AlibiPositions({ heads: 3 }) })).toThrow('got float32 [1, 3, 5, 6]');
  expect(wrong({ score: 'cosine' })).toThrow('attend: there is no score "cosine"; choose');
  expect(wrong({ score: { general: zeros([4, 8, 7]) } })).toThrow(
    "attend: score 'general' needs float32 [4, 8, 8] or [8, 8] for these heads, got float32 [4, 8, 7]",
  );
  expect(wrong({ score: { additive: zeros([3, 8]) } })).toThrow("attend: score 'additive' needs float32 [4, 8] or [8]");
  expect(wrong({ normalization: 'max' })).toThrow(
    "attend: there is no normalization 'max'; choose one of softmax, relu, sparsemax, entmax15",
  );
  expect(wrong({ softCap: 0 })).toThrow('attend: softCap must be a positive number, got 0; leave it out for no cap');
  expect(wrong({ sinks: zeros([3]) })).toThrow('attend: expected a sink for each of 4 heads, got [3]');
  expect(wrong({ sinks: zeros([4]), normalization: 'relu' })).toThrow(
    "attend: sinks are part of a softmax's denominator, which 'relu' does not have",
  );
  expect(wrong({ window: { before: -1, after: 0 } })).toThrow('attend: window: before must be a whole number');
  expect(() => attentionScores(q, k, 'cosine' as 'dotProduct')).toThrow('attend: there is no score "cosine"');
});
