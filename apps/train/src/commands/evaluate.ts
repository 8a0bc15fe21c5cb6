import { readFile, stat } from 'node:fs/promises';

import type { BleuTokenizer } from '@qkv/seq2seq';

import { dataFileSchema, digestOf } from '../data/data-file';
import { installEngine } from '../engine';
import { describeError, Failure } from '../failure';
import type { Decoding, LoadedRun } from '../run/kind';
import { describeScores } from '../run/scores';
import { noteScores, readSummary } from '../run/summary';
import { loadRun } from '../run/weights';
import { withProgress } from '../terminal/progress';
import { type OutputMode, Reporter } from '../terminal/reporter';

export interface EvaluateOptions {
  readonly run: string;
  /** What to judge by; by default, where the kind of task has test data of its own, all of them. */
  readonly test?: string;
  /** How targets are searched for; greedily by default. */
  readonly decoding?: Decoding;
  /** What makes words of texts for BLEU. */
  readonly bleu?: BleuTokenizer;
  readonly mode: OutputMode;
}

/** `evaluate`: judges a run's model on data that it was not chosen by, and notes the scores in its summary. */
export async function evaluate({ run, test, decoding, bleu, mode }: EvaluateOptions): Promise<void> {
  const reporter = new Reporter(mode);
  await installEngine();
  const loaded = await loadRun(run);
  const { kind, model } = loaded;
  requireDecoding(loaded, { '--beam': decoding, '--bleu': bleu });
  const { name, examples } = await kind.testExamples(loaded, { test, reporter });
  const use = test === undefined ? undefined : await useOf(test, loaded.config.data);
  if (use !== undefined) {
    reporter.notice(`${test} is what the run was ${use}: how well it does on other data, this does not say`);
  }
  const judgements = await withProgress('examples', examples.length, mode === 'text', (onProgress) =>
    kind.judge(model, examples, { decoding, onProgress }),
  );
  const scores = kind.score(judgements);
  const report = kind.report?.(loaded, judgements, { bleu });
  reporter.say(describeScores(test === undefined ? 'held-out' : 'test', scores, kind.judging));
  if (report !== undefined) reporter.say(`\n${report.text}`);
  reporter.event('test', { name, ...(decoding && { decoding }), ...scores, ...report?.fields });
  if ((await readSummary(run)) === undefined) return; // an export, whose run has its own
  const searched = decoding === undefined ? name : `${name}, ${decoding.beams} beams`;
  await noteScores(run, loaded.step, searched, { ...scores, ...report?.noted }).catch((error: unknown) => {
    reporter.notice(`the scores are not noted in ${run}: ${describeError(error)}`);
  });
}

/** What a run has used a file for; undefined if it has not. */
async function useOf(path: string, data: object): Promise<string | undefined> {
  if (!(await stat(path)).isFile()) return undefined; // a folder has no digest, and a pipe is read once
  const bytes = await readFile(path);
  const isFileOf = (part: unknown): boolean => {
    const file = dataFileSchema.safeParse(part);
    return file.success && file.data.digest === digestOf(bytes);
  };
  const { train, valid } = data as { readonly train?: unknown; readonly valid?: unknown };
  return isFileOf(train) ? 'trained on' : isFileOf(valid) ? 'chosen by' : undefined;
}

/** @throws Failure if something was asked for that only kinds of tasks which write texts have. */
export function requireDecoding({ kind, folder }: LoadedRun, asked: Readonly<Record<string, unknown>>): void {
  const option = Object.keys(asked).find((name) => asked[name] !== undefined);
  if (option === undefined || kind.decodes) return;
  throw new Failure(`the run in ${folder} is one of ${kind.name}, which writes no texts; leave ${option} out`);
}
