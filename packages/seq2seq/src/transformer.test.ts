import type { Encoder } from '@qkv/attention';
import { grad } from '@qkv/autograd';
import { initialize } from '@qkv/nn';
import { AdamW } from '@qkv/optim';
import { compile, logSoftmax, type Parameter, tensor, type Tensor, zeros } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { GreedyDecoder, greedyDecode } from './decoding/greedy';
import { transformerPresets } from './models/presets';
import type { Hypothesis } from './decoding/hypothesis';
import { sequenceLoss } from './sequence-loss';
import { Transformer, type TransformerOptions } from './transformer';

// Logits, gradients, decoding and training against torch: tooling/conformance/src/goldens/transformers.ts.

const [PAD, START, END, V] = [0, 1, 2, 9];

function createModel(options: Partial<TransformerOptions> = {}, seed = 1): Transformer {
  const model = new Transformer({
    sourceVocabulary: V,
    targetVocabulary: V,
    dimension: 16,
    heads: 2,
    feedForward: 32,
    encoderLayers: 2,
    decoderLayers: 2,
    dropout: 0,
    ...options,
  });
  initialize(model, { seed });
  return model;
}

const ids = (rows: readonly (readonly number[])[]): Tensor => {
  const length = Math.max(...rows.map((row) => row.length));
  const flat = rows.flatMap((row) => [...row, ...Array<number>(length - row.length).fill(PAD)]);
  return tensor(Int32Array.from(flat), [rows.length, length]);
};

const sources = [
  [3, 4, 5, 2],
  [6, 7, 2],
  [8, 3, 3, 4, 5, 2],
];

describe('padding in a target', () => {
  test('that was written is a token, step by step as at once: first of all, or between others', async () => {
    const model = createModel();
    const source = ids([[3, 4, 5, 2]]);
    for (const row of [
      [PAD, 4, PAD, 5],
      [START, PAD, PAD, 6],
    ]) {
      const cache = model.createCache(1, 4, 4);
      await compile((x: Tensor): void => model.start(x, cache))(source);
      const next = compile((x: Tensor) => model.next(x, cache), { frozen: true });
      const whole = await model.forward(source, ids([row])).data(); // (1, T, V)
      for (const [t, id] of row.entries()) {
        const y = await (await next(tensor(Int32Array.of(id), [1]))).data();
        const worst = Math.max(...Array.from(y, (logit, v) => Math.abs(logit - whole[t * V + v])));
        expect(worst).toBeLessThan(1e-5);
      }
    }
  });
});

describe('parameters', () => {
  test('of the original models, to the digit, without allocating them', () => {
    const tied = { sourceVocabulary: 37_000, targetVocabulary: 37_000, tieEmbeddings: true };
    const base = { ...transformerPresets.base, ...tied };
    const count = (model: Transformer): number => model.parameterCount();
    const body = (model: Transformer): number => count(model) - model.sourceEmbedding.weight.size;
    expect(body(new Transformer(base))).toBe(44_138_496);
    expect(count(new Transformer(base))).toBe(63_082_496);
    expect(count(new Transformer(tied))).toBe(63_082_496); // the defaults are those of base
    const big = new Transformer({ ...transformerPresets.big, ...tied });
    expect(body(big)).toBe(176_357_376);
    expect(big.variables().every((variable) => variable.handle === null)).toBe(true);
  });

  test('have names that say where they are, and no more than those', () => {
    const names = [...createModel({ encoderLayers: 1, decoderLayers: 1 }).namedParameters().keys()];
    const inLayer = (prefix: string, part: string): number =>
      names.filter((name) => name.startsWith(prefix + part)).length;
    expect(inLayer('encoder.layers.0.', '')).toBe(16);
    expect(inLayer('decoder.layers.0.', '')).toBe(26);
    expect(names).toContain('decoder.layers.0.crossAttention.output.bias');
    expect(names.filter((name) => !/^(en|de)coder\./.test(name))).toEqual([
      'sourceEmbedding.weight',
      'targetEmbedding.weight',
      'output.weight',
      'output.bias',
    ]);
  });

  test('that are tied stand once, and the output is the table itself', async () => {
    const model = createModel({ tieEmbeddings: true });
    expect([...model.namedParameters().keys()].filter((name) => /mbedding|output\.(w|b)/.test(name))).toContain(
      'sourceEmbedding.weight',
    );
    expect(model.namedParameters().has('targetEmbedding.weight')).toBe(false);
    const logits = model.forward(ids(sources), ids([[1], [1], [1]]));
    expect(logits.shape).toEqual([3, 1, V]);
    expect(() => createModel({ tieEmbeddings: true, targetVocabulary: 5 })).toThrow(
      'Transformer: tied embeddings need one vocabulary, got 9 source and 5 target ids',
    );
  });

  test('of the target and the output alone may be one, whatever the source has', () => {
    const model = createModel({ tieEmbeddings: 'target', sourceVocabulary: 5 });
    const names = [...model.namedParameters().keys()].filter((name) => !/^(en|de)coder\./.test(name));
    expect(names).toEqual(['sourceEmbedding.weight', 'targetEmbedding.weight']);
    expect(model.forward(zeros([1, 2], 'int32'), zeros([1, 3], 'int32')).shape).toEqual([1, 3, V]);
  });

  test('have the same names, and thus first values, however the model is entered first', async () => {
    const [a, b] = [createModel(), createModel()];
    a.encode(ids(sources));
    b.forward(ids(sources), ids(sources));
    const bias = (model: Transformer): Parameter => (model.encoder as Encoder).layers[1].norm1.bias!;
    const first = (model: Transformer): Promise<ArrayLike<number>> => bias(model).data();
    expect(bias(a).name).toBe('encoder.layers.1.norm1.bias');
    expect(await first(a)).toEqual(await first(b));
  });
});

describe.each(['pre', 'post'] as const)('decoding, %s-norm', (normalization) => {
  const model = createModel({ normalization });
  const options = { startId: START, endId: END, maxLength: 12 };

  /** Without a cache: everything again for each token. */
  async function slowly(source: readonly number[]): Promise<number[]> {
    const target = [START];
    while (target.length <= options.maxLength) {
      const logits = model.forward(ids([source]), ids([target]));
      const best = await logits
        .slice([0, target.length - 1, 0])
        .argMax()
        .item();
      if (best === END) break;
      target.push(best);
    }
    return target.slice(1);
  }

  test('with a cache equals recomputing everything; rows do not disturb each other', async () => {
    const decoded = await greedyDecode(model, ids([...sources, [], sources[0]]), options);
    const expected = await Promise.all(sources.map(slowly));
    expect(decoded.map((row) => [...row])).toEqual([...expected, [], expected[0]]);
    expect(expected.some((row) => row.length > 2)).toBe(true);
  });

  test('a decoder is used again and again, and gives its memory back', async () => {
    const decoder = new GreedyDecoder(model, { ...options, rows: 2, sourceLength: 6 });
    const batch = (row: readonly number[]): Tensor => ids([row, sources[2]]);
    const first = await decoder.decode(batch(sources[0]));
    await decoder.decode(batch(sources[1]));
    expect(await decoder.decode(batch(sources[0]))).toEqual(first);
    const { engine } = model.sourceEmbedding.weight;
    const held = engine!.memory().variables;
    decoder.release();
    expect(engine!.memory().variables).toBeLessThan(held);
    await expect(decoder.decode(ids([[3]]))).rejects.toThrow('GreedyDecoder: expected ids [2, 6], got [1, 1]');
  });

  test('calls that overlap wait for each other, and one that fails holds up none', async () => {
    const decoder = new GreedyDecoder(model, { ...options, rows: 1, sourceLength: 6 });
    const batch = (row: readonly number[]): Tensor => ids([[...row, ...Array<number>(6 - row.length).fill(PAD)]]);
    const alone: Hypothesis[][] = [];
    for (const source of sources) alone.push(await decoder.decode(batch(source)));
    expect(await Promise.all(sources.map((source) => decoder.decode(batch(source))))).toEqual(alone);
    const [failed, after] = await Promise.allSettled([decoder.decode(batch([V])), decoder.decode(batch(sources[1]))]);
    expect(failed).toMatchObject({ status: 'rejected', reason: { name: 'KernelError' } });
    expect(after).toEqual({ status: 'fulfilled', value: alone[1] });
    decoder.release();
  });

  test('past the end of the cache the run fails, and the cache can be used again', async () => {
    const cache = model.createCache(1, 2, sources[0].length);
    const start = compile((given: Tensor): void => model.start(given, cache));
    const next = compile((id: Tensor) => model.next(id, cache), { frozen: true });
    const token = tensor(Int32Array.of(START));
    await start(ids([sources[0]]));
    const first = await (await next(token)).data();
    await next(token);
    for (let again = 0; again < 2; again++) {
      await expect(next(token)).rejects.toMatchObject({
        name: 'KernelError',
        message: expect.stringMatching(/id 2 .*2.* in TransformerCache: position, of 2/) as string,
      });
    }
    await start(ids([sources[0]]));
    expect(await (await next(token)).data()).toEqual(first);
  });

  test('the forced loss is the sum of the stepwise ones', async () => {
    const target = [START, 5, 3, 7, END];
    const source = ids([sources[0]]);
    const logits = model.forward(source, ids([target.slice(0, -1)]));
    const forced = await sequenceLoss(logits, ids([target.slice(1)])).sum.item();
    const cache = model.createCache(1, target.length, sources[0].length);
    await compile((given: Tensor): void => model.start(given, cache))(source);
    const next = compile((id: Tensor) => logSoftmax(model.next(id, cache)), { frozen: true });
    let stepwise = 0;
    for (let t = 0; t + 1 < target.length; t++) {
      const logProbabilities = await next(tensor(Int32Array.of(target[t])));
      stepwise -= (await logProbabilities.data())[target[t + 1]];
    }
    expect(Math.abs(forced - stepwise)).toBeLessThan(1e-6 * Math.max(1, forced));
  });

  test('all positions at once: without `causal` a later token changes earlier logits, else not', async () => {
    const source = ids([sources[0]]);
    for (const causal of [true, false]) {
      const either = createModel({ causal });
      const logits = (target: number[]): Promise<ArrayLike<number>> => either.forward(source, ids([target])).data();
      const [a, b] = [await logits([3, 4, 5]), await logits([3, 4, 6])];
      expect(
        Array.from(a)
          .slice(0, V)
          .every((value, i) => value === b[i]),
      ).toBe(causal);
    }
  });

  test('attention to the source can be looked at, for each layer and head', async () => {
    const maps = model.crossAttentionWeights(
      ids([sources[1], sources[2]]),
      ids([
        [1, 4],
        [1, 4],
      ]),
    );
    expect(maps.map((map) => map.shape)).toEqual([
      [2, 2, 2, 6],
      [2, 2, 2, 6],
    ]);
    const map = await maps[1].data();
    expect(Array.from(map.slice(3, 6))).toEqual([0, 0, 0]); // padding of the first row
    expect(Array.from(map.slice(0, 6)).reduce((a, b) => a + b)).toBeCloseTo(1, 6);
  });
});

test('appended padding changes no bit of the logits', async () => {
  const model = createModel();
  const [source, target] = [
    [3, 4, 2],
    [START, 5, 6],
  ];
  const alone = await model.forward(ids([source]), ids([target])).data();
  const padded = await model
    .forward(
      ids([[...source, PAD, PAD], sources[0]]),
      ids([
        [...target, PAD],
        [START, 4],
      ]),
    )
    .data();
  expect(padded.slice(0, alone.length)).toEqual(alone);
});

test('one seed gives bit-identical weights after training, another does not', async () => {
  const train = async (seed: number): Promise<number[]> => {
    const model = createModel({ dropout: 0.2, encoderLayers: 1, decoderLayers: 1 }, seed);
    const parameters = model.parameters();
    const optimizer = new AdamW(parameters, { learningRate: 1e-2, clipNorm: 1 });
    const step = compile(
      (source: Tensor, input: Tensor, output: Tensor) => {
        const loss = sequenceLoss(model.forward(source, input), output, { smoothing: 0.1 }).mean();
        optimizer.apply(grad(loss, parameters));
        return loss;
      },
      { mode: 'train', seed },
    );
    const batch = [ids(sources), ids(sources.map((row) => [START, ...row.slice(0, -1)])), ids(sources)] as const;
    const losses: number[] = [];
    for (let i = 0; i < 8; i++) losses.push(await (await step(...batch)).item());
    expect(losses.at(-1)).toBeLessThan(losses[0]);
    return [...losses, ...(await model.output!.weight.data())];
  };
  const [a, b, c] = [await train(1), await train(1), await train(2)];
  expect(b).toEqual(a);
  expect(c).not.toEqual(a);
});

test('says what does not fit', () => {
  const model = createModel({ maxLength: 8 });
  expect(() => model.encode(zeros([3], 'int32'))).toThrow('Transformer: expected ids (B, T), got int32 [3]');
  expect(() => model.encode(zeros([1, 9], 'int32'))).toThrow('9 positions exceed maxLength 8');
  expect(() => model.encode(zeros([1, 9], 'int32'))).toThrow('raise it, or cut the sequence');
  expect(() => model.encode(zeros([1, 2]))).toThrow('Transformer: expected ids (B, T), got float32 [1, 2]');
  expect(() => model.createCache(1, 9, 4)).toThrow('Transformer: cannot decode 9 tokens, maxLength is 8');
  expect(() => createModel({ wiring: 'matching', encoderLayers: 3 })).toThrow(
    "Transformer: the wiring 'matching' needs as many encoder as decoder layers, got 3 and 2",
  );
  expect(() => createModel({ wiring: 'some' as never })).toThrow(
    "Transformer: there is no wiring 'some'; choose from last, matching, all",
  );
  expect(() => createModel({ wiring: 'all' }).decode(zeros([1, 2], 'int32'), zeros([1, 3, 16]))).toThrow(
    "Transformer: with the wiring 'all' memory is (2, B, S, D), as encode gives it, got [1, 3, 16]",
  );
  const next = (): unknown => model.next(zeros([2, 1], 'int32'), model.createCache(2, 3, 4));
  expect(() => compile(next)()).toThrow('Transformer: next takes ids (B), got int32 [2, 1]');
  const start = (): unknown => model.start(zeros([2, 3], 'int32'), model.createCache(2, 3, 4));
  expect(() => compile(start)()).toThrow('Transformer: the cache is for sources (B, 4), got [2, 3]');
  expect(() => model.createCache(2, 0, 4)).toThrow('length must be a positive integer, got 0');
  expect(() => model.forward(zeros([1, 3], 'int32'), zeros([2, 4], 'int32'))).toThrow(
    'Transformer: expected a source for each of 2 targets, got 1',
  );
});

test('a decoder that is released while it decodes finishes first', async () => {
  const model = createModel();
  const options = { rows: 2, sourceLength: 3, maxLength: 6, startId: START, endId: 99 };
  const source = ids([
    [3, 4, 5],
    [6, 7, 8],
  ]);
  const expected = await new GreedyDecoder(model, options).decode(source);
  const decoder = new GreedyDecoder(model, options);
  const running = decoder.decode(source);
  decoder.release();
  expect(await running).toEqual(expected);
  expect(await decoder.decode(source)).toEqual(expected);
  expect(() => new GreedyDecoder(model, { ...options, maxLength: 0 })).toThrow(
    'maxLength must be a positive integer, got 0',
  );
});
