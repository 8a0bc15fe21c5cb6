import { compile, constant, read, type Tensor } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { Transformer } from './transformer';
import { gradientError } from '../test/gradients';
import { transformer as naive } from '../test/naive-models';
import { doubles, numbers, padded, pairwise, randomize, worst } from '../test/support';

// Every pair of options once at least, against the formulas in plain numbers (test/naive-*.ts), which know no padding.

const combinations = pairwise({
  normalization: ['pre', 'post'],
  norm: ['layer', 'rms'],
  gated: [false, true],
  activation: ['silu', 'geluTanh'],
  bias: [true, false],
  layerScale: [undefined, 0.1],
  finalNorms: [undefined, true],
  wiring: ['last', 'matching', 'all'],
  encoder: ['attention', 'lstm', 'gru', 'convolutional'],
  tieEmbeddings: [false, true, 'target'],
  positions: ['sinusoidal', 'learned', 'rotary', 'alibi', 'relative', 't5', 'none'],
} as const);

const [V, S, T] = [6, 5, 4];
const sources = [
  [3, 4, 5, 1, 3],
  [5, 4, 1],
];
const targets = [
  [1, 5, 3],
  [1, 4, 4, 2],
];

function createModel(options: (typeof combinations)[number]): Transformer {
  const sizes = { dimension: 4, heads: 2, feedForward: 6, encoderLayers: 2, decoderLayers: 2, dropout: 0.1 };
  return new Transformer({ ...sizes, sourceVocabulary: V, targetVocabulary: V, maxLength: 8, ...options });
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i], 0);
const describeOptions = (options: object): string => Object.values(options).join(' ');

describe.each(combinations.map((options, i) => ({ options, i, title: describeOptions(options) })))(
  '$i: $title',
  ({ options, i }) => {
    const variant = { ...options, heads: 2, decoderLayers: 2 };

    test('logits and gradients are those of the formulas, and padding changes nothing', async () => {
      const engine = doubles();
      const model = createModel(options);
      const weights = await randomize(model, i, engine);
      const factors = targets.map((row, b) => numbers(row.length * V, 3 + b));
      const naiveRows = (values: typeof weights): number[][] =>
        sources.map((source, b) => naive(values, source, targets[b], variant).flat());
      const [logits] = await read([model.forward(padded(sources), padded(targets))], { engine });
      naiveRows(weights).forEach((row, b) => {
        const most = Math.max(1, ...row.map(Math.abs));
        expect(worst(logits.slice(b * T * V, b * T * V + row.length), row) / most).toBeLessThan(1e-10);
      });
      // Factors of the rows of padding are 0.
      const all = Float64Array.from(
        { length: 2 * T * V },
        (_, at) => factors[Math.floor(at / (T * V))][at % (T * V)] ?? 0,
      );
      const error = await gradientError(
        model,
        weights,
        () =>
          model
            .forward(padded(sources), padded(targets))
            .mul(constant(all, [2, T, V]))
            .sum(),
        (values) =>
          dot(
            naiveRows(values).flat(),
            factors.flatMap((row) => [...row]),
          ),
        engine,
      );
      expect(error).toBeLessThan(1e-8);
    });

    test('decoding with a cache equals recomputing everything; later tokens change no bit of earlier logits', async () => {
      const model = createModel(options);
      const engine = doubles();
      await randomize(model, i, engine);
      const [source, target] = [
        padded(sources),
        padded([
          [1, 5, 3, 2],
          [1, 4, 4, 2],
        ]),
      ];
      const [whole] = await read([model.forward(source, target)], { engine });
      const cache = model.createCache(2, T, S);
      await compile((x: Tensor): void => model.start(x, cache), { engine })(source);
      const next = compile((x: Tensor) => model.next(x, cache), { engine, frozen: true });
      for (let t = 0; t < T; t++) {
        const [y] = await read([await next(target.slice([0, t], [2, 1]).reshape([2]))], { engine });
        for (let b = 0; b < 2; b++) {
          const expected = whole.slice((b * T + t) * V, (b * T + t + 1) * V);
          expect(worst(y.slice(b * V, (b + 1) * V), expected)).toBeLessThan(1e-9);
        }
      }
      const [changed] = await read(
        [
          model.forward(
            source,
            padded([
              [1, 5, 4, 2],
              [1, 4, 3, 2],
            ]),
          ),
        ],
        { engine },
      );
      for (let b = 0; b < 2; b++) {
        const before = [b * T * V, (b * T + 2) * V] as const;
        expect(changed.slice(...before)).toEqual(whole.slice(...before));
        expect(changed.slice(before[1], before[1] + V)).not.toEqual(whole.slice(before[1], before[1] + V));
      }
    });
  },
);

test('every pair of options occurs', () => {
  expect(combinations.length).toBeLessThan(45);
  for (const wiring of ['last', 'matching', 'all']) {
    for (const encoder of ['attention', 'lstm', 'gru', 'convolutional']) {
      expect(combinations.some((options) => options.wiring === wiring && options.encoder === encoder)).toBe(true);
    }
  }
});
