import { graphMask, windowMask } from '@qkv/attention';
import { capture } from '@qkv/nn';
import { constant, read, zeros } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { EncoderModel } from './encoder-model';
import { gradientError } from '../../test/gradients';
import { addRows, linear, type Matrix, type Weights } from '../../test/naive-blocks';
import { naiveWord } from '../../test/naive-characters';
import { embedded, encoderModel as naive } from '../../test/naive-models';
import { doubles, numbers, padded, pairwise, randomize, worst } from '../../test/support';

const [D, T, F] = [4, 4, 3];
const sizes = { dimension: D, heads: 2, feedForward: 6, layers: 2, dropout: 0, maxLength: T };
const rows = [
  [3, 4, 5, 2],
  [5, 1],
];

const dot = (a: readonly number[], b: ArrayLike<number>): number => a.reduce((sum, x, i) => sum + x * b[i], 0);

const combinations = pairwise({
  inputs: ['ids', 'features', 'characters'],
  encoder: ['attention', 'lstm', 'gru', 'convolutional'],
  pooling: ['class', 'mean', 'max', 'first'],
  normalization: ['pre', 'post'],
  norm: ['layer', 'rms'],
  positions: ['sinusoidal', 'learned', 'rotary', 't5', 'none'],
} as const);

describe.each(combinations.map((options, i) => ({ options, i, title: Object.values(options).join(' ') })))(
  '$i: $title',
  ({ options: { inputs: kind, ...options }, i }) => {
    test('outputs and gradients are those of the formulas, and padding changes nothing', async () => {
      const engine = doubles();
      const inputs =
        kind === 'features'
          ? { features: F }
          : {
              vocabulary: 6,
              ...(kind === 'characters' ? { characters: { vocabulary: 5, widths: [1, 2], filters: 2 } } : {}),
            };
      const model = new EncoderModel({ ...sizes, ...options, ...inputs, activation: 'silu' });
      const weights = await randomize(model, i, engine);
      const variant = { heads: 2, activation: 'silu', ...options } as const;
      // The second row has two inputs; words have 3, 1, 2 and 3 characters, then 2 and 0.
      const words = [
        [[1, 2, 3], [4], [2, 2], [1, 4, 3]],
        [[3, 4], []],
      ];
      const letters = words.flatMap((row) => [...row, ...Array<number[]>(T - row.length).fill([])]);
      const characters = constant(
        Int32Array.from(letters.flatMap((word) => [...word, ...Array<number>(3 - word.length).fill(0)])),
        [2, T, 3],
      );
      const frames = numbers(2 * T * F, 4);
      const present = constant(Uint8Array.of(1, 1, 1, 1, 1, 1, 0, 0), [2, T]);

      const compute = () => {
        if (kind === 'features') return model.forward(constant(frames, [2, T, F]), { present });
        return model.forward(padded(rows), kind === 'characters' ? { characters } : {});
      };
      const example = (values: Weights, b: number): ReturnType<typeof naive> => {
        const { length } = rows[b];
        const frame = (t: number): number[] => Array.from(frames.slice((b * T + t) * F, (b * T + t + 1) * F));
        let x: Matrix =
          kind === 'features'
            ? linear(
                values,
                'projection',
                Array.from({ length }, (_, t) => frame(t)),
              )
            : embedded(values, 'embedding', '', rows[b], 'none');
        if (kind === 'characters')
          x = addRows(
            x,
            words[b].map((word) => naiveWord(values, 'characters', word)),
          );
        return naive(values, x, options.pooling, variant);
      };

      const { tokens, pooled } = compute();
      const [tokenData, pooledData] = await read([tokens, pooled], { engine });
      rows.forEach((row, b) => {
        const expected = example(weights, b);
        expect(worst(tokenData.slice(b * T * D, (b * T + row.length) * D), expected.tokens.flat())).toBeLessThan(1e-10);
        expect(worst(pooledData.slice(b * D, (b + 1) * D), expected.pooled)).toBeLessThan(1e-10);
      });

      const [forTokens, forPooled] = [numbers(T * D, 5), numbers(D, 6)];
      const factors = constant(
        Float64Array.from({ length: 2 * T * D }, (_, at) =>
          at % (T * D) < rows[Math.floor(at / (T * D))].length * D ? forTokens[at % (T * D)] : 0,
        ),
        [2, T, D],
      );
      const error = await gradientError(
        model,
        weights,
        () => {
          const y = compute();
          return y.tokens
            .mul(factors)
            .sum()
            .add(y.pooled.mul(constant(forPooled, [D])).sum());
        },
        (values) =>
          rows.reduce((total, _, b) => {
            const y = example(values, b);
            return total + dot(y.tokens.flat(), forTokens) + dot(y.pooled, forPooled);
          }, 0),
        engine,
      );
      expect(error).toBeLessThan(1e-8);
    });
  },
);

describe('masks of pairs', () => {
  const edges = [
    [1, 1, 0, 0],
    [1, 1, 1, 0],
    [0, 1, 1, 0],
    [0, 0, 0, 1],
  ];

  test('a graph: an output depends on neighbours alone, and relabelling the nodes permutes the outputs', async () => {
    const engine = doubles();
    const model = new EncoderModel({ ...sizes, layers: 1, features: F, positions: 'none', pooling: 'mean' });
    await randomize(model, 1, engine);
    const nodes = numbers(T * F, 2);
    const outputs = async (order: readonly number[], change?: number): Promise<ArrayLike<number>> => {
      const x = Float64Array.from(
        order.flatMap((n) => Array.from(nodes.slice(n * F, (n + 1) * F), (v) => (n === change ? v + 1 : v))),
      );
      const adjacency = Uint8Array.from(order.flatMap((a) => order.map((b) => edges[a][b])));
      const mask = graphMask(constant(adjacency, [T, T]));
      return (await read([model.forward(constant(x, [1, T, F]), { mask }).tokens], { engine }))[0];
    };
    const row = (y: ArrayLike<number>, t: number): number[] => Array.from(y).slice(t * D, (t + 1) * D);
    const plain = await outputs([0, 1, 2, 3]);
    const changed = await outputs([0, 1, 2, 3], 2);
    expect([0, 1, 2, 3].map((t) => worst(row(plain, t), row(changed, t)) > 0)).toEqual([false, true, true, false]);
    const order = [2, 0, 3, 1];
    const relabelled = await outputs(order);
    order.forEach((n, t) => expect(worst(row(relabelled, t), row(plain, n))).toBeLessThan(1e-12));
  });

  test('a class token sees all inputs and is seen by all, whatever the mask; padding it does not see', async () => {
    const engine = doubles();
    const model = new EncoderModel({ ...sizes, layers: 1, vocabulary: 6, pooling: 'class' });
    await randomize(model, 1, engine);
    const mask = windowMask({ before: 0, after: 0 });
    const pooled = async (ids: readonly number[]): Promise<ArrayLike<number>> =>
      (await read([model.forward(padded([ids]), { mask }).pooled], { engine }))[0];
    const [a, b] = [await pooled([3, 4, 5]), await pooled([3, 4, 2])];
    expect(worst(a, b)).toBeGreaterThan(1e-3);
    expect(worst(a, await pooled([3, 4, 5, 0]))).toBeLessThan(1e-12);
    // A mask as a tensor says the same.
    const tensor = mask.at(constant(Int32Array.of(0, 1, 2)), constant(Int32Array.of(0, 1, 2)));
    const [c] = await read([model.forward(padded([[3, 4, 5]]), { mask: tensor }).pooled], { engine });
    expect(worst(a, c)).toBeLessThan(1e-12);
  });

  test('a row of padding alone gives no NaN', async () => {
    for (const pooling of ['class', 'mean', 'max', 'first'] as const) {
      const model = new EncoderModel({ ...sizes, vocabulary: 6, pooling });
      const { tokens, pooled } = model.forward(padded([[3, 4], []]));
      const values = await Promise.all([tokens.data(), pooled.data()]);
      expect(values.flatMap((list) => Array.from(list)).every(Number.isFinite)).toBe(true);
    }
  });
});

test('what it gives for tokens and for all can be captured', async () => {
  const model = new EncoderModel({ ...sizes, vocabulary: 6 });
  const { output, captured } = capture(model, ['tokens', 'pooled'], () => model.forward(padded(rows)));
  const [tokens, pooled, ...seen] = await read([output.tokens, output.pooled, ...captured]);
  expect(seen).toEqual([tokens, pooled]);
});

test('says what does not fit', () => {
  const model = new EncoderModel({ ...sizes, vocabulary: 6 });
  const speech = new EncoderModel({ ...sizes, features: F });
  const ids = padded([[3, 4, 5]]);
  expect(() => new EncoderModel(sizes)).toThrow(
    'EncoderModel: needs either a vocabulary, for ids, or a number of features',
  );
  expect(() => new EncoderModel({ ...sizes, vocabulary: 6, pooling: 'sum' as never })).toThrow("no pooling 'sum'");
  expect(() => new EncoderModel({ ...sizes, vocabulary: 6, encoder: 'rnn' as never })).toThrow(
    "encoder: there is no 'rnn'",
  );
  expect(() => new EncoderModel({ ...sizes, vocabulary: 6, positions: 'rope' as never })).toThrow(
    "positions: there is no 'rope'",
  );
  expect(() => speech.forward(ids)).toThrow('EncoderModel: expected float32 (B, T, 3), got int32 [1, 3]');
  expect(() => model.forward(constant(Float32Array.of(1), [1, 1]))).toThrow(
    'EncoderModel: expected ids (B, T), got float32 [1, 1]',
  );
  expect(() => model.forward(padded([[1, 2, 3, 4, 5]]))).toThrow('EncoderModel: 5 positions exceed maxLength 4');
  expect(() => speech.forward(constant(new Float32Array(15), [1, 5, 3]))).toThrow(
    'EncoderModel: 5 positions exceed maxLength 4',
  );
  expect(() => model.forward(ids, { present: constant(Uint8Array.of(1), [1, 1]) })).toThrow(
    'EncoderModel: expected present as bool [1, 3], got bool [1, 1]',
  );
  const words = new EncoderModel({ ...sizes, vocabulary: 6, characters: { vocabulary: 5 } });
  expect(() => words.forward(ids)).toThrow('EncoderModel: it reads characters, and was given none');
  expect(() => words.forward(ids, { characters: ids })).toThrow(
    'CharacterEncoder: expected ids (B, T, W), got int32 [1, 3]',
  );
  for (const shape of [
    [1, 2, 2],
    [1, 1, 2],
    [2, 3, 2],
  ]) {
    expect(() => words.forward(ids, { characters: zeros(shape, 'int32') })).toThrow(
      `EncoderModel: expected characters (1, 3, W), got [${shape.join(', ')}]`,
    );
  }
  expect(() => model.forward(ids, { characters: zeros([1, 3, 2], 'int32') })).toThrow(
    'EncoderModel: it was given characters, and reads none; make it with the option `characters`',
  );
  for (const mask of [zeros([4, 4], 'bool'), zeros([2, 1, 3, 3], 'bool'), zeros([1, 1, 1, 3, 3], 'bool'), zeros([3])]) {
    expect(() => model.forward(ids, { mask })).toThrow(
      `EncoderModel: expected a bool mask that broadcasts to (B, H, T, T) of [1, H, 3, 3], got ${mask.dtype} [${mask.shape.join(', ')}]`,
    );
  }
  expect(() => new EncoderModel({ ...sizes, vocabulary: 6, maxLength: -1, positions: 'none' })).toThrow(
    'maxLength must be a positive integer, got -1',
  );
  const recurrent = new EncoderModel({ ...sizes, vocabulary: 6, encoder: 'lstm' });
  expect(() => recurrent.forward(ids, { mask: windowMask({ before: 1, after: 1 }) })).toThrow(
    'takes a mask of padding, (1, 1, 1, 3)',
  );
});
