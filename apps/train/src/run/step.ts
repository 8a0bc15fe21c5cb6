import { chooseGrid, GridBatches, type SequencePair } from '@qkv/data';
import {
  AdamW,
  constant,
  cosine,
  ExponentialMovingAverage,
  inverseSquareRoot,
  linear,
  type Schedule,
} from '@qkv/optim';
import { sequenceLoss } from '@qkv/seq2seq';
import { compile, tensor, type Tensor } from '@qkv/tensor';
import { trainingStep } from '@qkv/training';

import type { TextModel } from '../model/model';
import type { Recipe } from '../recipe';

/** The training data of a run in batches. */
export function batchesOf(pairs: readonly SequencePair[], { cells, batch, batchTokens, seed }: Recipe): GridBatches {
  const grid = chooseGrid(pairs, { cells });
  if (batch !== undefined) return new GridBatches(pairs, { cells: grid, rows: batch, seed });
  const longest = Math.max(...grid.map(({ sourceLength, targetLength }) => sourceLength + targetLength));
  // One pair must fit, or there would be no batch for it.
  return new GridBatches(pairs, { cells: grid, tokens: Math.max(batchTokens!, longest), seed });
}

/** Updates in a run. */
export function stepsOf({ steps, epochs, accumulate }: Recipe, { batchesPerEpoch }: GridBatches): number {
  return steps ?? Math.max(1, Math.ceil((epochs! * batchesPerEpoch) / accumulate));
}

function scheduleOf({ schedule, learningRate, warmup: given }: Recipe, steps: number): Schedule {
  const warmup = Math.min(given < 1 ? Math.floor(given * steps) : Math.round(given), steps - 1);
  switch (schedule) {
    case 'cosine':
      return cosine({ learningRate, steps, warmup });
    case 'linear':
      return linear({ learningRate, steps, warmup });
    case 'inverse-square-root':
      return inverseSquareRoot({ learningRate, warmup: Math.max(1, warmup) });
    case 'constant':
      return constant({ learningRate, warmup });
  }
}

/** START … of the target goes in, … END is to come out: (B, T + 1) → two of (B, T). */
export function shifted(target: Tensor): { readonly input: Tensor; readonly output: Tensor } {
  const [B, length] = target.shape;
  return { input: target.slice([0, 0], [B, length - 1]), output: target.slice([0, 1], [B, length - 1]) };
}

/** The update of a run, and what it depends on. */
export function createStep({ transformer }: TextModel, recipe: Recipe, steps: number) {
  const { smoothing, seed, beta1, beta2, epsilon, weightDecay, clipNorm, average: decay, accumulate } = recipe;
  const parameters = transformer.parameters();
  const optimizer = new AdamW(parameters, {
    learningRate: scheduleOf(recipe, steps),
    betas: [beta1, beta2],
    epsilon,
    weightDecay,
    decayFilter: isDecayed,
    clipNorm: clipNorm === 0 ? undefined : clipNorm,
  });
  // A run may be shorter than the average's memory, hence the warm-up.
  const average = decay === 0 ? undefined : new ExponentialMovingAverage(parameters, { decay, warmup: true });
  const update = trainingStep({
    optimizer,
    average,
    loss: (source: Tensor, target: Tensor) => {
      const { input, output } = shifted(target);
      return sequenceLoss(transformer.forward(source, input), output, { smoothing });
    },
    accumulate: accumulate > 1,
    seed,
  });
  return { update, average, optimizer };
}

/** No biases and gains. */
export const isDecayed = ({ shape }: { readonly shape: readonly number[] }): boolean => shape.length > 1;

/** A batch as the step takes it. */
export const tensorsOf = ({ source, target, rows, sourceLength, targetLength }: BatchIds): [Tensor, Tensor] => [
  tensor(source, [rows, sourceLength]),
  tensor(target, [rows, targetLength]),
];

interface BatchIds {
  readonly source: Int32Array;
  readonly target: Int32Array;
  readonly rows: number;
  readonly sourceLength: number;
  readonly targetLength: number;
}

/** Rows of a batch for the loss. */
const ROWS = 64;

/** Teacher-forced loss per token, in nats, without smoothing and dropout. */
export function lossMeter({ transformer }: TextModel, pairs: readonly SequencePair[], { cells }: Recipe) {
  const batches =
    pairs.length === 0
      ? undefined
      : new GridBatches(pairs, { cells: chooseGrid(pairs, { cells }), rows: ROWS, seed: 0 });
  const lossOf = compile(
    (source: Tensor, target: Tensor) => {
      const { input, output } = shifted(target);
      const { sum, weight } = sequenceLoss(transformer.forward(source, input), output);
      return [sum, weight] as const;
    },
    { frozen: true },
  );
  return async (signal?: AbortSignal): Promise<number> => {
    let [total, tokens] = [0, 0];
    for (const batch of batches?.epoch(0) ?? []) {
      if (signal?.aborted) break;
      const [sum, weight] = await lossOf(...tensorsOf(batch));
      total += await sum.item();
      tokens += await weight.item();
    }
    return total / tokens;
  };
}
