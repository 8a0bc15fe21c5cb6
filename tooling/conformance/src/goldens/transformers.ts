import { grad } from '@qkv/autograd';
import { type Golden, loadGolden } from '@qkv/goldens';
import { loadStateDict } from '@qkv/nn';
import { AdamW } from '@qkv/optim';
import { BeamDecoder, GreedyDecoder, sequenceLoss, Transformer } from '@qkv/seq2seq';
import { compile, type Tensor } from '@qkv/tensor';
import { expect, test } from 'vitest';

import { fromTorch, transformer } from './torch-names';
import { compare, inputTensor, type Place, verify } from './verify';

const [D, DEPTH] = [32, 2];
const links = transformer(D, DEPTH);

function createModel(normalization: 'pre' | 'post'): Transformer {
  return new Transformer({
    sourceVocabulary: 13,
    targetVocabulary: 14,
    dimension: D,
    heads: 4,
    feedForward: 64,
    encoderLayers: DEPTH,
    decoderLayers: DEPTH,
    dropout: 0,
    normalization,
    finalNorms: true,
  });
}

/** What follows START, before END. */
const generated = (ids: readonly number[]): number[] => ids.slice(1, ids.at(-1) === 2 ? -1 : undefined);

/** Ids, log-probabilities and scores of torch's greedy and beam search, for each source all that there are. */
async function verifyDecoding(golden: Golden, model: Transformer, where: Place): Promise<void> {
  const { max_new: maxLength, beam: beams, alpha: lengthPenalty, results } = golden.decode!;
  const source = inputTensor(golden, 'src');
  const [rows, sourceLength] = source.shape;
  const options = { rows, sourceLength, startId: 1, endId: 2, maxLength, engine: where.engine };
  const greedy = await new GreedyDecoder(model, options).decode(source);
  expect(greedy.map(({ ids }) => [...ids])).toEqual(results.map(({ greedy: ids }) => generated(ids)));
  const logs = results.map(({ greedy_logp }) => greedy_logp);
  for (const name of ['logProbability', 'score'] as const) {
    compare(
      `greedy ${name}`,
      greedy.map((one) => one[name]),
      logs,
      where,
    );
  }
  for (const stop of ['exact', 'never'] as const) {
    const decoder = new BeamDecoder(model, { ...options, beams, lengthPenalty, stop });
    const found = await decoder.decodeAll(source);
    expect(found.map((list) => list.map(({ ids }) => [...ids]))).toEqual(
      results.map(({ beam4 }) => beam4.map(({ ids }) => generated(ids))),
    );
    const torch = results.flatMap(({ beam4 }) => beam4);
    expect(found.flat().map(({ finished }) => finished)).toEqual(torch.map(({ ids }) => ids.at(-1) === 2));
    compare(
      `${stop} log-probabilities`,
      found.flat().map(({ logProbability }) => logProbability),
      torch.map(({ logp }) => logp),
      where,
    );
    compare(
      `${stop} scores`,
      found.flat().map(({ score }) => score),
      torch.map(({ score }) => score),
      where,
    );
  }
}

export function transformerGoldens(place: () => Promise<Place>): void {
  test.each(['post', 'pre'] as const)('transformer_%s', async (normalization) => {
    const golden = await loadGolden(`transformer_${normalization}`);
    const where = await place();
    const model = createModel(normalization);
    expect(model.parameterCount()).toBe(golden.config.n_params);
    await verify(golden, where, {
      module: model,
      links,
      compute: ({ src, tgt_in, tgt_out }) => {
        const logits = model.forward(src, tgt_in);
        const loss = (smoothing: number): Tensor => sequenceLoss(logits, tgt_out, { smoothing }).mean();
        return { logits, nll: loss(0), loss: loss(0.1) };
      },
    });
    await verifyDecoding(golden, model, where);
  });

  test('train_transformer_30', async () => {
    const golden = await loadGolden('train_transformer_30');
    const where = await place();
    const { engine, precision } = where;
    const model = createModel('pre');
    await loadStateDict(model, fromTorch(links, golden.initial), { engine });
    const parameters = model.parameters();
    const optimizer = new AdamW(parameters, {
      learningRate: 3e-3,
      betas: [0.9, 0.98],
      epsilon: 1e-9,
      weightDecay: 0.01,
      clipNorm: 1,
    });
    const step = compile(
      (source: Tensor, target: Tensor) => {
        const [B, T] = target.shape;
        const logits = model.forward(source, target.slice([0, 0], [B, T - 1]));
        const loss = sequenceLoss(logits, target.slice([0, 1]), { smoothing: 0.1 }).mean();
        optimizer.apply(grad(loss, parameters));
        return loss;
      },
      { mode: 'train', engine },
    );
    const losses: number[] = [];
    for (let i = 0; i < 30; i++) {
      losses.push(await (await step(inputTensor(golden, 'src'), inputTensor(golden, 'tgt'))).item());
    }
    const expected = golden.outputs.get('loss_f64')!.data as Float64Array;
    const gap = precision === 'float64' ? 0 : (golden as unknown as { max_f32_f64_gap: number }).max_f32_f64_gap;
    compare('losses', losses, expected, where, { f32_abs: gap, max: Math.max(...expected) });
  });
}
