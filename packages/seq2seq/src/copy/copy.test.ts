import { checkGradient, grad } from '@qkv/autograd';
import { initialize } from '@qkv/nn';
import { AdamW } from '@qkv/optim';
import { compile, constant, createReferenceBackend, Engine, run, tensor, type Tensor, zeros } from '@qkv/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { CopyMechanism } from './copy-mechanism';
import { CopyTransformer } from './copy-transformer';
import { ExtendedVocabulary } from './extended-vocabulary';
import { BeamDecoder } from '../decoding/beam';
import { greedyDecode } from '../decoding/greedy';
import { sequenceLoss } from '../sequence-loss';
import { Transformer } from '../transformer';

const numbers = (count: number, seed: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => ((((i + 1) * 0.6180339887498949 * (seed + 1) * 7.3) % 1) - 0.5) * 4);
const doubles = (): Engine => new Engine(createReferenceBackend({ precision: 'float64' }));

describe('the vocabulary that a source extends', () => {
  const known = new Map([
    ['<unk>', 1],
    ['the', 4],
    ['king', 5],
  ]);
  const options = { vocabulary: 6, extra: 2, unknownId: 1, idOf: (token: string) => known.get(token) };

  test('numbers what it lacks in the order of the source, as far as there is room', () => {
    const own = new ExtendedVocabulary(['the', 'Ozymandias', 'king', 'Shelley', 'Ozymandias', 'Ramses'], options);
    expect([...own.source]).toEqual([4, 6, 5, 7, 6, 1]);
    expect(own.tokens).toEqual(['Ozymandias', 'Shelley']);
    expect(['Shelley', 'king', 'Ramses', 'Homer'].map((token) => own.idOf(token))).toEqual([7, 5, 1, 1]);
    expect([6, 7, 8, 5].map((id) => own.tokenOf(id))).toEqual(['Ozymandias', 'Shelley', undefined, undefined]);
  });

  test('takes a word that maps to unknown as one that is lacking', () => {
    const own = new ExtendedVocabulary(['x', 'the'], { ...options, idOf: (token) => known.get(token) ?? 1 });
    expect([...own.source]).toEqual([6, 4]);
    expect([...new ExtendedVocabulary(['x'], { ...options, extra: 0 }).source]).toEqual([1]);
  });

  test('says what does not fit', () => {
    expect(() => new ExtendedVocabulary([], { ...options, extra: -1 })).toThrow(
      'extra must be an integer from 0, got -1',
    );
    expect(() => new ExtendedVocabulary([], { ...options, unknownId: 6 })).toThrow(
      'ExtendedVocabulary: unknownId 6 is outside a vocabulary of 6',
    );
  });
});

describe('the mechanism', () => {
  /** See et al. 2017, Eq. 8–9, word by word. */
  function naive(
    features: Float64Array,
    logits: Float64Array,
    attention: Float64Array,
    source: number[],
    gate: number[],
    [B, T, S, F, V, X]: number[],
  ): number[] {
    const result: number[] = [];
    for (let b = 0; b < B; b++) {
      for (let t = 0; t < T; t++) {
        const row = b * T + t;
        const g = Array.from({ length: F }, (_, f) => features[row * F + f] * gate[f]).reduce((x, y) => x + y, gate[F]);
        const p = 1 / (1 + Math.exp(-g));
        const e = Array.from(logits.subarray(row * V, (row + 1) * V), Math.exp);
        const total = e.reduce((x, y) => x + y, 0);
        for (let w = 0; w < V + X; w++) {
          let copied = 0;
          for (let s = 0; s < S; s++) if (source[b * S + s] === w) copied += attention[row * S + s];
          result.push((w < V ? (p * e[w]) / total : 0) + (1 - p) * copied);
        }
      }
    }
    return result;
  }

  test('is p_gen P_vocab + (1 − p_gen) Σ α, and sums to 1; its gradients are those of differences', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          B: fc.integer({ min: 1, max: 3 }),
          T: fc.integer({ min: 1, max: 3 }),
          S: fc.integer({ min: 1, max: 5 }),
          V: fc.integer({ min: 1, max: 6 }),
          X: fc.integer({ min: 0, max: 3 }),
          seed: fc.integer({ min: 0, max: 99 }),
        }),
        async ({ B, T, S, V, X, seed }) => {
          const F = 2;
          const copy = new CopyMechanism({ features: F, vocabulary: V, extra: X });
          initialize(copy, { seed });
          const engine = doubles();
          const [features, logits] = [numbers(B * T * F, seed), numbers(B * T * V, seed + 1)];
          const attention = numbers(B * T * S, seed + 2).map(Math.abs);
          for (let row = 0; row < B * T; row++) {
            const part = attention.subarray(row * S, (row + 1) * S);
            const total = part.reduce((x, y) => x + y, 0);
            part.forEach((value, s) => (part[s] = value / total));
          }
          const source = Array.from({ length: B * S }, (_, i) => (i * 7 + seed) % (V + X));
          const ids = constant(Int32Array.from(source), [B, S]);
          const parameters = (await run(() => copy.parameters().map(({ value }) => value as Tensor), {
            engine,
          })) as Tensor[];
          const gate = (await Promise.all(parameters.map(async (value) => [...(await value.data())]))).flat();
          const output = await run(
            () =>
              copy.forward(
                constant(features, [B, T, F]),
                constant(logits, [B, T, V]),
                constant(attention, [B, T, S]),
                ids,
              ),
            { engine },
          );
          const expected = naive(features, logits, attention, source, gate, [B, T, S, F, V, X]);
          const got = await output.data();
          expect(output.shape).toEqual([B, T, V + X]);
          expected.forEach((p, i) => expect(Math.abs(Math.exp(got[i]) - p)).toBeLessThan(1e-12));
          for (let row = 0; row < B * T; row++) {
            const total = Array.from(got.subarray(row * (V + X), (row + 1) * (V + X))).reduce(
              (sum, log) => sum + Math.exp(log),
              0,
            );
            expect(Math.abs(total - 1)).toBeLessThan(1e-12);
          }
          // Of what is possible: the logarithm of what is not stands still.
          const possible = constant(
            Float64Array.from(expected, (p, i) => (p > 0 ? 1 + (i % 3) : 0)),
            [B, T, V + X],
          );
          const report = await checkGradient(
            (f, l, a) => copy.forward(f, l, a, ids).mul(possible),
            [tensor(features, [B, T, F]), tensor(logits, [B, T, V]), tensor(attention, [B, T, S])],
            { engine },
          );
          expect(report.error).toBeLessThan(1e-8);
        },
      ),
      { numRuns: 8, seed: 7 },
    );
  });

  test('what can neither be generated nor copied has a finite logarithm, and gradients without NaN', async () => {
    const engine = new Engine(createReferenceBackend());
    const copy = new CopyMechanism({ features: 1, vocabulary: 2, extra: 2 });
    const [output, ...gradients] = await run(
      () => {
        const inputs = [
          [1, 1],
          [1, 2],
          [1, 1],
        ].map(([a, b]) =>
          constant(
            Float32Array.from({ length: a * b }, () => 1),
            [1, a, b],
          ),
        );
        const y = copy.forward(inputs[0], inputs[1], inputs[2], constant(Int32Array.of(2), [1, 1]));
        return [y, ...grad(y.sum(), [...inputs, ...copy.parameters()])];
      },
      { engine },
    );
    expect((await output.data())[3]).toBeLessThan(-87);
    for (const one of [output, ...gradients]) expect([...(await one.data())].every(Number.isFinite)).toBe(true);
  });

  test('says what does not fit', async () => {
    const copy = new CopyMechanism({ features: 2, vocabulary: 5, extra: 1 });
    const of = (logits: number[], attention: number[], source: number[]): Tensor =>
      copy.forward(zeros([2, 3, 2]), zeros(logits), zeros(attention), zeros(source, 'int32'));
    expect(() => of([2, 3, 6], [2, 3, 4], [2, 4])).toThrow(
      'CopyMechanism: logits: expected a last dimension of 5, got [2, 3, 6]',
    );
    expect(() => of([2, 3, 5], [2, 1, 3, 4], [2, 4])).toThrow('of several heads take the mean');
    expect(() => of([2, 3, 5], [2, 3, 4], [2, 3])).toThrow(
      'CopyMechanism: expected source ids int32 [2, 4], got int32 [2, 3]',
    );
    for (const features of [zeros([1, 1, 2]), zeros([2, 2])]) {
      expect(() => copy.forward(features, zeros([2, 3, 5]), zeros([2, 3, 4]), zeros([2, 4], 'int32'))).toThrow(
        `CopyMechanism: expected features (2, 3, 2), got [${features.shape.join(', ')}]`,
      );
    }
    // The first row's, which would otherwise count for the second.
    const ids = constant(Int32Array.of(6, 0), [2, 1]);
    const outside = async (): Promise<unknown> =>
      (await run(() => copy.forward(zeros([2, 1, 2]), zeros([2, 1, 5]), zeros([2, 1, 1]), ids))).data();
    await expect(outside()).rejects.toThrow('6');
    expect(() => new CopyMechanism({ features: 2, vocabulary: 5, extra: -1 })).toThrow(
      'extra must be an integer from 0',
    );
  });
});

describe('CopyTransformer', () => {
  const [V, X, START, END, UNKNOWN] = [8, 3, 2, 3, 1];

  function make(seed: number, normalization: 'pre' | 'post' = 'post'): CopyTransformer {
    const model = new Transformer({
      sourceVocabulary: V,
      targetVocabulary: V,
      dimension: 16,
      heads: 2,
      feedForward: 32,
      encoderLayers: 1,
      decoderLayers: 2,
      dropout: 0,
      maxLength: 8,
      normalization,
      tieEmbeddings: normalization === 'pre',
    });
    const copy = new CopyTransformer(model, { extra: X, unknownId: UNKNOWN });
    initialize(copy, { seed });
    return copy;
  }

  test.each(['post', 'pre'] as const)('gives token by token what it gives at once (%s)', async (normalization) => {
    const [model, engine] = [make(1, normalization), doubles()];
    const source = Int32Array.of(4, 8, 9, 0, 10, 5, 8, 6);
    const target = Int32Array.of(START, 8, 4, 9, START, 10, 10, 5);
    const whole = await run(() => model.forward(constant(source, [2, 4]), constant(target, [2, 4])), { engine });
    const expected = await whole.data();
    expect(whole.shape).toEqual([2, 4, V + X]);
    const cache = model.createCache(2, 4, 4);
    await run(() => model.start(constant(source, [2, 4]), cache), { engine });
    for (let t = 0; t < 4; t++) {
      const ids = Int32Array.of(target[t], target[4 + t]);
      const row = await (await run(() => model.next(constant(ids), cache), { engine })).data();
      row.forEach((value, i) => {
        const [b, v] = [Math.floor(i / (V + X)), i % (V + X)];
        expect(Math.abs(value - expected[(b * 4 + t) * (V + X) + v])).toBeLessThan(1e-10);
      });
    }
    cache.release();
  });

  test.each([{ sinks: true }, { normalization: 'relu' }] as const)(
    'gives probabilities also where attention does not sum to 1: %o',
    async (attention) => {
      const sizes = { sourceVocabulary: V, targetVocabulary: V, dimension: 8, heads: 2, feedForward: 8, maxLength: 4 };
      const layers = { encoderLayers: 1, decoderLayers: 1 };
      const model = new CopyTransformer(new Transformer({ ...sizes, ...layers, attention }), {
        extra: X,
        unknownId: UNKNOWN,
      });
      const y = model.forward(constant(Int32Array.of(4, 8, 9), [1, 3]), constant(Int32Array.of(START, 8), [1, 2]));
      for (const total of await y.exp().sum(-1).data()) expect(total).toBeCloseTo(1, 5);
    },
  );

  test('learns to copy what it has no id for, and every decoder writes it', async () => {
    const [model, engine] = [make(2), new Engine(createReferenceBackend())];
    const optimizer = new AdamW(model.parameters(), { learningRate: 1e-2 });
    const step = compile(
      (source: Tensor, input: Tensor, target: Tensor) => {
        const loss = sequenceLoss(model.forward(source, input), target).mean();
        optimizer.apply(grad(loss, model.parameters()));
        return loss;
      },
      { mode: 'train', engine },
    );
    // Sources of a name among two words: the target is the name. Which id a name has is no matter of learning.
    const sources = Array.from({ length: 12 }, (_, i) => {
      const words = [4 + (i % 4), 4 + (Math.floor(i / 3) % 4)];
      return [...words.slice(0, i % 3), V, ...words.slice(i % 3)];
    });
    const B = sources.length;
    const source = tensor(Int32Array.from(sources.flat()), [B, 3]);
    const input = tensor(Int32Array.from(sources.flatMap(() => [START, V])), [B, 2]);
    const target = tensor(Int32Array.from(sources.flatMap(() => [V, END])), [B, 2]);
    for (let i = 0; i < 40; i++) await step(source, input, target);
    const options = { startId: START, endId: END, maxLength: 3, engine };
    const unseen = tensor(Int32Array.of(V + 1, 4, 6, 5, V + 2, 7, 4, 5, V), [3, 3]);
    const names = [V + 1, V + 2, V];
    expect((await greedyDecode(model, unseen, options)).map((ids) => [...ids])).toEqual(names.map((id) => [id]));
    const beam = new BeamDecoder(model, { ...options, rows: 3, sourceLength: 3, beams: 2 });
    expect((await beam.decode(unseen)).map(({ ids }) => [...ids])).toEqual(names.map((id) => [id]));
    beam.release();
  });

  test('says what does not fit', () => {
    const model = new Transformer({
      sourceVocabulary: 5,
      targetVocabulary: 6,
      dimension: 8,
      heads: 1,
      encoderLayers: 1,
      decoderLayers: 1,
    });
    expect(() => new CopyTransformer(model, { extra: 1, unknownId: 1 })).toThrow(
      'CopyTransformer: copying needs one vocabulary, got 5 source and 6 target ids',
    );
    expect(() => new CopyTransformer(make(1).model, { extra: 1, unknownId: 8 })).toThrow(
      'unknownId 8 is outside a vocabulary of 8',
    );
    expect(() => new CopyTransformer(make(1).model, { extra: 1, unknownId: 0.5 })).toThrow('unknownId 0.5 is outside');
  });
});
