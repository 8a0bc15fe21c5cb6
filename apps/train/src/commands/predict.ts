import { installEngine } from '../engine';
import { writeOutput } from '../output';
import { loadRun } from '../run/weights';

export interface PredictCommandOptions {
  readonly run: string;
  /** What the model is asked; standard input by default. */
  readonly input?: string;
  /** Standard output by default. */
  readonly output?: string;
  /** Tags: an item on each line. */
  readonly columns?: boolean;
}

/** `predict`: what the model makes of the user's input. */
export async function predict({ run, input, output, columns }: PredictCommandOptions): Promise<void> {
  await installEngine();
  const loaded = await loadRun(run);
  const { text, what } = await loaded.kind.predict(loaded, { input, columns, isWatched: output !== undefined });
  if (output === undefined) {
    process.stdout.write(text);
    return;
  }
  await writeOutput(output, text);
  console.log(`${what} in ${output}`);
}
