import { useWasm } from '@qkv/backend-wasm';

import { loadDictionary, loadHeldOutWords, splitDictionary } from '../data/cmudict';
import { examplesOf } from '../data/g2p-task';
import { examplesOfPairs, readPairsFile } from '../data/pairs-file';
import { Failure } from '../failure';
import { countUnknown, type Example, encodeSource, judge, score } from '../model/evaluation';
import { Translator } from '../model/translator';
import { describeScores, readSummary, ROWS, writeSummary } from '../run/training';
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
  await useWasm();
  const loaded = await loadRun(run);
  const { name, examples } = await loadExamples(loaded, test);
  const { model, config } = loaded;
  const tooLong = examples.filter(({ source }) => encodeSource(model, source).length > model.maxSource).length;
  if (tooLong > 0)
    throw new Failure(`${name}: ${tooLong} sources are longer than the ${model.maxSource} tokens that the model takes`);
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
  const summary = await readSummary(run);
  if (summary !== undefined) await writeSummary(run, { ...summary, tests: { ...summary.tests, [name]: scores } });
}

async function loadExamples(
  { config, model }: LoadedRun,
  test?: string,
): Promise<{ name: string; examples: Example[] }> {
  if (test !== undefined) {
    const { pairs } = await readPairsFile(test);
    return { name: test, examples: examplesOfPairs(pairs, model.vocabularies.target) };
  }
  if (config.data.task !== 'g2p') throw new Failure('name the pairs to judge by: --test pairs.tsv');
  const dictionary = loadDictionary();
  const { heldOut } = splitDictionary(dictionary, loadHeldOutWords());
  return { name: 'all held-out words', examples: examplesOf(heldOut, dictionary) };
}
