import { grad } from '@qkv/autograd';
import { initialize } from '@qkv/nn';
import { AdamW } from '@qkv/optim';
import { compile, createReferenceBackend, Engine, tensor, type Tensor } from '@qkv/tensor';
import { expect, test } from 'vitest';

import { CandidateSampler, type CandidateSamplerOptions } from './candidate-sampler';
import { minimumRiskLoss } from './minimum-risk';
import { selfCriticalLoss } from './self-critical';
import { sequenceLogProbabilities } from './sequence-log-probabilities';
import { repeatRows } from '../decoding/autoregressive-model';
import { SamplingDecoder } from '../decoding/sampling';
import { Transformer } from '../transformer';

const [ROWS, S, T, START, END] = [3, 4, 5, 6, 7];
const V = 8;

function setUp(options: Partial<CandidateSamplerOptions> = {}) {
  const engine = new Engine(createReferenceBackend());
  const model = new Transformer({
    sourceVocabulary: V,
    targetVocabulary: V,
    dimension: 16,
    heads: 2,
    feedForward: 32,
    encoderLayers: 1,
    decoderLayers: 1,
    dropout: 0,
    maxLength: 8,
  });
  initialize(model, { seed: 4 });
  const settings = { rows: ROWS, sourceLength: S, maxLength: T, startId: START, endId: END, samples: 6, engine };
  return { engine, model, sampler: new CandidateSampler(model, { ...settings, ...options }), settings };
}

/** The last row is padding. */
const source = (): Tensor => tensor(Int32Array.of(1, 2, 3, 4, 5, 1, 0, 0, 0, 0, 0, 0), [ROWS, S]);
const rowsOf = async (x: Tensor): Promise<number[][]> => {
  const [data, size] = [[...(await x.data())], x.shape[1]];
  return Array.from({ length: x.shape[0] }, (_, row) => data.slice(row * size, (row + 1) * size));
};
/** log p of each target, as the training step computes it: (B, K). */
function scored(model: Transformer, ids: Tensor, inputs: Tensor, targets: Tensor): Tensor {
  const N = inputs.shape[0];
  const memory = repeatRows(model.encode(ids), N);
  const logits = model.decode(inputs, memory, repeatRows(model.sourceMask(ids), N));
  return sequenceLogProbabilities(logits, targets).reshape([ROWS, N / ROWS]);
}

test('samples are laid out as the training step takes them, and have the probabilities with which they were drawn', async () => {
  const { engine, model, sampler, settings } = setUp();
  const { inputs, targets, counts, scores, baselines } = await sampler.samples(
    source(),
    (ids, row) => ids.length + row,
  );
  const [read, written] = [await rowsOf(inputs), await rowsOf(targets)];
  expect(await rowsOf(counts)).toEqual([Array(6).fill(1), Array(6).fill(1), Array(6).fill(0)]);
  written.slice(0, 12).forEach((ids, n) => {
    const end = ids.indexOf(END);
    const length = end < 0 ? T : end + 1;
    expect(ids.slice(length)).toEqual(Array(T - length).fill(0));
    expect(ids.slice(0, length)).not.toContain(0);
    expect(read[n]).toEqual([START, ...ids].slice(0, T).map((id) => (id === END ? 0 : id)));
  });
  expect([read.slice(12), written.slice(12)]).toEqual([
    Array(6).fill(Array(T).fill(0)),
    Array(6).fill(Array(T).fill(0)),
  ]);
  const lengths = (await rowsOf(scores)).slice(0, 2);
  lengths.flat().forEach((score, n) => {
    const ids = written[n];
    expect(score).toBe(Math.floor(n / 6) + (ids.includes(END) ? ids.indexOf(END) : T));
  });
  expect([...(await baselines.data())][2]).toBe(0);

  // The decoder's own numbers for the same draws.
  const decoder = new SamplingDecoder(model, { ...settings, forbidden: [0] });
  const drawn = await decoder.decodeAll(source());
  const score = compile((x: Tensor, i: Tensor, t: Tensor) => scored(model, x, i, t), { engine });
  const got = (await rowsOf(await score(source(), inputs, targets))).slice(0, 2).flat();
  const expected = drawn
    .slice(0, 2)
    .flat()
    .map(({ logProbability }) => logProbability);
  got.forEach((value, n) => expect(Math.abs(value - expected[n])).toBeLessThan(1e-4));
});

test('candidates are distinct, the reference among them; a step counts on', async () => {
  const { sampler } = setUp({ samples: 40 });
  const references = [[1, 2], [3], []];
  const draw = async (): Promise<number[][]> => {
    const { targets, counts } = await sampler.candidates(source(), references, () => 1);
    const [ids, there] = [await rowsOf(targets), (await rowsOf(counts)).flat()];
    for (const row of [0, 1]) {
      const own = ids.slice(row * 41, row * 41 + 41).filter((_, k) => there[row * 41 + k] === 1);
      expect(new Set(own.map(String)).size).toBe(own.length);
      expect(own[0]).toEqual([...references[row], END, 0, 0, 0, 0].slice(0, T));
      expect(own.length).toBeGreaterThan(2);
    }
    expect(there.slice(82)).toEqual(Array(41).fill(0));
    return ids;
  };
  const first = await draw();
  expect(await draw()).not.toEqual(first);
  expect(sampler.step).toBe(2);
  sampler.step = 0;
  expect(await draw()).toEqual(first);
  sampler.release();
});

test.each(['minimum risk', 'self-critical'])('%s training lowers a cost that has no gradient', async (objective) => {
  const { engine, model, sampler } = setUp({ samples: 12 });
  const optimizer = new AdamW(model.parameters(), { learningRate: 1e-2 });
  /** How much of a sequence is not the id of its row, and a missing id: for the source 1 2 3 4 it shall write 1, for 5 1, 5. */
  const wanted = [1, 5, 0];
  const cost = (ids: Int32Array, row: number): number =>
    ids.filter((id) => id !== wanted[row]).length + (ids.length === 0 ? 1 : 0);
  const update = compile(
    (x: Tensor, inputs: Tensor, targets: Tensor, counts: Tensor, scores: Tensor, baselines: Tensor) => {
      const logs = scored(model, x, inputs, targets);
      const loss =
        objective === 'minimum risk'
          ? minimumRiskLoss(logs, scores, { counts, sharpness: 0.5 })
          : selfCriticalLoss(logs, { rewards: scores, baselines, counts });
      optimizer.apply(grad(loss.mean(), model.parameters()));
      return loss.mean();
    },
    { mode: 'train', engine },
  );
  const expected = async (): Promise<number> => {
    let [total, count] = [0, 0];
    await sampler.samples(source(), (ids, row) => ((total += cost(ids, row)), count++, 0));
    return total / count;
  };
  const before = await expected();
  for (let i = 0; i < 25; i++) {
    if (objective === 'minimum risk') {
      const { inputs, targets, counts, scores } = await sampler.candidates(source(), [[1], [5], []], cost);
      await update(source(), inputs, targets, counts, scores, tensor([0, 0, 0]));
    } else {
      const { inputs, targets, counts, scores, baselines } = await sampler.samples(
        source(),
        (ids, row) => -cost(ids, row),
      );
      await update(source(), inputs, targets, counts, scores, baselines);
    }
  }
  expect(await expected()).toBeLessThan(before / 3);
});

test('says what does not fit', async () => {
  const { sampler } = setUp();
  await expect(sampler.candidates(source(), [[1]], () => 1)).rejects.toThrow(
    'CandidateSampler: expected a reference for each of 3 rows, got 1',
  );
  await expect(sampler.candidates(source(), [[1], [1, 2, 3, 4, 5], []], () => 1)).rejects.toThrow(
    'CandidateSampler: reference 1 has 5 ids, and END makes more than maxLength 5; raise it, or leave the pair out',
  );
  await expect(sampler.samples(source(), () => NaN)).rejects.toThrow('CandidateSampler: the judge says NaN');
});
