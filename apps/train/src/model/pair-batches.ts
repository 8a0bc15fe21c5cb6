import { chooseGrid, GridBatches, type SequencePair } from '@qkv/data';
import type { Loss } from '@qkv/nn';
import { sequenceLoss } from '@qkv/seq2seq';
import { compile, tensor, type Tensor } from '@qkv/tensor';

import type { Recipe } from '../recipe';
import type { TextModel } from './model';

/** The training data of a run in batches. */
export function batchesOf(pairs: readonly SequencePair[], { cells, batch, batchTokens, seed }: Recipe): GridBatches {
  const grid = chooseGrid(pairs, { cells });
  if (batch !== undefined) return new GridBatches(pairs, { cells: grid, rows: batch, seed });
  const longest = Math.max(...grid.map(({ sourceLength, targetLength }) => sourceLength + targetLength));
  // One pair must fit, or there would be no batch for it.
  return new GridBatches(pairs, { cells: grid, tokens: Math.max(batchTokens!, longest), seed });
}

/** START … of the target goes in, … END is to come out: (B, T + 1) → two of (B, T). */
export function shifted(target: Tensor): { readonly input: Tensor; readonly output: Tensor } {
  const [B, length] = target.shape;
  return { input: target.slice([0, 0], [B, length - 1]), output: target.slice([0, 1], [B, length - 1]) };
}

/** The loss that training lowers. */
export const trainingLoss =
  ({ module }: TextModel, { smoothing }: Pick<Recipe, 'smoothing'>) =>
  (source: Tensor, target: Tensor): Loss => {
    const { input, output } = shifted(target);
    return sequenceLoss(module.forward(source, input), output, { smoothing });
  };

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
export function lossMeter({ module }: TextModel, pairs: readonly SequencePair[], { cells }: Recipe) {
  const batches =
    pairs.length === 0
      ? undefined
      : new GridBatches(pairs, { cells: chooseGrid(pairs, { cells }), rows: ROWS, seed: 0 });
  const lossOf = compile(
    (source: Tensor, target: Tensor) => {
      const { input, output } = shifted(target);
      const { sum, weight } = sequenceLoss(module.forward(source, input), output);
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
