import { examplesOf, type G2pTask, loadG2pTask } from '../data/g2p-task';
import { g2p } from '../kinds/g2p';
import { crossAttention } from '../model/attention';
import { isRight, judge, type Judgement, score } from '../model/evaluation';
import type { TextModel } from '../model/model';
import { ROWS, Translator } from '../model/translator';
import { noteScores } from '../run/summary';
import { describeScores } from '../run/scores';
import { renderAttentionMap } from '../terminal/attention-map';
import { out } from '../terminal/colors';
import type { Reporter } from '../terminal/reporter';
import { train, type TrainOptions } from './train';

export interface StartOptions extends TrainOptions {
  /** False while hyper-parameters are being chosen: then the held-out words stay unseen. */
  readonly heldOut: boolean;
  /** How a user goes on, up to the words. */
  readonly pronounceCommand: string;
}

/** Held-out words that are printed. */
const SHOWN = 10;

/** `start`: trains a small pronunciation model, judges it on words that were held out, shows what it does. */
export async function start({ heldOut, pronounceCommand, ...options }: StartOptions): Promise<void> {
  await train<G2pTask, TextModel>(
    () => loadG2pTask(options.recipe),
    options,
    async ({ model, summary }, task, reporter, interruption) => {
      if (heldOut) {
        const judgements = await judgeHeldOut(model, task, interruption.signal);
        if (interruption.happened) return interruption.end();
        const scores = score(judgements);
        reporter.say(describeScores('held-out', scores, g2p.judging));
        reporter.event('test', { name: 'held-out sample', ...scores });
        await noteScores(options.output, summary.modelStep, 'held-out sample', scores);
        showSome(judgements.slice(0, SHOWN), reporter);
        await showAttention(model, judgements, reporter);
      }
      reporter.say(`\nsaved in ${options.output}; try: ${pronounceCommand}`);
    },
  );
}

async function judgeHeldOut(
  model: TextModel,
  { split, dictionary }: G2pTask,
  signal: AbortSignal,
): Promise<Judgement[]> {
  const translator = new Translator(model, ROWS);
  const judgements = await judge(translator, examplesOf(split.sample, dictionary), { signal });
  translator.release();
  return judgements;
}

function showSome(judgements: readonly Judgement[], reporter: Reporter): void {
  reporter.say('\nword              model says                        CMUdict lists');
  for (const judgement of judgements) {
    const { source, hypothesis, references } = judgement;
    const listed = references.map((reference) => reference.join(' ')).join(', ');
    const mark = isRight(judgement) ? out.green('✓') : out.red('✗');
    reporter.say(`${mark} ${source.padEnd(15)} ${hypothesis.join(' ').padEnd(33)} ${listed}`);
  }
}

/** The first word of a length that fills the terminal nicely and that the model gets right, if there is one. */
async function showAttention(model: TextModel, judgements: readonly Judgement[], reporter: Reporter): Promise<void> {
  const long = judgements.filter(({ source }) => source.length >= 8 && source.length <= 12);
  const chosen = long.find(isRight) ?? long[0];
  if (chosen === undefined) return;
  const ids = model.codecs.target.encode(chosen.hypothesis.join(' '));
  const map = await crossAttention(model, chosen.source, ids);
  reporter.say(`\nwhere the model looks while it says ${chosen.source}: letters across, phonemes down\n`);
  reporter.say(renderAttentionMap(map));
}
