import type { Cursor } from '@qkv/data';
import type { Loss, Module } from '@qkv/nn';
import type { BleuTokenizer } from '@qkv/seq2seq';
import type { Tensor } from '@qkv/tensor';
import type { z } from 'zod';

import type { CodecSpec } from '../data/codec-option';
import type { Codec } from '../model/codec';
import type { Settings, TrainingRecipe } from '../recipe';
import type { Reporter } from '../terminal/reporter';

/** What decides a run. Written when it begins. */
export interface RunConfig {
  /** Which kind of task it is, and where its data come from. */
  readonly data: { readonly task: string };
  readonly recipe: TrainingRecipe;
  /** What ids mean, by name. */
  readonly codecs: Readonly<Record<string, Codec>>;
}

/** What a kind of task makes of a config. */
export interface RunModel {
  /** All that is trained and saved. */
  readonly module: Module;
}

/** What a run is given to learn from; what else there is, the kind of task knows. */
export interface Task {
  readonly data: RunConfig['data'];
  readonly codecs: RunConfig['codecs'];
  /** What the data are, a line each. */
  readonly description: readonly string[];
}

/** How well a model did: numbers from 0 to 1 by name, beside the number of examples. */
export interface Scores {
  readonly examples: number;
  readonly [metric: string]: number;
}

export interface Metric {
  /** How people call it. */
  readonly label: string;
  /** Where there is little room; the label by default. */
  readonly short?: string;
  /** Whether less of it is better, or more. */
  readonly better: 'min' | 'max';
}

/** What scores of a kind of task are called. The names of metrics are those of {@link Scores}; the first leads. */
export interface Judging {
  /** `words` */
  readonly examples: string;
  readonly metrics: Readonly<Record<string, Metric>>;
}

/** Training data in batches that never end, and what a batch is to the model. */
export interface Learner<Batch extends { readonly next: Cursor } = { readonly next: Cursor }> {
  readonly batches: {
    readonly batchesPerEpoch: number;
    from(cursor: Cursor): Iterable<Batch>;
  };
  inputs(batch: Batch): readonly Tensor[];
  /** Before its division, from what `inputs` gives. While training, with whatever regularisation there is. */
  loss(...inputs: readonly Tensor[]): Loss;
  /** How much a batch holds, padding not counted, and what of. */
  sizeOf(batch: Batch): number;
  readonly unit: string;
  /** Judges the weights as they are by the validation data. */
  validate(signal?: AbortSignal): Promise<{ readonly loss: number; readonly scores: Scores }>;
}

/** A run and its model. */
export interface LoadedRun<C extends RunConfig = RunConfig, M extends RunModel = RunModel> {
  readonly folder: string;
  readonly kind: Kind;
  readonly config: C;
  readonly model: M;
  /** Updates that the weights have had. */
  readonly step: number;
}

/** How targets are searched for, where a kind of task writes some. */
export interface Decoding {
  /** Sequences that are followed at a time; 1 is greedy decoding. */
  readonly beams: number;
  /** α of the beam's length penalty ((5 + n)/6)^α. */
  readonly lengthPenalty?: number;
}

export interface JudgeOptions {
  /** Greedy by default. */
  readonly decoding?: Decoding;
  readonly onProgress?: (done: number) => void;
  /** What it interrupts gives only the results so far. */
  readonly signal?: AbortSignal;
}

export interface TestOptions {
  /** What the user has named to judge by; without it, what the kind has of its own. */
  readonly test?: string;
  readonly reporter: Reporter;
}

export interface PredictOptions {
  /** Greedy by default. */
  readonly decoding?: Decoding;
  /** Give so many targets of each source, best first, with their scores. */
  readonly nBest?: number;
  /** Show how each target was written, step by step, with so many tokens that might have followed. */
  readonly steps?: number;
  /** Standard input by default. */
  readonly input?: string;
  /** Where there are several ways to write the result: an item on each line. */
  readonly columns?: boolean;
  /** Whether somebody may look at a bar meanwhile. */
  readonly isWatched: boolean;
}

export interface ReportOptions {
  /** What makes words of texts for BLEU; by default what suits the run's targets, if anything does. */
  readonly bleu?: BleuTokenizer;
}

/** What is told beside the scores. */
export interface Report {
  /** For people. */
  readonly text: string;
  /** For programs. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Noted with the scores. */
  readonly noted?: Readonly<Record<string, number>>;
}

/**
 * A kind of task: everything that runs need to know of it. Commands, config files, checkpoints, curves and summaries are
 * the same for all kinds; `C` is what its configs hold, `M` its model, `T` its data, `E` an example to judge by, and `J`
 * what the model makes of one.
 */
export interface Kind<
  C extends RunConfig = RunConfig,
  M extends RunModel = RunModel,
  T extends Task = Task,
  E = unknown,
  J = unknown,
> {
  /** `data.task` of its configs. */
  readonly name: C['data']['task'];
  readonly settings: Settings<C['recipe']>;
  /** Whether it writes texts, which are searched for. */
  readonly decodes: boolean;
  /** Of the field `data` in its configs. */
  readonly dataSchema: z.ZodType<C['data']>;
  readonly judging: Judging;
  /** Which codecs its configs hold. */
  codecNames(data: C['data']): readonly string[];
  /** What makes tokens of each text, by the name of the codec; empty where nothing can be chosen. */
  specsOf(data: C['data']): Readonly<Record<string, CodecSpec>>;
  /** What the data are, wherever their files may be: `JSON.stringify` of it names them. */
  contentOf(data: C['data']): unknown;
  /** With the first weights of the recipe's seed. */
  createModel(config: C): M;
  /** The data of a run, once more. @throws Failure if they are not there, or not those of the run. */
  loadTask(config: C): Promise<T>;
  /** @throws Failure if data, model and recipe do not go together. */
  learn(model: M, task: T, recipe: C['recipe']): Learner;
  validationOf(task: T): readonly E[];
  /** @throws Failure if what is named cannot be used. */
  testExamples(
    run: LoadedRun<C, M>,
    options: TestOptions,
  ): Promise<{ readonly name: string; readonly examples: readonly E[] }>;
  judge(model: M, examples: readonly E[], options?: JudgeOptions): Promise<readonly J[]>;
  score(judgements: readonly J[]): Scores;
  /** Tables and further scores; undefined if there are none. */
  report?(run: LoadedRun<C, M>, judgements: readonly J[], options?: ReportOptions): Report | undefined;
  /** What the model makes of the user's input, as text, and what it has been made of (`3 lines`). */
  predict(run: LoadedRun<C, M>, options: PredictOptions): Promise<{ readonly text: string; readonly what: string }>;
}
