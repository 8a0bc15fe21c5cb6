import { chooseGrid, GridBatches } from '@qkv/data';
import { crossEntropy, type Loss } from '@qkv/nn';
import { compile, softmax, tensor, type Tensor } from '@qkv/tensor';

import type { JudgeOptions, Learner, RunModel } from '../run/kind';
import type { Symbols } from './symbols';

/** Something with one label or several: a sentence and the tags of its words, a text and its class. */
export interface Labelled {
  /** Of its items, in their order. */
  readonly labels: readonly string[];
}

/** A model that gives each item of an example a label. */
export interface Labeller<E extends Labelled> extends RunModel {
  readonly labels: Symbols;
  /** How long an example is to the model: examples of like lengths share batches. */
  lengthOf(example: E): number;
  /** How many places for labels there are in a row of this length; 1 where an example has one label. */
  places(length: number): number;
  /** At which of the places the label of an item is. */
  placeOf(example: E, item: number): number;
  /** A batch of these examples, each with room for this length. Of `rows` rows, those behind the examples only fill. */
  inputs(examples: readonly E[], rows: number, length: number): readonly Tensor[];
  /** What `inputs` gives → (rows, places, C). */
  logits(...inputs: readonly Tensor[]): Tensor;
}

export interface LabellerRecipe {
  readonly smoothing: number;
  readonly seed: number;
  readonly cells?: number;
  readonly batch?: number;
  readonly batchTokens?: number;
}

/** What a model says of one item. */
export interface LabelJudgement {
  readonly expected: string;
  readonly label: string;
  /** Of the label that the model gives. */
  readonly probability: number;
  /** −log of the probability of the expected label, in nats; undefined if training did not see that label. */
  readonly loss: number | undefined;
}

/** Target of a place without a label. */
const NONE = -1;
/** Examples looked at together, at most, and places, at most: batches of long ones have fewer rows. */
const ROWS = 64;
const PLACES = 8192;
/** Lengths come in multiples of this: few shapes, little padding. */
const LENGTH_STEP = 8;

/** Batches of labelled examples, and their loss. */
export function labelLearner<E extends Labelled>(
  model: Labeller<E>,
  training: readonly E[],
  recipe: LabellerRecipe,
): Omit<Learner, 'unit' | 'validate'> {
  const { smoothing, seed, cells = 1, batch, batchTokens } = recipe;
  // Only the lengths are theirs: what is in a batch, the model knows.
  const lengths = training.map((example) => ({ source: new Int32Array(model.lengthOf(example)), target: [] }));
  const grid = chooseGrid(lengths, { cells });
  const longest = Math.max(...grid.map(({ sourceLength }) => sourceLength));
  const size = batchTokens === undefined ? { rows: batch ?? 1 } : { tokens: Math.max(batchTokens, longest) };
  const batches = new GridBatches(lengths, { cells: grid, seed, ...size });
  const examplesIn = ({ indices }: { readonly indices: Int32Array }): E[] =>
    Array.from(
      indices.filter((index) => index >= 0),
      (index) => training[index],
    );

  const learner: Omit<
    Learner<ReturnType<typeof batches.epoch> extends Generator<infer B> ? B : never>,
    'unit' | 'validate'
  > = {
    batches,
    inputs(grid) {
      const examples = examplesIn(grid);
      const { rows, sourceLength } = grid;
      return [...model.inputs(examples, rows, sourceLength), targets(model, examples, rows, sourceLength)];
    },
    loss: (...inputs) => labelLoss(model.logits(...inputs.slice(0, -1)), inputs.at(-1)!, smoothing),
    sizeOf: (grid) => examplesIn(grid).reduce((sum, example) => sum + model.lengthOf(example), 0),
  };
  return learner;
}

export const labelLoss = (logits: Tensor, targets: Tensor, smoothing: number): Loss =>
  crossEntropy(logits, targets, { smoothing, ignoreIndex: NONE });

/** (rows, places): the ids of labels, where there are some. */
function targets<E extends Labelled>(model: Labeller<E>, examples: readonly E[], rows: number, length: number): Tensor {
  const places = model.places(length);
  const ids = new Int32Array(rows * places).fill(NONE);
  examples.forEach((example, row) => {
    example.labels.forEach((label, item) => {
      ids[row * places + model.placeOf(example, item)] = model.labels.idOf(label) ?? NONE;
    });
  });
  return tensor(ids, [rows, places]);
}

/**
 * The probabilities of all labels for each item of each example, in their order: items × C numbers. What the signal
 * interrupts gives only the examples so far.
 */
export async function labelProbabilities<E extends Labelled>(
  model: Labeller<E>,
  examples: readonly E[],
  items: (example: E) => number,
  { onProgress, signal }: JudgeOptions = {},
): Promise<Float32Array[]> {
  const probabilitiesOf = compile((...inputs: readonly Tensor[]) => softmax(model.logits(...inputs)), { frozen: true });
  const lengths = examples.map((example) => model.lengthOf(example));
  const order = examples.map((_, i) => i).sort((a, b) => lengths[a] - lengths[b] || a - b);
  const classes = model.labels.size;
  const results: Float32Array[] = [];
  for (let at = 0; at < order.length && !signal?.aborted;) {
    const { count, rows, length } = nextBatch(order.length - at, (i) => lengths[order[at + i]]);
    const batch = order.slice(at, at + count);
    const inputs = model.inputs(
      batch.map((index) => examples[index]),
      rows,
      length,
    );
    const values = await (await probabilitiesOf(...inputs)).data(); // (rows, places, C)
    const places = model.places(length);
    batch.forEach((index, row) => {
      const found = new Float32Array(items(examples[index]) * classes);
      for (let item = 0; item * classes < found.length; item++) {
        const from = (row * places + model.placeOf(examples[index], item)) * classes;
        found.set(values.subarray(from, from + classes) as Float32Array, item * classes);
      }
      results[index] = found;
    });
    at += count;
    onProgress?.(at);
  }
  return results;
}

/** As many of the next examples, the shorter ones first, as go together. */
function nextBatch(left: number, lengthOf: (i: number) => number): { count: number; rows: number; length: number } {
  const padded = (i: number): number => Math.max(LENGTH_STEP, Math.ceil(lengthOf(i) / LENGTH_STEP) * LENGTH_STEP);
  // One row where only one fits: a graph is as long as it has nodes.
  const rowsFor = (length: number): number => Math.max(1, Math.min(ROWS, Math.floor(PLACES / length)));
  let count = 1;
  while (count < left && count + 1 <= rowsFor(padded(count))) count++;
  const length = padded(count - 1);
  return { count, length, rows: left < ROWS && count === left ? count : rowsFor(length) };
}

/** What a model makes of examples whose labels are known, item by item. */
export async function judgeLabels<E extends Labelled>(
  model: Labeller<E>,
  examples: readonly E[],
  options?: JudgeOptions,
): Promise<LabelJudgement[]> {
  const probabilities = await labelProbabilities(model, examples, ({ labels }) => labels.length, options);
  const { labels } = model;
  return examples.flatMap((example, i) => {
    if (probabilities[i] === undefined) return [];
    return example.labels.map((expected, item) => {
      const row = probabilities[i].subarray(item * labels.size, (item + 1) * labels.size);
      const id = labels.idOf(expected);
      const loss = id === undefined ? undefined : -Math.log(Math.max(row[id], Number.MIN_VALUE));
      return { expected, loss, ...likeliest(labels, row) };
    });
  });
}

export interface GivenLabel {
  readonly label: string;
  readonly probability: number;
}

/** The labels that a model gives to the items of each example. */
export async function giveLabels<E extends Labelled>(
  model: Labeller<E>,
  examples: readonly E[],
  items: (example: E) => number,
  options?: JudgeOptions,
): Promise<GivenLabel[][]> {
  const { size } = model.labels;
  const probabilities = await labelProbabilities(model, examples, items, options);
  return probabilities.map((rows) =>
    Array.from({ length: rows.length / size }, (_, i) =>
      likeliest(model.labels, rows.subarray(i * size, (i + 1) * size)),
    ),
  );
}

function likeliest(labels: Symbols, probabilities: Float32Array): GivenLabel {
  let best = 0;
  probabilities.forEach((p, id) => (best = p > probabilities[best] ? id : best));
  return { label: labels.names[best], probability: probabilities[best] };
}
