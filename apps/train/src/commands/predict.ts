import { installEngine } from '../engine';
import type { Decoding } from '../run/kind';
import { writeOutput } from '../output';
import { loadRun } from '../run/weights';
import { requireDecoding } from './evaluate';

export interface PredictCommandOptions {
  readonly run: string;
  /** What the model is asked; standard input by default. */
  readonly input?: string;
  /** Standard output by default. */
  readonly output?: string;
  /** Tags: an item on each line. */
  readonly columns?: boolean;
  /** How targets are searched for; greedily by default. */
  readonly decoding?: Decoding;
  /** So many targets of each source, with their scores. */
  readonly nBest?: number;
  /** Each step of the decoder, with so many tokens that might have followed. */
  readonly steps?: number;
}

/** `predict`: what the model makes of the user's input. */
export async function predict({ run, output, ...options }: PredictCommandOptions): Promise<void> {
  await installEngine();
  const loaded = await loadRun(run);
  requireDecoding(loaded, { '--beam': options.decoding, '--n-best': options.nBest, '--steps': options.steps });
  const { text, what } = await loaded.kind.predict(loaded, { ...options, isWatched: output !== undefined });
  if (output === undefined) {
    process.stdout.write(text);
    return;
  }
  await writeOutput(output, text);
  console.log(`${what} in ${output}`);
}
