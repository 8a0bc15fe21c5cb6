import type { Cursor } from '@qkv/data';
import type { Engine } from '@qkv/tensor';

import { type CheckpointStore, type Parts, restoreCheckpoint, takeCheckpoint } from './checkpoint';
import type { MetricsLog } from './metrics';
import { beginning, type Progress, TrainingError } from './progress';
import { isDue, judge, type Validation } from './validation';

/** What an update says of itself: `loss`, and other numbers by name. */
export interface Report {
  readonly loss: number;
  readonly [metric: string]: number;
}

/** Batches in an order that can be entered anywhere, such as `GridBatches`. */
export interface BatchSource<Batch> {
  from(cursor: Cursor): Iterable<Batch> | AsyncIterable<Batch>;
}

export interface FitEvents<Batch> {
  /** After each update. */
  onStep?(progress: Progress, report: Report, batches: readonly Batch[]): void;
  /** After each validation. */
  onValidation?(progress: Progress, metrics: Readonly<Record<string, number>>): void;
  onCheckpoint?(step: number): void;
  /** Something that a person should know, such as resuming under another arithmetic. */
  onNotice?(text: string): void;
}

export interface FitOptions<Batch extends { readonly next: Cursor }> extends FitEvents<Batch> {
  /** Makes one update of the weights from these micro-batches: see `trainingStep`. */
  readonly step: (batches: readonly Batch[]) => Promise<Report>;
  readonly batches: BatchSource<Batch>;
  /** Updates in the whole run, those before a resume included. */
  readonly steps: number;
  /** Micro-batches an update; 1 by default. */
  readonly accumulate?: number;
  /** Everything that the next update depends on, by name: `{ model, ...step.state }`. */
  readonly state: Parts;
  /** Counters of compiled functions, by name: `step.counters`. */
  readonly counters?: Readonly<Record<string, { step: number }>>;
  readonly validation?: Validation;
  readonly checkpoints?: {
    readonly store: CheckpointStore;
    /** Steps between checkpoints; one more is made at each best validation and at the end. */
    readonly every: number;
    /** How many of the last are kept, beside the best one; 2 by default, as a disk may damage one. */
    readonly keepLast?: number;
    /** Whether to go on from the last checkpoint, if there is one. */
    readonly resume: boolean;
    /** Names the run, such as by a digest of its settings: checkpoints of another one are refused. */
    readonly run?: string;
  };
  /** Where metrics are written, by name: the names are kept in checkpoints. */
  readonly logs?: Readonly<Record<string, MetricsLog>>;
  /** Steps between lines of the metrics; 1 by default. */
  readonly logEvery?: number;
  /** Asks for an end: the update that runs is finished, a checkpoint is made. */
  readonly signal?: AbortSignal;
  readonly engine?: Engine;
}

export interface FitResult {
  readonly reason: 'finished' | 'stopped-early' | 'interrupted';
  readonly progress: Progress;
}

/**
 * Trains until all steps are made, validations stop improving, or somebody asks for an end. It is given a step and knows
 * no model.
 *
 * A run that was killed at any moment and goes on from its last checkpoint ends with the same bits as one that was not:
 * the checkpoint has all Variables, the place in the data, the counters of random numbers, what early stopping knows, and
 * the lengths of the logs. A run that is finished already is left as it is; with more steps it goes on.
 *
 * @throws TrainingError if the loss is not finite; RangeError for bad options.
 */
export async function fit<Batch extends { readonly next: Cursor }>(options: FitOptions<Batch>): Promise<FitResult> {
  checkOptions(options);
  const { steps, accumulate = 1, signal, validation, engine, onNotice } = options;
  const parts = options.state;
  const counters = options.counters ?? {};
  const logs = Object.entries(options.logs ?? {});
  const { checkpoints } = options;
  let progress = beginning;
  let saved: Progress | undefined;

  const synchroniseLogs = async (): Promise<Record<string, number>> =>
    Object.fromEntries(await Promise.all(logs.map(async ([name, log]) => [name, await log.sync()] as const)));

  const save = async (): Promise<void> => {
    const counts = Object.fromEntries(Object.entries(counters).map(([name, counter]) => [name, counter.step]));
    progress = { ...progress, counters: counts, logs: await synchroniseLogs() };
    if (checkpoints === undefined) return;
    const { store, keepLast = 2 } = checkpoints;
    await store.save(progress.step, await takeCheckpoint(parts, progress, { run: checkpoints.run, engine }));
    saved = progress;
    options.onCheckpoint?.(progress.step);
    // What lies ahead was damaged, and passed over.
    const behind = (await store.list()).filter((step) => step <= progress.step);
    const kept = new Set([...behind.slice(-keepLast), progress.best?.step]);
    for (const step of await store.list()) if (!kept.has(step)) await store.remove(step);
  };

  /** Goes back to the last checkpoint that can be read. */
  const resume = async (): Promise<void> => {
    if (checkpoints === undefined || !checkpoints.resume) return;
    const { store, run } = checkpoints;
    const steps = (await store.list()).toReversed();
    for (const [i, step] of steps.entries()) {
      let file;
      try {
        file = await store.load(step);
      } catch (error) {
        // Nothing is trained anew, and no log cut, because of what may be readable tomorrow.
        if (!isDamage(error) || i === steps.length - 1) throw error;
        onNotice?.(`${(error as Error).message}; going on from the checkpoint before it`);
        continue;
      }
      const restored = await restoreCheckpoint(file, parts, store.describe(step), { run, engine });
      if (restored.notice !== undefined) onNotice?.(restored.notice);
      progress = saved = restored.progress;
      for (const [name, counter] of Object.entries(counters)) counter.step = progress.counters[name] ?? 0;
      return;
    }
  };

  const log = (record: Readonly<Record<string, number>>): void => {
    for (const [, target] of logs) target.write({ step: progress.step, ...record });
  };

  const validate = async (): Promise<void> => {
    const metrics = await validation!.run(signal);
    if (signal?.aborted) return; // what was interrupted counts nothing, and is done again on resuming
    const before = progress.best;
    progress = judge(validation!, progress, metrics);
    log(prefixed('validation', metrics));
    options.onValidation?.(progress, metrics);
    if (progress.best !== before) await save();
  };

  await resume();
  for (const [name, target] of logs) await target.truncate(progress.logs[name] ?? 0);
  // One that has stopped early goes on if it is given more patience.
  progress = {
    ...progress,
    stoppedEarly: progress.stoppedEarly && progress.stale >= (validation?.patience ?? Infinity),
  };

  let reason: FitResult['reason'] = 'interrupted';
  let batches: AsyncIterator<Batch> | Iterator<Batch> | undefined;
  while (!signal?.aborted) {
    const { step } = progress;
    if (progress.stoppedEarly) {
      reason = 'stopped-early';
      break;
    }
    if (validation !== undefined && progress.validated < step && isDue(validation, step, steps)) {
      await validate();
      continue;
    }
    if (step >= steps) {
      reason = 'finished';
      break;
    }
    if (checkpoints !== undefined && step > 0 && step % checkpoints.every === 0 && saved?.step !== step) await save();

    batches ??= iterate(options.batches.from(progress.cursor));
    const group: Batch[] = [];
    while (group.length < accumulate) {
      const { done, value } = await batches.next();
      if (done)
        throw new TrainingError(`fit: the batches ended after ${step} of ${steps} steps; they must go on without end`);
      group.push(value);
    }
    const report = await options.step(group);
    progress = { ...progress, step: step + 1, cursor: group.at(-1)!.next };
    for (const name of ['loss', 'gradientNorm']) {
      if (Number.isFinite(report[name] ?? 0)) continue;
      throw new TrainingError(
        `the ${name === 'loss' ? name : 'norm of the gradients'} is ${report[name]} at step ${progress.step}`,
      );
    }
    if (progress.step % (options.logEvery ?? 1) === 0) log({ epoch: progress.cursor.epoch, ...report });
    options.onStep?.(progress, report, group);
  }
  await (batches as AsyncIterator<Batch> | undefined)?.return?.();
  const isSaved = saved !== undefined && saved.step === progress.step && saved.validated === progress.validated;
  if (progress.step > 0 && !isSaved) await save();

  return { reason, progress };
}

/** Whether a file is there and can be read, and is not what it should be. */
const isDamage = (error: unknown): boolean => {
  const { name, code } = error as { name?: unknown; code?: unknown };
  return name === 'SafetensorsError' && code !== 'unreadable' && code !== 'not-found';
};

const iterate = <T>(source: Iterable<T> | AsyncIterable<T>): Iterator<T> | AsyncIterator<T> =>
  Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();

const prefixed = (prefix: string, metrics: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`${prefix}/${name}`, value]));

function checkOptions({
  steps,
  accumulate,
  logEvery,
  validation,
  checkpoints,
}: Omit<FitOptions<never>, keyof FitEvents<never> | 'step' | 'batches'>): void {
  const counts: readonly (readonly [string, number | undefined])[] = [
    ['steps', steps],
    ['accumulate', accumulate],
    ['logEvery', logEvery],
    ['validation.every', validation?.every],
    ['checkpoints.every', checkpoints?.every],
    ['checkpoints.keepLast', checkpoints?.keepLast],
  ];
  for (const [name, value] of counts) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) continue;
    throw new RangeError(`fit: ${name} is ${value}, expected a whole number of at least 1`);
  }
}
