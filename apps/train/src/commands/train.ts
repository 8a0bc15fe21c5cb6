import { debug } from '@qkv/tensor';

import { installEngine } from '../engine';
import { Interruption } from '../interruption';
import type { Recipe, TrainingRecipe } from '../recipe';
import type { RunModel, Task } from '../run/kind';
import { type RunOutcome, trainRun } from '../run/training';
import { type OutputMode, Reporter } from '../terminal/reporter';

/** Options of every command that trains. */
export interface TrainOptions<R extends TrainingRecipe = Recipe> {
  readonly recipe: R;
  /** Run folder. */
  readonly output: string;
  readonly resume: 'never' | 'auto';
  readonly overwrite: boolean;
  readonly mode: OutputMode;
  /** Look for the first NaN; slow. */
  readonly debug: boolean;
}

/** Trains on a task; `conclude` is for what a command does with the model. */
export async function train<T extends Task, M extends RunModel = RunModel>(
  load: (reporter: Reporter) => T | Promise<T>,
  { output, mode, debug: checked, ...options }: TrainOptions<TrainingRecipe>,
  conclude: (outcome: RunOutcome<M>, task: T, reporter: Reporter, interruption: Interruption) => void | Promise<void>,
): Promise<void> {
  const reporter = new Reporter(mode);
  debug(checked);
  try {
    const task = await load(reporter); // first: bad data need no engine to be found
    const interruption = new Interruption(); // before, there is nothing that Ctrl-C should wait for
    const backend = await installEngine();
    const outcome = await trainRun({ ...options, task, folder: output, backend, reporter, interruption });
    if (outcome !== undefined) await conclude(outcome as RunOutcome<M>, task, reporter, interruption);
  } finally {
    reporter.close();
  }
}
