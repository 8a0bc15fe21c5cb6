import { installEngine } from '../engine';
import { describeError } from '../failure';
import { describeScores } from '../run/scores';
import { noteScores, readSummary } from '../run/summary';
import { loadRun } from '../run/weights';
import { withProgress } from '../terminal/progress';
import { type OutputMode, Reporter } from '../terminal/reporter';

export interface EvaluateOptions {
  readonly run: string;
  /** What to judge by; by default, where the kind of task has test data of its own, all of them. */
  readonly test?: string;
  readonly mode: OutputMode;
}

/** `evaluate`: judges a run's model on data that it was not chosen by, and notes the scores in its summary. */
export async function evaluate({ run, test, mode }: EvaluateOptions): Promise<void> {
  const reporter = new Reporter(mode);
  await installEngine();
  const loaded = await loadRun(run);
  const { kind, model } = loaded;
  const { name, examples } = await kind.testExamples(loaded, { test, reporter });
  const judgements = await withProgress('examples', examples.length, mode === 'text', (onProgress) =>
    kind.judge(model, examples, { onProgress }),
  );
  const scores = kind.score(judgements);
  const report = kind.report?.(judgements);
  reporter.say(describeScores(test === undefined ? 'held-out' : 'test', scores, kind.judging));
  if (report !== undefined) reporter.say(`\n${report.text}`);
  reporter.event('test', { name, ...scores, ...report?.fields });
  if ((await readSummary(run)) === undefined) return; // an export, whose run has its own
  await noteScores(run, loaded.step, name, scores).catch((error: unknown) => {
    reporter.notice(`the scores are not noted in ${run}: ${describeError(error)}`);
  });
}
