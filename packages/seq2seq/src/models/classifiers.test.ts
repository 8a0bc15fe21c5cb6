import { grad } from '@qkv/autograd';
import { crossEntropy } from '@qkv/nn';
import { AdamW } from '@qkv/optim';
import { compile, constant, read, type Tensor } from '@qkv/tensor';
import { expect, test } from 'vitest';

import { SequenceClassifier } from './sequence-classifier';
import { TokenClassifier } from './token-classifier';
import { linear } from '../../test/naive-blocks';
import { doubles, padded, randomize, worst } from '../../test/support';

const sizes = {
  dimension: 8,
  heads: 2,
  feedForward: 16,
  layers: 1,
  vocabulary: 8,
  dropout: 0,
  maxLength: 5,
  classes: 3,
};
const ids = padded([
  [3, 4, 5, 2],
  [5, 1],
]);

test('logits are a linear layer of what the body gives', async () => {
  const engine = doubles();
  const tagger = new TokenClassifier(sizes);
  const classifier = new SequenceClassifier(sizes);
  for (const [model, part] of [
    [tagger, 'tokens'],
    [classifier, 'pooled'],
  ] as const) {
    const weights = await randomize(model, 1, engine);
    const [logits, features] = await read([model.forward(ids), model.body.forward(ids)[part]], { engine });
    const rows = Array.from({ length: features.length / 8 }, (_, r) => Array.from(features.slice(r * 8, (r + 1) * 8)));
    expect(worst(logits, linear(weights, 'output', rows).flat())).toBeLessThan(1e-12);
  }
  expect(tagger.forward(ids).shape).toEqual([2, 4, 3]);
  expect(classifier.forward(ids).shape).toEqual([2, 3]);
});

/** Trains until the loss is below 0.05, in at most 150 steps. */
async function learns(model: TokenClassifier | SequenceClassifier, inputs: Tensor, targets: Tensor): Promise<boolean> {
  const parameters = model.parameters();
  const optimizer = new AdamW(parameters, { learningRate: 1e-2 });
  const step = compile(
    (x: Tensor, y: Tensor) => {
      const loss = crossEntropy(model.forward(x), y, { ignoreIndex: -1 }).mean();
      optimizer.apply(grad(loss, parameters));
      return loss;
    },
    { mode: 'train', seed: 1 },
  );
  for (let i = 0; i < 150; i++) if ((await (await step(inputs, targets)).item()) < 0.05) return true;
  return false;
}

test('a tagger learns tags that depend on the word before; a classifier what comes first', async () => {
  const tags = constant(Int32Array.of(0, 1, 2, 1, 0, 2, -1, -1), [2, 4]);
  expect(await learns(new TokenClassifier({ ...sizes, normalization: 'pre' }), ids, tags)).toBe(true);
  const kinds = constant(Int32Array.of(0, 2));
  for (const pooling of ['class', 'mean', 'max', 'first'] as const) {
    expect(await learns(new SequenceClassifier({ ...sizes, pooling, normalization: 'pre' }), ids, kinds)).toBe(true);
  }
});
