import { debug } from '@qkv/tensor';

import type { Task } from '../data/task';
import { installEngine } from '../engine';
import { Interruption } from '../interruption';
import type { Recipe } from '../recipe';
import { type RunOutcome, trainRun } from '../run/training';
import { type OutputMode, Reporter } from '../terminal/reporter';

/** Options of every command that trains. */
export interface TrainOptions {
  readonly recipe: Recipe;
  /** Run folder. */
  readonly output: string;
  readonly resume: 'never' | 'auto';
  readonly overwrite: boolean;
  readonly mode: OutputMode;
  /** Look for the first NaN; slow. */
  readonly debug: boolean;
}

/** Trains on a task; `conclude` is for what a command does with the model. */
export async function train<T extends Task>(
  load: (reporter: Reporter) => T | Promise<T>,
  { output, mode, debug: checked, ...options }: TrainOptions,
  conclude: (outcome: RunOutcome, task: T, reporter: Reporter, interruption: Interruption) => void | Promise<void>,
): Promise<void> {
  const reporter = new Reporter(mode);
  debug(checked);
  try {
    const task = await load(reporter); // first: bad data need no engine to be found
    const interruption = new Interruption(); // before, there is nothing that Ctrl-C should wait for
    const backend = await installEngine();
    const outcome = await trainRun({ ...options, task, folder: output, backend, reporter, interruption });
    if (outcome !== undefined) await conclude(outcome, task, reporter, interruption);
  } finally {
    reporter.close();
  }
}
