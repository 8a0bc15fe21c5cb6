import type { LayerAttentionOptions } from '@qkv/attention';
import { compile, constant, read, type Tensor } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { greedyDecode } from './decoding/greedy';
import { CausalTransformer } from './models/causal-transformer';
import { Transformer } from './transformer';
import { doubles, padded, randomize, worst } from '../test/support';

// What the options mean: packages/attention. Here: that models hand them on, with caches, padding on either side, and causality.

const V = 7;
const sizes = { dimension: 8, heads: 2, feedForward: 6, dropout: 0, maxLength: 8, positions: 'rotary' } as const;

const variants: Record<string, LayerAttentionOptions> = {
  groupedQuery: { keyValueHeads: 1 },
  headSizes: { headDimension: 6, valueHeadDimension: 3 },
  dotProduct: { score: 'dotProduct' },
  relu: { normalization: 'relu' },
  sparsemax: { normalization: 'sparsemax' },
  entmax: { normalization: 'entmax15' },
  queryKeyNorm: { queryKeyNorm: true },
  softCap: { softCap: 2 },
  sinks: { sinks: true },
  window: { window: { before: 1, after: 0 } },
  allTogether: {
    keyValueHeads: 1,
    queryKeyNorm: true,
    softCap: 5,
    sinks: true,
    window: { before: 2, after: 0 },
    bias: false,
  },
};

describe.each(Object.entries(variants))('%s', (_, attention) => {
  test('encoder-decoder: the cache gives what recomputing gives', async () => {
    const engine = doubles();
    const options = { sourceVocabulary: V, targetVocabulary: V, encoderLayers: 1, decoderLayers: 2 };
    const model = new Transformer({ ...sizes, ...options, attention });
    await randomize(model, 1, engine);
    const source = padded([
      [3, 4, 5, 6],
      [6, 2],
    ]);
    const target = padded([
      [1, 3, 4, 5],
      [1, 6, 6, 2],
    ]);
    const [whole] = await read([model.forward(source, target)], { engine });
    const cache = model.createCache(2, 4, 4);
    await compile((x: Tensor): void => model.start(x, cache), { engine })(source);
    const next = compile((x: Tensor) => model.next(x, cache), { engine, frozen: true });
    for (let t = 0; t < 4; t++) {
      const [y] = await read([await next(target.slice([0, t], [2, 1]).reshape([2]))], { engine });
      for (const b of [0, 1]) {
        const expected = whole.slice((b * 4 + t) * V, (b * 4 + t + 1) * V);
        expect(worst(y.slice(b * V, (b + 1) * V), expected)).toBeLessThan(1e-10);
      }
    }
  });

  test('decoder-only: prompts of unequal lengths give what each gives alone, later tokens change no bit', async () => {
    const engine = doubles();
    const model = new CausalTransformer({ ...sizes, vocabulary: V, layers: 2, attention });
    await randomize(model, 2, engine);
    const rows = [
      [3, 4, 5, 6, 1, 2],
      [5, 2, 3],
    ];
    const cache = model.createCache(2, 2, 4);
    await compile((x: Tensor): void => model.start(x, cache), { engine })(
      padded(
        rows.map((row) => row.slice(0, -2)),
        'left',
      ),
    );
    const next = compile((x: Tensor) => model.next(x, cache), { engine, frozen: true });
    const alone = await read(
      rows.map((row) => model.forward(padded([row]))),
      { engine },
    );
    for (const t of [2, 1]) {
      const [y] = await read([await next(constant(Int32Array.from(rows, (row) => row.at(-t)!)))], { engine });
      rows.forEach((row, b) => {
        const expected = alone[b].slice((row.length - t) * V, (row.length - t + 1) * V);
        expect(worst(y.slice(b * V, (b + 1) * V), expected)).toBeLessThan(1e-10);
      });
    }
    const changed = rows.map((row) => model.forward(padded([[...row.slice(0, -1), 6]])));
    (await read(changed, { engine })).forEach((y, b) => {
      const before = (rows[b].length - 1) * V;
      expect(y.slice(0, before)).toEqual(alone[b].slice(0, before));
      expect(y.slice(before)).not.toEqual(alone[b].slice(before));
    });
  });
});

test('greedy decoding goes on from prompts of unequal lengths as from each alone', async () => {
  const engine = doubles();
  const model = new CausalTransformer({ ...sizes, vocabulary: V, layers: 2, normalization: 'pre' });
  await randomize(model, 4, engine);
  const prompts = [[3, 4, 5, 6], [5, 2], [6]];
  const expected = await Promise.all(
    prompts.map(async (prompt) => {
      const row = [...prompt];
      while (row.length < prompt.length + 3) {
        const [logits] = await read([model.forward(padded([row]))], { engine });
        const last = Array.from(logits).slice(-V);
        row.push(last.indexOf(Math.max(...last)));
      }
      return row.slice(prompt.length);
    }),
  );
  const decoded = await greedyDecode(model, padded(prompts, 'left'), { endId: 99, maxLength: 3, engine });
  expect(decoded.map((ids) => [...ids])).toEqual(expected);
});
