import { capture, initialize } from '@qkv/nn';
import {
  compile,
  concat,
  constant,
  createReferenceBackend,
  Engine,
  run,
  tensor,
  type Tensor,
  zeros,
} from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { paddingMask, windowMask } from './masks';
import { MultiHeadAttention, type MultiHeadAttentionOptions } from './multi-head-attention';
import { AlibiPositions } from './positions/alibi-positions';
import type { AttentionPositions } from './positions/attention-positions';
import { BucketedRelativePositions } from './positions/bucketed-relative-positions';
import { RotaryPositions } from './positions/rotary-positions';
import { doubles, numbers, on, random, worst } from '../test/support';

// Every pair of options against the formulas in loops: tooling/conformance/src/attention.conformance.test.ts.

const [D, H] = [8, 4];

function layer(options: Partial<MultiHeadAttentionOptions> = {}, seed = 1): MultiHeadAttention {
  const attention = new MultiHeadAttention({ dimension: D, heads: H, ...options });
  initialize(attention, { seed });
  return attention;
}

const ints = (values: readonly number[], shape: readonly number[] = []): Tensor =>
  constant(Int32Array.from(values), shape);
const shapesOf = (attention: MultiHeadAttention): Record<string, readonly number[]> =>
  Object.fromEntries([...attention.namedParameters()].map(([name, { shape }]) => [name, shape]));

describe('parameters', () => {
  test('are the four projections, whatever the option that learns nothing', () => {
    const four = ['query', 'key', 'value', 'output'].flatMap((name) => [`${name}.weight`, `${name}.bias`]);
    const options: Partial<MultiHeadAttentionOptions> = {
      score: 'dotProduct',
      normalization: 'entmax15',
      positions: new AlibiPositions({ heads: H }),
      softCap: 30,
      window: { before: 4, after: 0 },
    };
    expect(Object.keys(shapesOf(layer(options)))).toEqual(four);
  });

  test('are of the sizes of the heads', () => {
    const shapes = shapesOf(
      layer({ keyValueHeads: 2, headDimension: 6, valueHeadDimension: 3, keyDimension: 5, bias: false }),
    );
    expect(shapes).toEqual({
      'query.weight': [24, 8],
      'key.weight': [12, 5],
      'value.weight': [6, 8],
      'output.weight': [8, 12],
    });
  });

  test('are more where an option learns', () => {
    const { scoreWeight, sinks, ...rest } = shapesOf(layer({ score: 'general', sinks: true, queryKeyNorm: true }));
    expect([scoreWeight, sinks, rest['queryNorm.gain'], rest['keyNorm.gain']]).toEqual([[4, 2, 2], [4], [2], [2]]);
    expect(shapesOf(layer({ score: 'additive' })).scoreWeight).toEqual([4, 2]);
    const positions = new BucketedRelativePositions({ heads: H });
    expect(shapesOf(layer({ positions }))['positions.weight']).toEqual([32, 4]);
  });
});

test('the general score begins as the scaled dot product', async () => {
  const x = random([1, 5, D], 2);
  const [a, b] = await on(doubles(), layer({ score: 'general' }).forward(x), layer().forward(x));
  expect(worst(a, b)).toBeLessThan(1e-12);
});

test('the attention that is captured is what attentionWeights gives, cached or not', async () => {
  const engine = doubles();
  const attention = layer({ keyValueHeads: 2, softCap: 0.5, sinks: true, positions: new AlibiPositions({ heads: H }) });
  const data = numbers(4 * D, 3);
  const cache = attention.createCache(1, 6);
  const [whole, weights, last] = await run(
    () => {
      const x = constant(data, [1, 4, D]);
      const { captured } = capture(attention, { all: '' }, () => attention.forward(x, x, x, { causal: true }));
      attention.forward(x.slice([0], [1, 3]), { cache, position: ints([0]) });
      const step = capture(attention, { all: '' }, () =>
        attention.forward(x.slice([0, 3], [1, 1]), { cache, position: ints([3]) }),
      );
      return [captured.all as Tensor, attention.attentionWeights(x, x, { causal: true }), step.captured.all as Tensor];
    },
    { engine },
  );
  expect(whole.shape).toEqual([1, H, 4, 4]);
  expect(last.shape).toEqual([1, H, 1, 6]);
  const [a, b, c] = [await whole.data(), await weights.data(), await last.data()];
  expect(worst(a, b)).toBe(0);
  for (let h = 0; h < H; h++) {
    expect(worst(c.slice(6 * h, 6 * h + 4), b.slice(16 * h + 12, 16 * h + 16))).toBeLessThan(1e-12);
    expect(Array.from(c.slice(6 * h + 4, 6 * h + 6))).toEqual([0, 0]);
  }
});

describe.each<[string, () => AttentionPositions]>([
  ['rotary', () => new RotaryPositions({ headDimension: D / H })],
  ['ALiBi', () => new AlibiPositions({ heads: H })],
])('a batch padded on the left, %s positions', (_, positions) => {
  // Sequences of 5 and of 3 tokens; row 1 begins with two of padding.
  const [lengths, T] = [[5, 3], 5];
  const where = [0, 1, 2, 3, 4, 0, 0, 0, 1, 2];
  const ids = [1, 1, 1, 1, 1, 0, 0, 1, 1, 1];
  const data = numbers(2 * T * D, 4);

  async function alone(attention: MultiHeadAttention, engine: Engine, row: number): Promise<number[]> {
    const y = await run(
      () => {
        const x = constant(data, [2, T, D]).slice([row, T - lengths[row]], [1, lengths[row]]);
        return attention.forward(x, x, x, { causal: true });
      },
      { engine },
    );
    return Array.from(await y.data());
  }

  test('gives each row what it gives alone, at once and step by step', async () => {
    const [engine, attention] = [doubles(), layer({ positions: positions() })];
    const at = (start: number, count: number): Tensor => ints(where, [2, T]).slice([0, start], [2, count]);
    const whole = await run(
      () => {
        const x = constant(data, [2, T, D]);
        const mask = paddingMask(ints(ids, [2, T]), 0);
        return attention.forward(x, x, x, { causal: true, mask, positions: at(0, T), keyPositions: at(0, T) });
      },
      { engine },
    );
    const cache = attention.createCache(2, T);
    const parts: Tensor[] = [];
    for (const [start, count] of [
      [0, 3],
      [3, 1],
      [4, 1],
    ]) {
      parts.push(
        await run(
          () => {
            const x = constant(data, [2, T, D]).slice([0, start], [2, count]);
            const mask = paddingMask(ints(ids, [2, T]), 0);
            const places = { positions: at(start, count), keyPositions: at(0, T) };
            return attention.forward(x, { cache, position: ints([start]), mask, ...places });
          },
          { engine },
        ),
      );
    }
    for (const y of await on(engine, whole, concat(parts, 1))) {
      for (const row of [0, 1]) {
        const own = y.slice(((row + 1) * T - lengths[row]) * D, (row + 1) * T * D);
        expect(worst(own, await alone(attention, engine, row))).toBeLessThan(1e-12);
      }
    }
  });
});

test('decoding any number of tokens is one plan, with every option that a step has', async () => {
  const engine = new Engine(createReferenceBackend());
  const attention = layer({
    keyValueHeads: 1,
    queryKeyNorm: true,
    sinks: true,
    window: { before: 3, after: 0 },
    positions: new RotaryPositions({ headDimension: D / H }),
  });
  const cache = attention.createCache(2, 6);
  const step = compile((x: Tensor, position: Tensor) => attention.forward(x, { cache, position }), { engine });
  const x = random([2, 6, D], 6);
  const whole = await attention.forward(x, x, x, { causal: true });
  const [expected] = await on(engine, whole);
  const before = engine.memory().plans;
  for (let t = 0; t < 6; t++) {
    const rows = tensor(
      new Float32Array(2 * D).map((_, i) => numbers(2 * 6 * D, 6)[Math.floor(i / D) * 6 * D + t * D + (i % D)]),
      [2, 1, D],
    );
    const y = await (await step(rows, tensor(Int32Array.of(t), []))).data();
    for (let b = 0; b < 2; b++) {
      const start = (b * 6 + t) * D;
      expect(worst(y.slice(b * D, (b + 1) * D), expected.slice(start, start + D))).toBeLessThan(1e-5);
    }
  }
  expect(engine.memory().plans).toBe(before + 1);
});

test('after reordering a cache, rows go on from their parents', async () => {
  const [engine, attention] = [
    doubles(),
    layer({ keyValueHeads: 2, positions: new RotaryPositions({ headDimension: 2 }) }),
  ];
  const cache = attention.createCache(2, 3);
  const data = numbers(2 * 3 * D, 7);
  const x = (start: number, count: number): Tensor => constant(data, [2, 3, D]).slice([0, start], [2, count]);
  await run(
    () => {
      attention.forward(x(0, 2), { cache, position: ints([0]) });
    },
    { engine },
  );
  await run(() => cache.reorder(ints([1, 1], [2])), { engine });
  const [y, expected] = await run(
    () => {
      const twice = x(0, 2).slice([1], [1]).expand([2, 2, D]);
      const whole = concat([twice, x(2, 1)], 1);
      const all = attention.forward(whole, whole, whole, { causal: true });
      return [attention.forward(x(2, 1), { cache, position: ints([2]) }), all.slice([0, 2], [2, 1])];
    },
    { engine },
  );
  expect(worst(await y.data(), await expected.data())).toBeLessThan(1e-12);
});

test('queries of a memory know where they are, so that masks may depend on it', async () => {
  const [engine, attention] = [doubles(), layer()];
  const [x, memory] = [numbers(3 * D, 8), numbers(5 * D, 9)];
  const waitOne = windowMask({ before: Infinity, after: 1 }); // simultaneous translation: one ahead
  const cache = attention.createCache(1, 5);
  await run(() => attention.remember(cache, constant(memory, [1, 5, D])), { engine });
  const whole = await run(
    () => attention.forward(constant(x, [1, 3, D]), constant(memory, [1, 5, D]), undefined, { mask: waitOne }),
    { engine },
  );
  const expected = await whole.data();
  for (let t = 0; t < 3; t++) {
    const y = await run(
      () => {
        const query = constant(x, [1, 3, D]).slice([0, t], [1, 1]);
        return attention.forward(query, { cache, position: ints([t]), append: false, mask: waitOne });
      },
      { engine },
    );
    expect(worst(await y.data(), expected.slice(t * D, (t + 1) * D))).toBeLessThan(1e-12);
  }
});

test('says what does not fit', () => {
  const make = (options: Partial<MultiHeadAttentionOptions>) => (): unknown => layer(options);
  expect(make({ keyValueHeads: 3 })).toThrow('MultiHeadAttention: 4 heads must be a multiple of 3 keyValueHeads');
  expect(make({ keyValueHeads: 0 })).toThrow('MultiHeadAttention: keyValueHeads must be a positive integer, got 0');
  expect(make({ headDimension: 1.5 })).toThrow('MultiHeadAttention: headDimension must be a positive integer, got 1.5');
  expect(make({ valueHeadDimension: 0 })).toThrow('MultiHeadAttention: valueHeadDimension must be a positive integer');
  expect(make({ score: 'cosine' as 'general' })).toThrow(
    "MultiHeadAttention: there is no score 'cosine'; choose one of scaledDotProduct, dotProduct, general, additive",
  );
  expect(make({ normalization: 'max' as 'relu' })).toThrow(
    "MultiHeadAttention: there is no normalization 'max'; choose one of softmax, relu, sparsemax, entmax15",
  );
  expect(make({ softCap: -1 })).toThrow('MultiHeadAttention: softCap must be a positive number, got -1');
  expect(make({ sinks: true, normalization: 'sparsemax' })).toThrow(
    "MultiHeadAttention: sinks are part of a softmax's denominator, which 'sparsemax' does not have",
  );
  expect(make({ window: { before: 2, after: -1 } })).toThrow(
    'MultiHeadAttention: window: after must be a whole number, 0 or more, or Infinity, got -1',
  );
  const rotary = new RotaryPositions({ headDimension: 2 });
  expect(make({ score: 'additive', positions: rotary })).toThrow(
    "MultiHeadAttention: turned queries and keys need a dot product to make it relative, not the score 'additive'",
  );
  const attention = layer({ positions: rotary });
  const x = zeros([1, 3, D]);
  expect(() => attention.forward(x, { cache: attention.createCache(1, 3) })).toThrow(
    'MultiHeadAttention: the layer has positions; say where the queries of a cache are by `position`',
  );
  expect(() => attention.forward(x, zeros([1, 4, D]), undefined, { causal: true })).toThrow(
    'attend: causal needs as many queries as keys, counted from 0, got 3 and 4',
  );
  expect(() => attention.forward(x, x, zeros([1, 4, D]))).toThrow('attend: expected queries (B, T, H, Dh)');
  expect(() => attention.forward(x, zeros([3, D]))).toThrow('MultiHeadAttention: expected keys (B, S, 8), got [3, 8]');
  expect(() => attention.forward(x, x, zeros([3, D]))).toThrow(
    'MultiHeadAttention: expected values (B, S, 8), got [3, 8]',
  );
  expect(make({ dimension: NaN })).toThrow('MultiHeadAttention: dimension must be a positive integer, got NaN');
});

test('positions are one for each query and key: none stands for several', () => {
  const x = zeros([2, 3, D]);
  const three = ints([0, 1, 2], [3]);
  for (const wrong of [ints([5], [1]), ints([5, 6], [2, 1]), ints([0, 1, 2, 3], [4]), zeros([3, 3], 'int32')]) {
    const got = `got [${wrong.shape.join(', ')}]`;
    const rotary = layer({ positions: new RotaryPositions({ headDimension: 2 }) });
    for (const options of [{ positions: wrong }, { positions: three, keyPositions: wrong }]) {
      expect(() => rotary.forward(x, x, x, options)).toThrow(
        `RotaryPositions: expected positions (3) or (2, 3), ${got}`,
      );
    }
    const alibi = layer({ positions: new AlibiPositions({ heads: H }) });
    expect(() => alibi.forward(x, x, x, { positions: wrong })).toThrow(
      `attend: expected query positions (3) or (2, 3), ${got}`,
    );
    expect(() => alibi.forward(x, x, x, { keyPositions: wrong })).toThrow(
      `attend: expected key positions (3) or (2, 3), ${got}`,
    );
  }
});
