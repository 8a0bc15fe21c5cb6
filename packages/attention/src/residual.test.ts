import { loadStateDict } from '@qkv/nn';
import { ones } from '@qkv/tensor';
import { expect, test } from 'vitest';

import { DecoderLayer } from './decoder-layer';
import { Encoder } from './encoder';
import { EncoderLayer } from './encoder-layer';
import { LayerScale } from './layer-scale';
import { createNorm } from './norm';
import { random, worst } from '../test/support';

// Layers with all options against formulas in plain numbers: packages/seq2seq/src/transformer-variants.test.ts.

const sizes = { dimension: 4, heads: 2, feedForward: 6, dropout: 0 };
const names = (layer: EncoderLayer | DecoderLayer): string[] => [...layer.namedParameters().keys()];

test('options add the parameters that they need, and take away those that they do not', () => {
  const plain = names(new EncoderLayer(sizes));
  const all = names(new EncoderLayer({ ...sizes, norm: 'rms', gated: true, layerScale: 0.1, bias: false }));
  expect(all).toEqual([
    ...plain.slice(0, 8).filter((name) => name.endsWith('weight')),
    'norm1.gain',
    'scale1.gain',
    'feedForward.inner.weight',
    'feedForward.gate.weight',
    'feedForward.outer.weight',
    'norm2.gain',
    'scale2.gain',
  ]);
  expect(names(new DecoderLayer({ ...sizes, layerScale: 0.1 })).filter((name) => name.startsWith('scale'))).toEqual([
    'scale1.gain',
    'scale2.gain',
    'scale3.gain',
  ]);
});

test('bias of the attention can be had apart from that of the layer', () => {
  const withBias = names(new EncoderLayer({ ...sizes, bias: false, attention: { bias: true } }));
  expect(withBias).toContain('selfAttention.query.bias');
  expect(withBias).not.toContain('feedForward.inner.bias');
});

test('options reach both attentions of a decoder layer, those of the attention to memory are apart', () => {
  const shared = names(new DecoderLayer({ ...sizes, attention: { queryKeyNorm: true } }));
  expect(shared).toEqual(expect.arrayContaining(['selfAttention.queryNorm.gain', 'crossAttention.queryNorm.gain']));
  const apart = new DecoderLayer({ ...sizes, attention: { keyValueHeads: 1 }, crossAttention: { keyValueHeads: 2 } });
  expect([apart.selfAttention.keyValueHeads, apart.crossAttention.keyValueHeads]).toEqual([1, 2]);
});

test('layer scale is a gain for each feature, which begins as the number given', async () => {
  const scale = new LayerScale({ dimension: 4, initial: 0.1 });
  expect(Array.from(await scale.forward(ones([1, 4])).data())).toEqual(Array<number>(4).fill(Math.fround(0.1)));
  await loadStateDict(scale, new Map([['gain', { shape: [4], data: Float32Array.of(1, 2, 3, 4) }]]));
  expect(Array.from(await scale.forward(ones([1, 4])).data())).toEqual([1, 2, 3, 4]);
  expect(() => scale.forward(ones([1, 3]))).toThrow('LayerScale: expected a last dimension of 4, got [1, 3]');
  expect(() => new LayerScale({ dimension: 4, initial: NaN })).toThrow('LayerScale: initial must be a number, got NaN');
});

test('layers whose scale is 0 are the identity', async () => {
  const encoder = new Encoder({ ...sizes, layers: 2, layerScale: 0, normalization: 'pre', finalNorm: false });
  const x = random([1, 3, 4], 1);
  expect(await encoder.forward(x).data()).toEqual(Float32Array.from(await x.data()));
});

test('the outputs of all layers begin with the input and end with what forward gives', async () => {
  for (const normalization of ['pre', 'post'] as const) {
    const encoder = new Encoder({ ...sizes, layers: 3, normalization });
    const x = random([2, 3, 4], 1);
    const outputs = await Promise.all(encoder.outputs(x).map((h) => h.data()));
    expect(outputs).toHaveLength(4);
    expect(outputs[3]).toEqual(await encoder.forward(x).data());
    expect(outputs[0]).toEqual(await (encoder.norm === null ? x : encoder.norm.forward(x)).data());
    expect(worst(outputs[1], outputs[2])).toBeGreaterThan(1e-3);
  }
});

test('says where no norm stands', () => {
  for (const Layer of [EncoderLayer, DecoderLayer]) {
    expect(() => new Layer({ ...sizes, normalization: 'layer' as 'pre' })).toThrow(
      "normalization: there is no 'layer'; choose pre or post: which norm it is says the option norm",
    );
  }
});

test('says what there is no norm of', () => {
  expect(() => createNorm('batch' as never, 4)).toThrow("norm: there is no 'batch'; choose from layer, rms");
});
