import { grad } from '@qkv/autograd';
import { initialize } from '@qkv/nn';
import { AdamW } from '@qkv/optim';
import { compile, tensor, type Tensor } from '@qkv/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { float64, generator, idsTensor, logSoftmaxOf } from '../../test/automaton';
import type { Hypothesis } from '../decoding/hypothesis';
import { maskTargets, randomMask, smallest } from './mask-targets';
import { MaskPredictDecoder, type MaskPredictOptions } from './mask-predict';
import { type NonAutoregressiveOptions, NonAutoregressiveTransformer } from './non-autoregressive-transformer';

const [PAD, MASK, END, V] = [0, 1, 2, 9];

function createModel(options: Partial<NonAutoregressiveOptions> = {}, seed = 1): NonAutoregressiveTransformer {
  const model = new NonAutoregressiveTransformer({
    sourceVocabulary: V,
    targetVocabulary: V,
    maskId: MASK,
    dimension: 16,
    heads: 2,
    feedForward: 32,
    encoderLayers: 1,
    decoderLayers: 2,
    dropout: 0,
    maxTargetLength: 12,
    ...options,
  });
  initialize(model, { seed });
  return model;
}

test.each(['t5', 'relative', 'rotary', 'sinusoidal'] as const)(
  'a position tells apart those after it, with positions %s',
  async (positions) => {
    const model = createModel({ positions, decoderLayers: 1 });
    for (const weight of [...model.parameters()].filter(({ name }) => name.endsWith('positions.weight'))) {
      await weight.value.data(); // lives on the engine from now on
      await weight.load(Float32Array.from({ length: weight.size }, (_, i) => Math.sin(i)));
    }
    const source = idsTensor([[3, 4, 5]]);
    const first = async (target: number[]): Promise<number[]> =>
      Array.from(await model.forward(source, idsTensor([target])).data()).slice(0, V);
    const [a, b] = [await first([3, 5, 6, 7]), await first([3, 7, 6, 5])];
    expect(Math.max(...a.map((value, i) => Math.abs(value - b[i])))).toBeGreaterThan(1e-3);
  },
);

test('what sees both sides is not decoded token by token', () => {
  expect(() => createModel().transformer.createCache(1, 3, 3)).toThrow(
    'Transformer: a decoder that is not causal reads all targets at once, not token by token',
  );
});

describe('masks for training', () => {
  const draw = async (rows: readonly (readonly number[])[], seed: number): Promise<number[][]> => {
    const run = compile((target: Tensor) => randomMask(target.notEqual(PAD)), { seed });
    const data = await (await run(idsTensor(rows))).data();
    return rows.map((row, i) => Array.from(data.subarray(i * row.length, (i + 1) * row.length)));
  };

  test('the n smallest are those of a sort, of equals the first', async () => {
    const property = fc.asyncProperty(
      fc.integer({ min: 1, max: 1e6 }),
      fc.integer({ min: 1, max: 9 }),
      async (seed, T) => {
        const random = generator(seed);
        const rows = 3;
        const x = Array.from({ length: rows }, () => Array.from({ length: T }, () => Math.floor(random() * 4)));
        const present = x.map((row) => row.map(() => random() < 0.7));
        const n = x.map(() => Math.floor(random() * (T + 1)));
        const flags = tensor(Uint8Array.from(present.flat(), Number), [rows, T]);
        const found = await smallest(tensor(x), flags, tensor(Int32Array.from(n), [rows, 1])).data();
        const expected = x.map((row, r) => {
          const sorted = [...row.keys()].filter((i) => present[r][i]).sort((a, b) => row[a] - row[b] || a - b);
          return row.map((_, i) => Number(sorted.slice(0, n[r]).includes(i)));
        });
        expect([...found]).toEqual(expected.flat());
      },
    );
    await fc.assert(property, { seed: 81, numRuns: 30 });
  });

  test('fall on tokens only, as many as any number from 1 to all of them, all places alike', async () => {
    const row = [3, 4, 5, 6, 7, PAD, PAD];
    const rows = Array.from({ length: 1000 }, () => row);
    const masks = await draw(rows, 9);
    const counts = masks.map((mask) => mask.reduce((a, b) => a + b));
    expect(masks.every((mask) => mask[5] === 0 && mask[6] === 0)).toBe(true);
    // χ² with 4 degrees of freedom exceeds 18.47 once in a thousand.
    const chiSquare = (observed: number[], expected: number): number =>
      observed.reduce((sum, o) => sum + (o - expected) ** 2 / expected, 0);
    expect(
      chiSquare(
        [1, 2, 3, 4, 5].map((n) => counts.filter((count) => count === n).length),
        200,
      ),
    ).toBeLessThan(18.47);
    const ones = masks.filter((_, i) => counts[i] === 1);
    const places = [0, 1, 2, 3, 4].map((i) => ones.filter((mask) => mask[i] === 1).length);
    expect(chiSquare(places, ones.length / 5)).toBeLessThan(18.47);
    expect(await draw(rows, 9)).toEqual(masks);
    expect(await draw(rows, 10)).not.toEqual(masks);
  });

  test('put MASK in place of what they hide', async () => {
    const masked = tensor(Uint8Array.of(0, 1, 1, 0), [1, 4]);
    expect([...(await maskTargets(idsTensor([[5, 6, 7, PAD]]), masked, MASK).data())]).toEqual([5, MASK, MASK, PAD]);
  });
});

interface Passes {
  readonly source: readonly number[];
  readonly iterations: number;
  readonly lengthBeams: number;
  readonly maxLength: number;
  readonly forbidden: readonly number[];
}

/** Mask-predict with lists and sorts, for one source alone, as the paper tells it. */
async function naive(
  model: NonAutoregressiveTransformer,
  engine: ReturnType<typeof float64>,
  passes: Passes,
): Promise<Hypothesis[]> {
  const { source, iterations: T, lengthBeams, maxLength, forbidden } = passes;
  const constantIds = (ids: readonly number[]): Tensor => idsTensor([[...ids]]);
  const x = constantIds(source);
  const forward = compile((s: Tensor, t: Tensor) => model.forward(s, t), { engine });
  let lengths = [maxLength];
  if (model.lengthPredictor !== null) {
    const predict = compile(
      (s: Tensor) => model.lengthLogits(model.transformer.encode(s), model.transformer.sourceMask(s)),
      { engine },
    );
    const logits = [...(await (await predict(x)).data())].slice(0, maxLength);
    lengths = [...logits.keys()]
      .sort((a, b) => logits[b] - logits[a])
      .slice(0, lengthBeams)
      .map((i) => i + 1);
  }
  const found: Hypothesis[] = [];
  for (const N of lengths) {
    const tokens = Array<number>(N).fill(MASK);
    const logs = Array<number>(N).fill(0);
    for (let t = 0; t < T; t++) {
      const n = Math.floor((N * (T - t)) / T);
      const masked = [...tokens.keys()].sort((a, b) => logs[a] - logs[b] || a - b).slice(0, n);
      if (n === 0) break;
      const input = tokens.map((token, i) => (masked.includes(i) ? MASK : token));
      const logits = [...(await (await forward(x, constantIds(input))).data())];
      for (const i of masked) {
        const log = logSoftmaxOf(logits.slice(i * V, (i + 1) * V));
        const allowed = [...log.keys()].filter((id) => ![MASK, PAD, ...forbidden].includes(id));
        tokens[i] = allowed.reduce((best, id) => (log[id] > log[best] ? id : best));
        logs[i] = log[tokens[i]];
      }
    }
    const end = model.endId === undefined ? -1 : tokens.indexOf(model.endId);
    const counted = end < 0 ? N : end + 1;
    const logProbability = logs.slice(0, counted).reduce((a, b) => a + b, 0);
    const ids = Int32Array.from(end < 0 ? tokens : tokens.slice(0, end));
    const finished = end >= 0 || model.lengthPredictor !== null;
    found.push({ ids, logProbability, score: logProbability / counted, finished });
  }
  return found.sort((a, b) => b.score - a.score);
}

describe('mask-predict', () => {
  const rows = [
    [3, 4, 5, 6, 7],
    [8, 3, PAD, PAD, PAD],
    [PAD, PAD, PAD, PAD, PAD],
    [5, 5, 4, PAD, PAD],
  ];
  const common = { rows: 4, sourceLength: 5, maxLength: 10 };
  const settings: [string, Partial<NonAutoregressiveOptions>, Partial<MaskPredictOptions>][] = [
    ['one pass', {}, { iterations: 1 }],
    ['four passes', {}, { iterations: 4 }],
    ['ten passes of three lengths', {}, { lengthBeams: 3 }],
    ['more passes than tokens, some forbidden', { normalization: 'pre' }, { iterations: 15, forbidden: [4, 7] }],
    ['with END among the tokens', { endId: END }, { iterations: 5, lengthBeams: 2 }],
    ['cut at END', { endId: END, lengths: 'end' }, { iterations: 3 }],
  ];

  test.each(settings)('is the loop with lists and sorts: %s', async (_, ofModel, options) => {
    const engine = float64();
    const model = createModel(ofModel, 5);
    const decoder = new MaskPredictDecoder(model, { ...common, ...options, engine });
    const found = await decoder.decodeAll(idsTensor(rows));
    expect(found[2][0]).toEqual({ ids: new Int32Array(), logProbability: 0, score: 0, finished: true }); // padding
    for (const i of [0, 1, 3]) {
      const source = rows[i].filter((id) => id !== PAD);
      const { iterations = 10, lengthBeams = 1, forbidden = [] } = options;
      const expected = await naive(model, engine, {
        source,
        iterations,
        lengthBeams,
        forbidden,
        maxLength: common.maxLength,
      });
      expect(found[i].map(({ ids, finished }) => ({ ids, finished }))).toEqual(
        expected.map(({ ids, finished }) => ({ ids, finished })),
      );
      found[i].forEach(({ score, logProbability }, n) => {
        expect(Math.abs(score - expected[n].score)).toBeLessThan(1e-10);
        expect(Math.abs(logProbability - expected[n].logProbability)).toBeLessThan(1e-10);
      });
    }
    expect((await decoder.decode(idsTensor(rows))).map(({ ids }) => ids)).toEqual(found.map(([{ ids }]) => ids));
  });

  test('a stream shows every pass, and the last is the result; leaving and signals end it', async () => {
    const decoder = new MaskPredictDecoder(createModel({}, 5), { ...common, iterations: 4 });
    const expected = (await decoder.decode(idsTensor(rows))).map(({ ids }) => ids);
    const seen: (readonly Int32Array[])[] = [];
    for await (const ids of decoder.stream(idsTensor(rows))) seen.push(ids);
    expect(seen.length).toBe(4);
    expect(seen.at(-1)).toEqual(expected);
    for await (const ids of decoder.stream(idsTensor(rows))) {
      expect(ids).toEqual(seen[0]);
      break;
    }
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(decoder.decode(idsTensor(rows), { signal })).rejects.toThrow('enough');
    let looks = 0;
    const late = { throwIfAborted: () => expect(++looks).toBeLessThan(4) } as unknown as AbortSignal; // between two passes
    await expect(decoder.decode(idsTensor(rows), { signal: late })).rejects.toThrow('expected 4 to be less than 4');
    const never = new AbortController().signal;
    expect((await decoder.decode(idsTensor(rows), { signal: never })).map(({ ids }) => ids)).toEqual(expected);
    const [a, b] = await Promise.all([decoder.decode(idsTensor(rows)), decoder.decode(idsTensor(rows))]);
    expect(a).toEqual(b);
    decoder.release();
    expect((await decoder.decode(idsTensor(rows))).map(({ ids }) => ids)).toEqual(expected);
  });

  test('a position sees what stands after it', async () => {
    const model = createModel();
    const first = async (last: number): Promise<number[]> =>
      [...(await model.forward(idsTensor([rows[0]]), idsTensor([[3, MASK, last]])).data())].slice(0, V);
    expect(await first(5)).not.toEqual(await first(6));
  });
});

describe('the loss', () => {
  const source = idsTensor([
    [3, 4, 5, PAD],
    [6, 7, 8, 3],
    [PAD, PAD, PAD, PAD],
  ]);
  const target = idsTensor([
    [5, 4, 3, PAD],
    [3, 8, 7, 6],
    [PAD, PAD, PAD, PAD],
  ]);

  test('is the cross-entropy of what is masked, and of the lengths', async () => {
    const engine = float64();
    const model = createModel();
    const [B, T] = target.shape;
    const losses = compile(
      (x: Tensor, y: Tensor) => {
        const { tokens, length } = model.maskedLosses(x, y);
        return { sum: tokens.sum, weight: tokens.weight, lengthSum: length!.sum, lengthWeight: length!.weight };
      },
      { seed: 3, engine },
    );
    const found = await losses(source, target);
    // The same draw at the same place of the model.
    const masks = compile(
      (y: Tensor) => (model as unknown as { scope<R>(body: () => R): R }).scope(() => randomMask(y.notEqual(PAD))),
      { seed: 3, engine },
    );
    const mask = await (await masks(target)).data();
    const ids = await target.data();
    const input = [...ids].map((id, i) => (mask[i] ? MASK : id));
    const forward = compile((x: Tensor, y: Tensor) => model.forward(x, y), { engine });
    const logits = [...(await (await forward(source, tensor(Int32Array.from(input), [B, T]))).data())];
    let [sum, weight] = [0, 0];
    mask.forEach((is, i) => {
      if (!is) return;
      weight++;
      sum -= logSoftmaxOf(logits.slice(i * V, (i + 1) * V))[ids[i]];
    });
    expect(weight).toBeGreaterThan(1);
    expect(await found.weight.item()).toBe(weight);
    expect(Math.abs((await found.sum.item()) - sum)).toBeLessThan(1e-10);
    const lengths = compile(
      (x: Tensor) => model.lengthLogits(model.transformer.encode(x), model.transformer.sourceMask(x)),
      { engine },
    );
    const rows = [...(await (await lengths(source)).data())];
    const expected = -logSoftmaxOf(rows.slice(0, 12))[3 - 1] - logSoftmaxOf(rows.slice(12, 24))[4 - 1];
    expect(Math.abs((await found.lengthSum.item()) - expected)).toBeLessThan(1e-10);
    expect(await found.lengthWeight.item()).toBe(2); // the row of padding counts nothing
  });

  test.each(['predicted', 'end'] as const)('falls while training: lengths %s', async (lengths) => {
    const model = createModel({ lengths, endId: END, normalization: 'pre' });
    const parameters = model.parameters();
    const optimizer = new AdamW(parameters, { learningRate: 5e-3, clipNorm: 1 });
    const step = compile(
      (x: Tensor, y: Tensor) => {
        const { tokens, length } = model.maskedLosses(x, y);
        const loss = length === null ? tokens.mean() : tokens.mean().add(length.mean().mul(0.1));
        optimizer.apply(grad(loss, parameters));
        return loss;
      },
      { mode: 'train', seed: 1 },
    );
    const losses: number[] = [];
    for (let i = 0; i < 40; i++) losses.push(await (await step(source, target)).item());
    const mean = (part: number[]): number => part.reduce((a, b) => a + b) / part.length;
    expect(mean(losses.slice(-5))).toBeLessThan(0.75 * mean(losses.slice(0, 5)));
  });
});

test('says what does not fit', async () => {
  expect(() => createModel({ maskId: PAD })).toThrow(
    'NonAutoregressiveTransformer: maskId must be an id of the target vocabulary of 9 other than padding, got 0',
  );
  expect(() => createModel({ maskId: 9 })).toThrow('got 9');
  expect(() => createModel({ lengths: 'end' })).toThrow("NonAutoregressiveTransformer: lengths 'end' needs an endId");
  expect(() => createModel({ maxTargetLength: 513 })).toThrow('maxTargetLength 513 exceeds maxLength 512');
  const decoder = (options: Partial<MaskPredictOptions>, model = createModel({ maxLength: 20 })): MaskPredictDecoder =>
    new MaskPredictDecoder(model, { rows: 1, sourceLength: 3, maxLength: 10, ...options });
  expect(() => decoder({ iterations: 0 })).toThrow(
    'MaskPredictDecoder: iterations: expected an integer of at least 1, got 0',
  );
  expect(() => decoder({ lengthBeams: 11 })).toThrow('MaskPredictDecoder: 11 lengthBeams, but there are 10 lengths');
  expect(() => decoder({ lengthBeams: 2 }, createModel({ lengths: 'end', endId: END }))).toThrow(
    'the result is cut at END',
  );
  expect(() => decoder({ sourceLength: 21 })).toThrow("sources of 21 ids exceed the model's maxLength 20");
  expect(() => decoder({ maxLength: 13 })).toThrow("maxLength 13 exceeds the model's maxTargetLength 12");
  expect(() => decoder({ forbidden: [9] })).toThrow('forbidden id 9 is outside a vocabulary of 9');
  expect(() => decoder({ forbidden: [2, 3, 4, 5, 6, 7, 8] })).toThrow('all 9 ids are forbidden');
  await expect(decoder({}).decode(idsTensor([[1, 2]]))).rejects.toThrow(
    'MaskPredictDecoder: expected ids [1, 3], got [1, 2]',
  );
});
