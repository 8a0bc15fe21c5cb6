import { RotaryPositions } from '@qkv/attention';
import { grad } from '@qkv/autograd';
import { models } from '@qkv/goldens';
import { loadStateDict } from '@qkv/nn';
import { CausalTransformer, Transformer } from '@qkv/seq2seq';
import { compile, constant, type Tensor } from '@qkv/tensor';
import { expect, test } from 'vitest';

import { compare, type Place } from './verify';

interface Values {
  readonly shape: number[];
  readonly data: number[];
}

const ids = ({ shape, data }: Values): Tensor => constant(Int32Array.from(data), shape);
const sizes = { dimension: 8, heads: 2, feedForward: 12, dropout: 0, maxLength: 8, normalization: 'pre' } as const;
const vocabulary = 11;

const gpt2 = (): CausalTransformer =>
  new CausalTransformer({
    ...sizes,
    vocabulary,
    layers: 2,
    positions: 'learned',
    activation: 'geluTanh',
    tieEmbeddings: false,
  });

const llama = (): CausalTransformer =>
  new CausalTransformer({
    ...sizes,
    vocabulary,
    layers: 2,
    norm: 'rms',
    gated: true,
    activation: 'silu',
    bias: false,
    positions: 'none',
    attention: { positions: new RotaryPositions({ headDimension: 4, layout: 'halves' }) },
    tieEmbeddings: false,
  });

const t5 = (): Transformer =>
  new Transformer({
    ...sizes,
    sourceVocabulary: vocabulary,
    targetVocabulary: vocabulary,
    encoderLayers: 2,
    decoderLayers: 2,
    norm: 'rms',
    gated: true,
    activation: 'geluTanh',
    bias: false,
    positions: 't5',
    attention: { score: 'dotProduct' },
  });

const cases = {
  gpt2: () => {
    const model = gpt2();
    return { model, logits: () => model.forward(ids(models.gpt2.ids), { padding: 'left' }) };
  },
  llama: () => {
    const model = llama();
    return { model, logits: () => model.forward(ids(models.llama.ids), { padding: 'left' }) };
  },
  t5: () => {
    const model = t5();
    return { model, logits: () => model.forward(ids(models.t5.source), ids(models.t5.target)) };
  },
};

/** Whole models as transformers has them, padding included; see tooling/goldens/data/make_model_goldens.py. */
export function modelGoldens(place: () => Promise<Place>): void {
  test.each(['gpt2', 'llama', 't5'] as const)(
    '%s, logits and all gradients, as transformers has them',
    async (name) => {
      const where = await place();
      const golden = models[name];
      const { model, logits } = cases[name]();
      // Their outputs have no bias.
      const weights = new Map<string, { shape: number[]; data: Float64Array }>([
        ['output.bias', { shape: [vocabulary], data: new Float64Array(vocabulary) }],
      ]);
      for (const [path, { shape, data }] of Object.entries<Values>(golden.weights)) {
        weights.set(path, { shape, data: Float64Array.from(data) });
      }
      await loadStateDict(model, weights, { engine: where.engine });

      const named = [...model.namedParameters()].filter(([path]) => path !== 'output.bias');
      const G = constant(Float64Array.from(golden.G.data), golden.G.shape);
      const isToken = constant(
        golden.logits.data.map((value) => value !== 0),
        golden.logits.shape,
      );
      const program = compile(
        () => {
          const y = logits().mul(isToken.cast('float32'));
          const parameters = named.map(([, parameter]) => parameter);
          return [y, ...grad(y.mul(G).sum(), parameters)];
        },
        { engine: where.engine },
      );
      const [y, ...gradients] = await program();
      compare(`${name} logits`, await y.data(), golden.logits.data, where, golden.logits);
      const expected = golden.gradients as Record<string, Values & { f32_abs: number; max: number }>;
      expect(named.map(([path]) => path).toSorted()).toEqual(Object.keys(expected).toSorted());
      for (const [i, [path]] of named.entries()) {
        compare(`${name} gradient of ${path}`, await gradients[i].data(), expected[path].data, where, expected[path]);
      }
    },
  );
}
