import { grad } from '@qkv/autograd';
import { chooseGrid, GridBatches, type SequencePair } from '@qkv/data';
import { AdamW, cosine } from '@qkv/optim';
import { sequenceLoss } from '@qkv/seq2seq';
import { compile, tensor, type Tensor } from '@qkv/tensor';
import type { Vocabulary } from '@qkv/tokenizers';

import type { Dictionary } from '../cmudict';
import { Failure } from '../failure';
import type { PronunciationModel } from './model';
import type { Recipe } from './recipe';

/** Longer words are left out of training: three, which would need batches of a shape of their own. */
const MAX_SYMBOLS = 20;
/** Shapes of batches. More would pad less, and make more plans and more batches that are not full. */
const CELLS = 10;

/** One example for each pronunciation: letters → START phonemes END. */
export function createPairs(
  words: Iterable<string>,
  dictionary: Dictionary,
  letters: Vocabulary,
  phonemes: Vocabulary,
): SequencePair[] {
  const pairs: SequencePair[] = [];
  for (const word of words) {
    for (const pronunciation of dictionary.get(word)!) {
      if (word.length > MAX_SYMBOLS || pronunciation.length > MAX_SYMBOLS) continue;
      const target = phonemes.encode(pronunciation.join(' '), { addStart: true, addEnd: true }).ids;
      pairs.push({ source: letters.encode(word).ids, target });
    }
  }
  return pairs;
}

export interface StepReport {
  /** 1 after the first. */
  readonly step: number;
  /** Per phoneme, in nats, before the update. */
  readonly loss: number;
  /** Letters and phonemes of this batch, padding not counted. */
  readonly tokens: number;
}

export interface TrainingOptions {
  readonly model: PronunciationModel;
  readonly pairs: readonly SequencePair[];
  readonly recipe: Recipe;
  readonly onStep?: (report: StepReport) => void;
  /** Asked after each step: whether to stop here. */
  readonly stopped?: () => boolean;
}

/** Trains for a fixed number of steps, the learning rate annealed to zero. Gives the number of steps made. */
export async function train(options: TrainingOptions): Promise<number> {
  const { model, pairs, recipe, onStep = () => {}, stopped = () => false } = options;
  const { steps, batch: rows, seed, learningRate, smoothing, weightDecay } = recipe;
  const { transformer } = model;
  const batches = new GridBatches(pairs, { cells: chooseGrid(pairs, { cells: CELLS }), rows, seed });
  const parameters = transformer.parameters();
  const warmup = Math.min(Math.floor(recipe.warmup * steps), steps - 1);
  const optimizer = new AdamW(parameters, {
    learningRate: cosine({ learningRate, steps, warmup }),
    betas: [0.9, 0.98],
    weightDecay,
    decayFilter: ({ shape }) => shape.length > 1, // no biases and gains
    clipNorm: 1,
  });
  const update = compile(
    (source: Tensor, target: Tensor) => {
      const [B, length] = target.shape;
      const input = target.slice([0, 0], [B, length - 1]); // (B, T): START …
      const output = target.slice([0, 1], [B, length - 1]); // (B, T): … END
      const loss = sequenceLoss(transformer.forward(source, input), output, { smoothing }).mean();
      optimizer.apply(grad(loss, parameters));
      return loss;
    },
    { mode: 'train', seed, frozen: true },
  );

  let step = 0;
  for (const { source, target, sourceLength, targetLength } of batches.from()) {
    const result = await update(tensor(source, [rows, sourceLength]), tensor(target, [rows, targetLength]));
    const loss = await result.item();
    step++;
    if (!Number.isFinite(loss)) {
      throw new Failure(
        `the loss is ${loss} at step ${step}; lower --learning-rate, or look for the operation with --debug`,
      );
    }
    onStep({ step, loss, tokens: countTokens(source) + countTokens(target) });
    if (step === steps || stopped()) break;
  }
  return step;
}

const countTokens = (ids: Int32Array): number => ids.reduce((count, id) => count + (id === 0 ? 0 : 1), 0);
