import type { GridBatch, SequencePair } from '@qkv/data';
import { loadStateDict, type StateEntry, stateDict } from '@qkv/nn';
import { type AdamW, flattenTorchState, toTorchState, type TorchStateFile } from '@qkv/optim';
import { compile, type Tensor } from '@qkv/tensor';

import { Failure } from '../failure';
import { createModel, type TextModel } from '../model/model';
import { batchesOf, shifted, tensorsOf, trainingLoss } from '../model/pair-batches';
import type { Recipe } from '../recipe';
import { createStep, isDecayed } from '../run/step';

/** Updates that are compared. */
export const STEPS = 30;
/** Batches that take turns in them, of a few shapes. */
const BATCHES = 3;
/** Most batches to an update: a run that adds up more is compared with so many, as they are added one like the other. */
const MOST_ACCUMULATED = 4;

type Ids = Pick<GridBatch, 'source' | 'target' | 'rows' | 'sourceLength' | 'targetLength'>;

/** What qkv computes from the weights of a run and some of its batches. */
export interface Recording {
  readonly batches: readonly Ids[];
  /** Batches to an update. */
  readonly accumulate: number;
  /** Where it begins, by name. */
  readonly weights: ReadonlyMap<string, StateEntry>;
  /** At inference, of each batch: (rows, targetLength − 1, V). */
  readonly logits: readonly Float32Array[];
  /** Of each update. */
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
  readonly learningRates: readonly number[];
  /** First moments after each update, of the biases before ReLUs: they tell which slope a ReLU took at 0. */
  readonly moments: ReadonlyMap<string, readonly Float32Array[]>;
  /** After the updates: weights, their running average if the run has one, and the optimiser in torch's layout. */
  readonly final: ReadonlyMap<string, StateEntry>;
  readonly average: ReadonlyMap<string, StateEntry> | undefined;
  readonly optimizer: TorchStateFile;
  /** Parameters by their index in the optimiser's state. */
  readonly optimizerNames: readonly string[];
}

/**
 * Logits of the model, and then 30 updates of a copy without dropout, whose random numbers nobody else can have. Schedule
 * and optimiser are the recipe's, as for a run of 30 updates, so that warm-up and fall are both in them.
 */
export async function record(
  model: TextModel,
  recipe: Recipe,
  pairs: readonly SequencePair[],
  rows: number,
): Promise<Recording> {
  const batches = firstBatches(pairs, recipe, rows);
  const accumulate = Math.min(recipe.accumulate, MOST_ACCUMULATED);
  const weights = await stateDict(model.module);

  const logitsOf = compile((source: Tensor, target: Tensor) => model.module.forward(source, shifted(target).input));
  const logits: Float32Array[] = [];
  for (const batch of batches) logits.push((await (await logitsOf(...tensorsOf(batch))).data()) as Float32Array);

  const calm = { ...recipe, dropout: 0, accumulate };
  const copy = createModel(model.codecs, calm);
  await loadStateDict(copy.module, weights);
  const { update, average, optimizer } = createStep(copy.module, trainingLoss(copy, calm), calm, STEPS);
  const reports = [];
  const before =
    recipe.activation === 'relu' ? [...optimizer.namedVariables()].filter(([name]) => isBeforeReLU.test(name)) : [];
  const moments = new Map(before.map(([name]) => [name.slice(2), [] as Float32Array[]]));
  for (let step = 0; step < STEPS; step++) {
    const group = Array.from({ length: accumulate }, (_, i) => batches[(step * accumulate + i) % batches.length]);
    reports.push(await update(group.map(tensorsOf)));
    for (const [name, variable] of before) moments.get(name.slice(2))!.push((await variable.data()) as Float32Array);
  }
  return {
    batches,
    accumulate,
    weights,
    logits,
    losses: reports.map(({ loss }) => loss),
    gradientNorms: reports.map(({ gradientNorm }) => gradientNorm),
    learningRates: reports.map(({ learningRate }) => learningRate),
    moments,
    final: await stateDict(copy.module),
    average: average && withoutPrefix(await stateDict(average), 'weights.'),
    optimizer: flattenTorchState(await toTorchState(optimizer, { groups: groupsOf(optimizer) })),
    optimizerNames: groupsOf(optimizer)
      .flat()
      .map(({ name }) => name),
  };
}

const isBeforeReLU = /^m\..*\.feedForward\.inner\.bias$/;

/** Some rows of the first batches of the run, without those that only fill a batch. */
function firstBatches(pairs: readonly SequencePair[], recipe: Recipe, most: number): Ids[] {
  const batches: Ids[] = [];
  for (const { source, target, weight, sourceLength, targetLength } of batchesOf(pairs, recipe).epoch(0)) {
    // Where torch has nothing to attend to it gives NaN: no row may have an empty source.
    const real = [...weight.keys()].filter((row) => weight[row] > 0 && source[row * sourceLength] !== 0).slice(0, most);
    if (real.length === 0) continue;
    const pick = (ids: Int32Array, length: number) =>
      Int32Array.from(real.flatMap((row) => [...ids.subarray(row * length, (row + 1) * length)]));
    const rows = real.length;
    batches.push({
      source: pick(source, sourceLength),
      target: pick(target, targetLength),
      rows,
      sourceLength,
      targetLength,
    });
    if (batches.length === BATCHES) break;
  }
  if (batches.length === 0) throw new Failure('the training data have no pair to verify with');
  return batches;
}

/** Groups as a script in torch makes them; with or without weight decay they are two. */
function groupsOf({ parameters }: AdamW) {
  return [parameters.filter(isDecayed), parameters.filter((parameter) => !isDecayed(parameter))];
}

function withoutPrefix(entries: ReadonlyMap<string, StateEntry>, prefix: string): Map<string, StateEntry> {
  const own = [...entries].filter(([name]) => name.startsWith(prefix));
  return new Map(own.map(([name, entry]) => [name.slice(prefix.length), entry]));
}
