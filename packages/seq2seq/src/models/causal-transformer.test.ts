import { compile, constant, read, type Tensor } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { CausalTransformer } from './causal-transformer';
import { gradientError } from '../../test/gradients';
import { causalTransformer as naive } from '../../test/naive-models';
import { doubles, numbers, padded, pairwise, randomize, worst } from '../../test/support';

const [V, PROMPT] = [7, 4];
const sizes = { vocabulary: V, dimension: 4, heads: 2, feedForward: 6, layers: 2, dropout: 0 };
/** The second row's prompt has two tokens, the third's one. */
const rows = [
  [3, 4, 5, 6, 2, 1],
  [4, 5, 6, 1],
  [5, 3, 2],
];
const T = 6;

const combinations = pairwise({
  normalization: ['pre', 'post'],
  norm: ['layer', 'rms'],
  gated: [false, true],
  activation: ['silu', 'geluTanh'],
  layerScale: [undefined, 0.1],
  tieEmbeddings: [false, true],
  positions: ['sinusoidal', 'learned', 'rotary', 'alibi', 'relative', 't5', 'none'],
} as const);

/** Of the values (B, T, V), those of the tokens of each row, without padding on the left. */
const perRow = (values: ArrayLike<number>, side: 'left' | 'right'): number[][] =>
  rows.map(({ length }, b) => {
    const start = b * T + (side === 'left' ? T - length : 0);
    return Array.from(values).slice(start * V, (start + length) * V);
  });

describe.each(combinations.map((options, i) => ({ options, i, title: Object.values(options).join(' ') })))(
  '$i: $title',
  ({ options, i }) => {
    const variant = { ...options, heads: 2 };

    test('logits and gradients are those of the formulas, with padding on either side', async () => {
      const engine = doubles();
      const model = new CausalTransformer({ ...sizes, ...options, maxLength: T });
      const weights = await randomize(model, i, engine);
      const expected = (values: typeof weights): number[][] => rows.map((row) => naive(values, row, variant).flat());
      for (const padding of ['left', 'right'] as const) {
        const [logits] = await read([model.forward(padded(rows, padding), { padding })], { engine });
        perRow(logits, padding).forEach((row, b) => expect(worst(row, expected(weights)[b])).toBeLessThan(1e-9));
        const factors = rows.map((row, b) => [...numbers(row.length * V, 3 + b)]);
        const all = factors.flatMap((row) => {
          const none = Array<number>(T * V - row.length).fill(0); // for padding
          return padding === 'left' ? [...none, ...row] : [...row, ...none];
        });
        const error = await gradientError(
          model,
          weights,
          () => {
            const y = model.forward(padded(rows, padding), { padding });
            return y.mul(constant(Float64Array.from(all), y.shape)).sum();
          },
          (values) => {
            const y = expected(values).flat();
            return factors.flat().reduce((sum, factor, at) => sum + factor * y[at], 0);
          },
          engine,
        );
        expect(error).toBeLessThan(1e-8);
      }
    });

    test('a prompt read at once and tokens after it give what recomputing everything gives', async () => {
      const engine = doubles();
      const model = new CausalTransformer({ ...sizes, ...options, maxLength: T });
      const weights = await randomize(model, i, engine);
      const prompts = padded(
        rows.map((row) => row.slice(0, -2)),
        'left',
      );
      const cache = model.createCache(6, 2, PROMPT); // two rows for each prompt, as beams have them
      await compile((x: Tensor): void => model.start(x, cache), { engine })(prompts);
      const next = compile((x: Tensor) => model.next(x, cache), { engine, frozen: true });
      for (let t = 0; t < 2; t++) {
        const ids = rows.flatMap((row) => [row, row]).map((row) => row[row.length - 2 + t]);
        const [y] = await read([await next(constant(Int32Array.from(ids)))], { engine });
        rows.forEach((row, b) => {
          const logits = naive(weights, row, variant)[row.length - 2 + t];
          for (const beam of [2 * b, 2 * b + 1]) {
            expect(worst(y.slice(beam * V, (beam + 1) * V), logits)).toBeLessThan(1e-9);
          }
        });
      }
    });
  },
);

describe('a decoder-only model', () => {
  const model = new CausalTransformer({ ...sizes, maxLength: T });

  test('later tokens change no bit of earlier logits, other rows none at all', async () => {
    const logits = (row: readonly number[], other: readonly number[]): Promise<ArrayLike<number>> =>
      model.forward(padded([row, other])).data();
    const [a, b] = await Promise.all([logits([3, 4, 5, 6], [1, 2]), logits([3, 4, 6, 5], [2, 2, 3])]);
    expect(Array.from(b).slice(0, 2 * V)).toEqual(Array.from(a).slice(0, 2 * V));
    expect(Array.from(b).slice(2 * V, 3 * V)).not.toEqual(Array.from(a).slice(2 * V, 3 * V));
  });

  test('starts without a prompt; a row without one beside others does, too', async () => {
    const first = constant(Int32Array.of(3, 3));
    const logits = async (P: number, prompts: Int32Array): Promise<ArrayLike<number>> => {
      const cache = model.createCache(2, 2, P);
      await compile((x: Tensor): void => model.start(x, cache))(constant(prompts, [2, P]));
      return (await compile((x: Tensor) => model.next(x, cache))(first)).data();
    };
    const alone = await model.forward(constant(Int32Array.of(3), [1, 1])).data();
    const none = await logits(0, new Int32Array(0));
    const empty = await logits(2, Int32Array.of(0, 0, 5, 6));
    expect(worst(none.length === 2 * V ? Array.from(none).slice(0, V) : [], alone)).toBeLessThan(1e-5);
    expect(worst(Array.from(empty).slice(0, V), alone)).toBeLessThan(1e-5);
    expect(worst(Array.from(empty).slice(V), alone)).toBeGreaterThan(1e-3);
  });

  test('padding that was written is a token, step by step as at once: first of all, or between others', async () => {
    for (const row of [
      [0, 4, 0, 5],
      [4, 0, 0, 6],
    ]) {
      const cache = model.createCache(1, 4, 0);
      await compile((x: Tensor): void => model.start(x, cache))(constant(new Int32Array(0), [1, 0]));
      const next = compile((x: Tensor) => model.next(x, cache), { frozen: true });
      const whole = await model.forward(constant(Int32Array.from(row), [1, 4])).data();
      for (const [t, id] of row.entries()) {
        const y = await (await next(constant(Int32Array.of(id)))).data();
        expect(worst(y, whole.slice(t * V, (t + 1) * V))).toBeLessThan(1e-5);
      }
    }
  });

  test('reorders what has followed the prompt', async () => {
    const cache = model.createCache(2, 3, 1);
    await compile((x: Tensor): void => model.start(x, cache))(constant(Int32Array.of(4), [1, 1]));
    const next = compile((x: Tensor) => model.next(x, cache), { frozen: true });
    await next(constant(Int32Array.of(5, 6)));
    await compile((parents: Tensor): void => cache.reorder(parents))(constant(Int32Array.of(1, 1)));
    const y = await (await next(constant(Int32Array.of(3, 3)))).data();
    const whole = await model.forward(constant(Int32Array.of(4, 6, 3), [1, 3])).data();
    for (const row of [0, 1]) expect(worst(y.slice(row * V, (row + 1) * V), whole.slice(2 * V))).toBeLessThan(1e-5);
  });

  test('has the names and the number of parameters of its parts', () => {
    const names = [...model.namedParameters().keys()];
    expect(names.filter((name) => !name.startsWith('decoder.layers.'))).toEqual(['embedding.weight']);
    // 12 D² + 13 D a layer where the feed-forward is 4D (nanoGPT's count), here 4 D² + 2 D F + 9 D + F.
    const [D, F] = [4, 6];
    expect(model.parameterCount()).toBe(V * D + 2 * (4 * D * D + 2 * D * F + 9 * D + F));
  });

  test('says what does not fit', async () => {
    expect(() => model.createCache(1, 3, 4)).toThrow(
      'CausalTransformer: cannot decode 3 tokens after a prompt of 4, maxLength is 6',
    );
    expect(() => model.forward(padded([[1, 2, 3, 4, 5, 6, 3]]))).toThrow(
      'CausalTransformer: 7 positions exceed maxLength 6; raise it, or cut the sequence',
    );
    expect(() => model.forward(constant(Int32Array.of(1)))).toThrow(
      'CausalTransformer: expected ids (B, T), got int32 [1]',
    );
    expect(() => model.createCache(1, 0, 4)).toThrow('CausalTransformer: length must be a positive integer, got 0');
    const cache = model.createCache(1, 2, 3);
    const start = compile((x: Tensor): void => model.start(x, cache));
    expect(() => start(constant(Int32Array.of(1), [1, 1]))).toThrow(
      'CausalTransformer: the cache is for prompts (B, 3), got [1, 1]',
    );
    for (const prompt of [
      [1, 2, 0],
      [1, 0, 2],
      [0, 1, 0],
    ]) {
      await expect(start(constant(Int32Array.from(prompt), [1, 3]))).rejects.toThrow(
        'CausalTransformer: a prompt with padding after its first token; padding belongs on the left',
      );
    }
    await start(constant(Int32Array.of(1, 2, 3), [1, 3]));
    const next = compile((x: Tensor) => model.next(x, cache), { frozen: true });
    await next(constant(Int32Array.of(1)));
    await next(constant(Int32Array.of(1)));
    await expect(next(constant(Int32Array.of(1)))).rejects.toThrow('CausalCache: position, of 2');
  });
});
