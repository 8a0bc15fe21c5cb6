import { loadDictionary, loadHeldOutWords, splitDictionary } from '../data/cmudict';
import { examplesOf } from '../data/g2p-task';
import { examplesOfPairs, readPairsFile } from '../data/pairs-file';
import { installEngine } from '../engine';
import { describeError, Failure } from '../failure';
import { countUnknown, type Example, judge, requireFitting, score } from '../model/evaluation';
import { Translator } from '../model/translator';
import { noteScores, readSummary } from '../run/summary';
import { describeScores, ROWS } from '../run/training';
import { type LoadedRun, loadRun } from '../run/weights';
import { withProgress } from '../terminal/progress';
import { type OutputMode, Reporter } from '../terminal/reporter';

export interface EvaluateOptions {
  readonly run: string;
  /** Pairs to judge by; by default, for pronunciation, all held-out words. */
  readonly test?: string;
  readonly mode: OutputMode;
}

/** `evaluate`: judges a run's model on data that it was not chosen by, and notes the scores in its summary. */
export async function evaluate({ run, test, mode }: EvaluateOptions): Promise<void> {
  const reporter = new Reporter(mode);
  await installEngine();
  const loaded = await loadRun(run);
  const { name, examples } = await loadExamples(loaded, test);
  const { model, config } = loaded;
  requireFitting(model, examples, name);
  const unknown = countUnknown(
    model,
    examples.map(({ source }) => source),
  );
  if (unknown > 0) reporter.notice(`${unknown} of ${examples.length} sources have tokens that training did not see`);
  const translator = new Translator(model, Math.min(ROWS, examples.length));
  const judgements = await withProgress('examples', examples.length, mode === 'text', (onProgress) =>
    judge(translator, examples, { onProgress }),
  );
  const scores = score(judgements);
  reporter.say(describeScores(test === undefined ? 'held-out' : 'test', scores, config.data.task));
  reporter.event('test', { name, ...scores });
  if ((await readSummary(run)) === undefined) return; // an export, whose run has its own
  await noteScores(run, loaded.step, name, scores).catch((error: unknown) => {
    reporter.notice(`the scores are not noted in ${run}: ${describeError(error)}`);
  });
}

async function loadExamples(
  { config, model }: LoadedRun,
  test?: string,
): Promise<{ name: string; examples: Example[] }> {
  if (test !== undefined) {
    const { pairs } = await readPairsFile(test);
    return { name: test, examples: examplesOfPairs(pairs, model.codecs.target, config.data.task) };
  }
  if (config.data.task !== 'g2p') throw new Failure('name the pairs to judge by: --test pairs.tsv');
  const dictionary = loadDictionary();
  const { heldOut } = splitDictionary(dictionary, loadHeldOutWords());
  return { name: 'all held-out words', examples: examplesOf(heldOut, dictionary) };
}
