import { join, resolve } from 'node:path';

import type { GridBatch } from '@qkv/data';
import type { Backend } from '@qkv/tensor';
import { fit, type FitResult } from '@qkv/training';
import {
  FolderCheckpoints,
  JsonLinesLog,
  lockFolder,
  removeTemporaries,
  TensorBoardLog,
  writeFileDurably,
} from '@qkv/training/node';

import { scoreNames, type Task } from '../data/task';
import { Failure, systemReason } from '../failure';
import type { Interruption } from '../interruption';
import { judge, score, type Scores } from '../model/evaluation';
import { createModel, type TextModel } from '../model/model';
import { Translator } from '../model/translator';
import type { Recipe } from '../recipe';
import { out } from '../terminal/colors';
import { formatSeconds } from '../terminal/progress';
import type { Reporter } from '../terminal/reporter';
import { differenceOf, readConfig, readJson, type RunConfig, writeConfig } from './config';
import { writeCurves } from './curves';
import { clearFolder, files, prepareFolder } from './folder';
import { readMetrics, TimedLog } from './metrics';
import { batchesOf, createStep, lossMeter, stepsOf, tensorsOf } from './step';
import { loadWeights, savedStep, saveModel, weightsIn } from './weights';

export interface RunOptions {
  readonly task: Task;
  readonly recipe: Recipe;
  readonly folder: string;
  /** What to do where the folder holds a run already: `never` is an error, `auto` goes on with it. */
  readonly resume: 'never' | 'auto';
  /** Whether what the folder holds may be replaced. */
  readonly overwrite: boolean;
  readonly backend: Backend;
  readonly reporter: Reporter;
  readonly interruption: Interruption;
}

/** What `summary.json` tells of a run that has ended. */
export interface RunSummary {
  readonly reason: FitResult['reason'];
  readonly parameters: number;
  /** Updates made, and those that the saved model has had. */
  readonly steps: number;
  readonly modelStep: number;
  readonly trainingSeconds: number;
  readonly backend: string;
  readonly validation: Scores;
  /** Scores on other data, by what they are: see the command `evaluate`. */
  readonly tests?: Readonly<Record<string, Scores>>;
}

export interface RunOutcome {
  readonly model: TextModel;
  readonly summary: RunSummary;
}

/** Pairs decoded at a time. */
export const ROWS = 200;
/** Steps between lines of the metrics. */
const LOG_EVERY = 10;

/**
 * Trains, and leaves a folder with config, checkpoints, metrics, log, curves, summary and the best model. Gives undefined
 * if it was interrupted. Doing it again with `resume: 'auto'` goes on where it stopped, and does nothing if it is done.
 */
export async function trainRun(options: RunOptions): Promise<RunOutcome | undefined> {
  const { task, recipe, folder, backend, reporter, interruption } = options;
  const config: RunConfig = { data: task.data, recipe, vocabularies: task.vocabularies };
  const model = createModel(task.vocabularies, recipe, recipe.seed);
  const parameters = model.transformer.parameterCount();
  // A checkpoint has weights, two moments and perhaps an average; one more is written before an old one goes.
  await prepareFolder(folder, 4 * parameters * (recipe.average > 0 ? 4 : 3) * (recipe.keepLast + 2) + 2 ** 20);
  const lock = await lockFolder(folder);
  try {
    await removeTemporaries(folder);
    await settle(config, options);
    reporter.logTo(join(folder, files.log));
    const batches = batchesOf(task.training, recipe);
    const steps = stepsOf(recipe, batches);
    for (const line of task.description) reporter.say(line);
    reporter.say(
      `${count(parameters)} parameters, ${count(steps)} updates (${count(batches.batchesPerEpoch)} batches an epoch), one thread of WebAssembly (${backend.numerics})`,
    );
    reporter.event('begin', {
      folder,
      parameters,
      steps,
      batchesPerEpoch: batches.batchesPerEpoch,
      backend: backend.numerics,
    });

    const { result, seconds } = await train(model, steps, batches, options);
    if (result.reason === 'interrupted') {
      reporter.event('interrupted', { step: result.progress.step });
      reporter.say(
        `\nstopped after ${count(result.progress.step)} of ${count(steps)} updates; go on with the same command and --resume auto`,
      );
      interruption.end();
      return undefined;
    }
    const early =
      result.reason === 'stopped-early' ? `, stopped early after ${count(result.progress.step)} updates` : '';
    reporter.say(`\ntrained for ${formatSeconds(seconds)}${early}`);
    const summary = await conclude(model, config, result, seconds, options);
    reporter.event('end', { folder, ...summary });
    return { model, summary };
  } finally {
    await lock.release();
  }
}

/** Makes the folder that of this run, or throws because it is that of another one. */
async function settle(config: RunConfig, { folder, resume, overwrite, reporter }: RunOptions): Promise<void> {
  const where = resolve(folder);
  if (overwrite) await clearFolder(folder);
  const before = await readConfig(folder);
  if (before !== undefined && resume === 'never') {
    throw new Failure(
      `there is a run in ${where}; go on with --resume auto, replace it with --overwrite, or choose another --output`,
    );
  }
  const difference = before && differenceOf(before, config);
  if (difference !== undefined) {
    throw new Failure(
      `the run in ${where} cannot go on: ${difference}; choose another --output, or replace it with --overwrite`,
    );
  }
  if (JSON.stringify(before) !== JSON.stringify(config)) await writeConfig(folder, config);
  if (before !== undefined) reporter.say(out.dim(`going on with the run in ${where}`));
}

async function train(model: TextModel, steps: number, batches: ReturnType<typeof batchesOf>, options: RunOptions) {
  const { task, recipe, folder, reporter, interruption } = options;
  const { update, average } = createStep(model, recipe, steps);
  const meter = lossMeter(model, task.validationPairs, recipe);
  const translator = new Translator(model, Math.min(ROWS, task.validation.length));
  const names = scoreNames[task.data.task];
  const metricsPath = join(folder, files.metrics);
  const lines = new JsonLinesLog(metricsPath);
  const metrics = new TimedLog(lines, metricsPath);
  const events = new TensorBoardLog(join(folder, files.events), { now: () => Date.now() / 1000 });

  /** With the weights that are saved as the model. */
  const validate = async (signal?: AbortSignal) => {
    await average?.swap();
    try {
      const loss = await meter(signal);
      const { tokenErrorRate, sequenceErrorRate } = score(await judge(translator, task.validation, { signal }));
      return { loss, 'token-error-rate': tokenErrorRate, 'sequence-error-rate': sequenceErrorRate };
    } finally {
      translator.release();
      await average?.swap();
    }
  };

  let begun = false;
  try {
    const result = await fit({
      step: (group: readonly GridBatch[]) => update(group.map(tensorsOf)),
      batches,
      steps,
      accumulate: recipe.accumulate,
      state: { model: model.transformer, ...update.state },
      counters: update.counters,
      validation: {
        every: recipe.validateEvery ?? Math.max(1, Math.ceil(steps / 10)),
        run: validate,
        metric: recipe.metric,
        patience: recipe.patience === 0 ? undefined : recipe.patience,
      },
      checkpoints: {
        store: await FolderCheckpoints.open(join(folder, files.checkpoints)),
        every: recipe.checkpointEvery,
        keepLast: recipe.keepLast,
        resume: true,
      },
      logs: { metrics, events },
      logEvery: LOG_EVERY,
      signal: interruption.signal,
      onStep({ step }, { loss }, group) {
        if (!begun) reporter.begin(steps, step - 1);
        begun = true;
        const tokens = group.reduce((sum, { source, target }) => sum + countTokens(source) + countTokens(target), 0);
        reporter.step({ step, loss, tokens });
        if (step % LOG_EVERY === 0) reporter.event('step', { step, loss });
      },
      onValidation({ step, best }, scores) {
        reporter.event('validation', { step, ...scores, best: best?.step === step });
        reporter.log(
          `validation after ${step} updates: loss ${scores.loss.toFixed(3)}, ${names.tokenErrorRate} ${percent(scores['token-error-rate'])}, ` +
            `${names.sequenceErrorRate} ${percent(scores['sequence-error-rate'])}${best?.step === step ? ', the best so far' : ''}`,
        );
      },
      onCheckpoint: (step) => reporter.event('checkpoint', { step }),
      onNotice: (text) => reporter.notice(text),
    });
    return { result, seconds: metrics.seconds };
  } catch (error) {
    throw explain(error, folder);
  } finally {
    reporter.end();
    lines.close();
    events.close();
  }
}

/** What a user can do about an error of the loop. */
function explain(error: unknown, folder: string): unknown {
  if (!(error instanceof Error)) return error;
  if (error.name === 'TrainingError') {
    return new Failure(`${error.message}; lower --learning-rate, or look for the operation with --debug`, {
      cause: error,
    });
  }
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== undefined && code !== undefined) {
    const reason = `cannot write to ${resolve(folder)}: ${systemReason(error)}`;
    return new Failure(`${reason}; the checkpoints so far are whole: mend it and go on with --resume auto`, {
      cause: error,
    });
  }
  return error;
}

/** Makes the model of the best checkpoint, judges it, and draws the curves. */
async function conclude(
  model: TextModel,
  config: RunConfig,
  { progress, reason }: FitResult,
  trainingSeconds: number,
  { folder, task, backend, reporter }: RunOptions,
): Promise<RunSummary> {
  const modelStep = progress.best?.step ?? progress.step;
  const known = await readSummary(folder);
  const isSaved = (await savedStep(folder, config)) === modelStep;
  const store = await FolderCheckpoints.open(join(folder, files.checkpoints));
  const weights = weightsIn((await store.load(modelStep)).tensors);
  await loadWeights(model, weights, store.describe(modelStep), join(folder, files.config));
  if (isSaved && known?.modelStep === modelStep && known.steps === progress.step) {
    reporter.say(describeScores('validation', known.validation, task.data.task));
    return known;
  }
  if (!isSaved) await saveModel(folder, config, { tensors: weights }, modelStep);

  const translator = new Translator(model, Math.min(ROWS, task.validation.length));
  const validation = score(await judge(translator, task.validation));
  translator.release();
  reporter.say(describeScores('validation', validation, task.data.task));
  await writeCurves(join(folder, files.curves), [{ name: folder, records: readMetrics(join(folder, files.metrics)) }]);
  const parameters = model.transformer.parameterCount();
  const { step: steps } = progress;
  const summary = { reason, parameters, steps, modelStep, trainingSeconds, backend: backend.numerics, validation };
  await writeSummary(folder, summary);
  return summary;
}

/** The summary of a run that has ended, if there is one. */
export async function readSummary(folder: string): Promise<RunSummary | undefined> {
  return (await readJson(join(folder, files.summary)).catch(() => undefined)) as RunSummary | undefined;
}

export async function writeSummary(folder: string, summary: RunSummary): Promise<void> {
  await writeFileDurably(join(folder, files.summary), `${JSON.stringify(summary, null, 2)}\n`);
}

/** `1,000 validation words: PER 11.4 %, WER 42.8 %` */
export function describeScores(what: string, scores: Scores, task: keyof typeof scoreNames): string {
  const { examples, tokenErrorRate, sequenceErrorRate } = scoreNames[task];
  return (
    `${count(scores.examples)} ${what} ${examples}: ${tokenErrorRate} ${out.bold(percent(scores.tokenErrorRate))}, ` +
    `${sequenceErrorRate} ${out.bold(percent(scores.sequenceErrorRate))}`
  );
}

const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
const count = (n: number): string => n.toLocaleString('en');
const countTokens = (ids: Int32Array): number => ids.reduce((sum, id) => sum + (id === 0 ? 0 : 1), 0);
