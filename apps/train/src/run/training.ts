import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import type { WasmBackend } from '@qkv/backend-wasm';
import { removeTemporaries, writeFileDurably } from '@qkv/safetensors/node';
import { fit, type FitResult } from '@qkv/training';
import { FolderCheckpoints, JsonLinesLog, lockFolder, TensorBoardLog } from '@qkv/training/node';

import { describeEngine } from '../engine';
import { Failure, systemReason } from '../failure';
import type { Interruption } from '../interruption';
import type { TrainingRecipe } from '../recipe';
import { out } from '../terminal/colors';
import { formatSeconds } from '../terminal/progress';
import type { Reporter } from '../terminal/reporter';
import { differenceOf, isRun, kindOf, readConfig, runDigest, tokenizerFiles, writeConfig } from './config';
import { drawCurves } from './curves';
import { clearFolder, files, leftoverIn, prepareFolder } from './folder';
import type { Judging, Kind, Learner, RunConfig, RunModel, Task } from './kind';
import { readMetrics, TimedLog } from './metrics';
import { describeScores, metricName, percent } from './scores';
import { createStep, stepsOf } from './step';
import { readSummary, type RunSummary, writeSummary } from './summary';
import { loadWeights, savedModel, saveModel, weightsIn } from './weights';

export interface RunOptions {
  readonly task: Task;
  readonly recipe: TrainingRecipe;
  readonly folder: string;
  /** What to do where the folder holds a run already: `never` is an error, `auto` goes on with it. */
  readonly resume: 'never' | 'auto';
  /** Whether what the folder holds may be replaced. */
  readonly overwrite: boolean;
  readonly backend: Pick<WasmBackend, 'numerics' | 'threads'>;
  readonly reporter: Reporter;
  readonly interruption: Interruption;
}

export interface RunOutcome<M extends RunModel = RunModel> {
  readonly model: M;
  readonly summary: RunSummary;
}

/** Steps between lines of the metrics. */
const LOG_EVERY = 10;

/**
 * Trains, and leaves a folder with config, checkpoints, metrics, log, curves, summary and the best model. Gives undefined
 * if it was interrupted. Doing it again with `resume: 'auto'` goes on where it stopped, and does nothing if it is done.
 */
export async function trainRun(options: RunOptions): Promise<RunOutcome | undefined> {
  const { task, recipe, folder, backend, reporter, interruption } = options;
  const config: RunConfig = { data: task.data, recipe, codecs: task.codecs };
  const kind = kindOf(task.data);
  const model = kind.createModel(config);
  const parameters = model.module.parameterCount();
  const learner = kind.learn(model, task, recipe);
  const { batches } = learner;
  const steps = stepsOf(recipe, batches);
  // A checkpoint has weights, two moments and perhaps an average; one more is written before an old one goes.
  await prepareFolder(folder, 4 * parameters * (recipe.average > 0 ? 4 : 3) * (recipe.keepLast + 2) + 2 ** 20);
  const lock = await lockFolder(folder);
  try {
    const store = await settle(config, steps, options);
    reporter.logTo(join(folder, files.log));
    for (const line of task.description) reporter.say(line);
    reporter.say(
      `${count(parameters)} parameters, ${count(steps)} updates (${count(batches.batchesPerEpoch)} batches an epoch), ${describeEngine(backend)}`,
    );
    reporter.event('begin', {
      folder,
      parameters,
      steps,
      batchesPerEpoch: batches.batchesPerEpoch,
      backend: backend.numerics,
      threads: backend.threads,
    });

    const { result, seconds } = await train(model, learner, steps, store, runDigest(config), kind.judging, options);
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
    const summary = await conclude(kind, model, config, store, result, seconds, options);
    if (interruption.happened) {
      reporter.say('stopped before the model was judged; go on with the same command and --resume auto');
      interruption.end();
      return undefined;
    }
    reporter.event('end', { folder, ...summary });
    return { model, summary };
  } finally {
    await lock.release();
  }
}

/** Makes the folder that of this run, or throws because it is that of another one. Gives its checkpoints. */
async function settle(
  config: RunConfig,
  steps: number,
  { folder, resume, overwrite, reporter }: RunOptions,
): Promise<FolderCheckpoints> {
  const where = resolve(folder);
  if (overwrite && (await isRun(folder))) await clearFolder(folder);
  const before = await readConfig(folder);
  const leftover = before === undefined ? await leftoverIn(folder) : undefined;
  if (leftover !== undefined) {
    throw new Failure(
      `${where} has a ${leftover}, but no run that it belongs to; move it away, or choose another --output`,
    );
  }
  if (before === undefined) await requireOwnTokenizers(folder, config);
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
  const store = await FolderCheckpoints.open(join(folder, files.checkpoints));
  const made = (await store.list()).at(-1) ?? 0;
  if (made > steps) {
    throw new Failure(
      `the run in ${where} has made ${count(made)} updates already; ask for more than that, or for the same`,
    );
  }
  if (JSON.stringify(before) !== JSON.stringify(config)) await writeConfig(folder, config);
  await removeTemporaries(folder);
  if (before !== undefined) reporter.say(out.dim(`going on with the run in ${where}`));
  return store;
}

/** A tokenizer may be there if the run was killed when it began; another one is somebody's. */
async function requireOwnTokenizers(folder: string, { codecs }: RunConfig): Promise<void> {
  for (const [file, text] of tokenizerFiles(codecs)) {
    const there = await readFile(join(folder, file), 'utf8').catch(() => undefined);
    if (there === undefined || there === text) continue;
    throw new Failure(
      `${resolve(folder)} has a ${file}, but no run that it belongs to; move it away, or choose another --output`,
    );
  }
}

async function train(
  { module }: RunModel,
  learner: Learner,
  steps: number,
  store: FolderCheckpoints,
  run: string,
  { metrics: judged }: Judging,
  options: RunOptions,
) {
  const { recipe, folder, reporter, interruption } = options;
  const { update, average } = createStep(module, learner.loss, recipe, steps);
  const metricsPath = join(folder, files.metrics);
  const lines = new JsonLinesLog(metricsPath);
  const metrics = new TimedLog(lines, metricsPath);
  const events = new TensorBoardLog(join(folder, files.events), { now: () => Date.now() / 1000 });

  /** With the weights that are saved as the model. */
  const validate = async (signal?: AbortSignal) => {
    await average?.swap();
    try {
      const { loss, scores } = await learner.validate(signal);
      const named = Object.keys(judged).map((name) => [metricName(name), scores[name]] as const);
      return { loss, ...Object.fromEntries(named) };
    } finally {
      await average?.swap();
    }
  };

  let begun = false;
  try {
    const result = await fit({
      step: (group) => update(group.map((batch) => learner.inputs(batch))),
      batches: learner.batches,
      steps,
      accumulate: recipe.accumulate ?? 1,
      state: { model: module, ...update.state },
      counters: update.counters,
      validation: {
        every: recipe.validateEvery ?? Math.max(1, Math.ceil(steps / 10)),
        run: validate,
        metric: recipe.metric,
        mode: Object.entries(judged).find(([name]) => metricName(name) === recipe.metric)?.[1].better ?? 'min',
        patience: recipe.patience === 0 ? undefined : recipe.patience,
      },
      checkpoints: {
        store,
        every: recipe.checkpointEvery,
        keepLast: recipe.keepLast,
        resume: true, // settle has made sure that they are this run's
        run,
      },
      logs: { metrics, events },
      logEvery: LOG_EVERY,
      signal: interruption.signal,
      onStep({ step }, { loss }, group) {
        if (!begun) reporter.begin(steps, step - 1, learner.unit);
        begun = true;
        const tokens = group.reduce((sum, batch) => sum + learner.sizeOf(batch), 0);
        reporter.step({ step, loss, tokens });
        if (step % LOG_EVERY === 0) reporter.event('step', { step, loss });
      },
      onValidation({ step, best }, scores) {
        reporter.event('validation', { step, ...scores, best: best?.step === step });
        const { loss, ...others } = scores;
        const shown = Object.entries(judged).map(
          ([name, { label }]) => `${label} ${percent(others[metricName(name)])}`,
        );
        reporter.log(
          `validation after ${step} updates: loss ${loss.toFixed(3)}, ${shown.join(', ')}${best?.step === step ? ', the best so far' : ''}`,
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
  kind: Kind,
  model: RunModel,
  config: RunConfig,
  store: FolderCheckpoints,
  { progress, reason }: FitResult,
  trainingSeconds: number,
  { folder, task, backend, reporter, interruption }: RunOptions,
): Promise<RunSummary> {
  const modelStep = progress.best?.step ?? progress.step;
  const saved = await savedModel(folder, config);
  const isSaved = saved?.step === modelStep;
  const weights = isSaved ? saved.tensors : weightsIn((await store.load(modelStep)).tensors);
  await loadWeights(model.module, weights, store.describe(modelStep), join(folder, files.config));
  if (!isSaved) await saveModel(folder, config, { tensors: weights }, modelStep);

  const known = await readSummary(folder);
  const tests = known?.modelStep === modelStep ? known.tests : undefined; // those of another model say nothing
  if (known?.modelStep === modelStep && known.steps === progress.step) {
    reporter.say(describeScores('validation', known.validation, kind.judging));
    return known;
  }
  const judged = await kind.judge(model, kind.validationOf(task), { signal: interruption.signal });
  const validation = kind.score(judged);
  const parameters = model.module.parameterCount();
  const { step: steps } = progress;
  const summary = {
    reason,
    parameters,
    steps,
    modelStep,
    trainingSeconds,
    backend: backend.numerics,
    validation,
    tests,
  };
  if (interruption.happened) return summary; // of no use, and not written
  reporter.say(describeScores('validation', validation, kind.judging));
  const curves = await drawCurves([{ name: folder, records: readMetrics(join(folder, files.metrics)) }]);
  await writeFileDurably(join(folder, files.curves), curves);
  await writeSummary(folder, summary);
  return summary;
}

const count = (n: number): string => n.toLocaleString('en');
