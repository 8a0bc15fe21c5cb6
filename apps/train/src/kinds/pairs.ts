import type { GridBatch } from '@qkv/data';

import { examplesOfPairs, readPairsFile, textsBySource } from '../data/pairs-file';
import { contentOf, normalize, type PairsData, type PairsTask } from '../data/task';
import { Failure } from '../failure';
import { readInputLines } from '../input';
import {
  countUnknown,
  encodeSource,
  type Example,
  judge,
  type Judgement,
  requireFitting,
  score,
} from '../model/evaluation';
import { decoderSteps } from '../model/decoder-steps';
import { type Codecs, createModel, type TextModel } from '../model/model';
import { batchesOf, lossMeter, tensorsOf, trainingLoss } from '../model/pair-batches';
import { scoreTexts } from '../model/text-metrics';
import { ROWS, Translator } from '../model/translator';
import { pairSettings, type Recipe } from '../recipe';
import type {
  Decoding,
  JudgeOptions,
  Judging,
  Kind,
  Learner,
  LoadedRun,
  PredictOptions,
  ReportOptions,
  RunConfig,
  TestOptions,
} from '../run/kind';
import { renderDecoderSteps } from '../terminal/decoder-steps';
import { withProgress } from '../terminal/progress';

/** Of a run that learns pairs of sequences. */
export interface PairsConfig extends RunConfig {
  readonly data: PairsData;
  readonly recipe: Recipe;
  readonly codecs: Codecs;
}

export type PairsRun = LoadedRun<PairsConfig, TextModel>;
/** A config as one of pairs; undefined if it is of something else. */
export const pairsConfig = (config: RunConfig): PairsConfig | undefined =>
  config.data.task === 'g2p' || config.data.task === 'seq2seq' ? (config as PairsConfig) : undefined;

/** A run as one of pairs. @throws Failure if it is of something else, with what was asked of it. */
export function requirePairs(run: LoadedRun, purpose: string): PairsRun {
  if (pairsConfig(run.config) !== undefined) return run as PairsRun;
  throw new Failure(`the run in ${run.folder} is one of ${run.config.data.task}; ${purpose} is for g2p and seq2seq`);
}

type PairsKind = Kind<PairsConfig, TextModel, PairsTask, Example, Judgement>;

/** What the kinds that learn pairs do not share. */
type Own = Pick<PairsKind, 'name' | 'dataSchema' | 'specsOf' | 'loadTask'> & {
  readonly labels: Pick<Judging, 'examples'> & Record<'tokens' | 'sequences', readonly [label: string, short: string]>;
  /** What to judge by where the user names nothing. @throws Failure if there is nothing. */
  readonly ownExamples: () => { readonly name: string; readonly examples: readonly Example[] };
};

/** A kind of task that turns texts into texts, with an encoder-decoder Transformer. */
export function pairsKind({ labels, ownExamples, ...own }: Own): PairsKind {
  const named = async (test: string, model: TextModel) => {
    const { pairs } = await readPairsFile(test);
    const texts = textsBySource(pairs, own.name);
    const examples = examplesOfPairs(pairs, model.codecs.target, own.name);
    return { name: test, examples: examples.map((example) => ({ ...example, texts: texts.get(example.source) })) };
  };
  const metric = ([label, short]: readonly [string, string]) => ({ label, short, better: 'min' }) as const;
  return {
    ...own,
    settings: pairSettings,
    decodes: true,
    judging: {
      examples: labels.examples,
      metrics: { tokenErrorRate: metric(labels.tokens), sequenceErrorRate: metric(labels.sequences) },
    },
    codecNames: () => ['source', 'target'],
    contentOf,
    createModel: ({ codecs, recipe }) => createModel(codecs, recipe, recipe.seed),
    learn,
    validationOf: ({ validation }) => validation,
    async testExamples({ model }, { test, reporter }: TestOptions) {
      const { name, examples } = test === undefined ? ownExamples() : await named(test, model);
      requireFitting(model, examples, name);
      const sources = examples.map(({ source }) => source);
      const unknown = countUnknown(model, sources);
      if (unknown > 0)
        reporter.notice(`${unknown} of ${examples.length} sources have tokens that training did not see`);
      return { name, examples };
    },
    judge: judgeBy,
    score,
    report: reportTexts,
    predict,
  };
}

async function judgeBy(model: TextModel, examples: readonly Example[], options?: JudgeOptions): Promise<Judgement[]> {
  const translator = translatorFor(model, examples.length, options?.decoding);
  try {
    return await judge(translator, examples, options);
  } finally {
    translator.release();
  }
}

/** Of a search with many beams, fewer sources go together. @throws Failure if there are more beams than it can follow. */
function translatorFor(model: TextModel, sources: number, decoding?: Decoding): Translator {
  const rows = Math.max(1, Math.floor(ROWS / (decoding?.beams ?? 1)));
  return new Translator(model, Math.max(1, Math.min(rows, sources)), decoding);
}

/** BLEU, chrF and TER, of test data whose texts are made of words. */
function reportTexts({ config }: PairsRun, judgements: readonly Judgement[], { bleu }: ReportOptions = {}) {
  const tokenizer =
    bleu ?? (config.data.task === 'seq2seq' && config.data.targetUnit !== 'character' ? '13a' : undefined);
  if (tokenizer === undefined || judgements.some(({ texts }) => texts === undefined)) return undefined;
  const { scores, signatures } = scoreTexts(judgements, tokenizer);
  const shown = [`BLEU ${scores.bleu.toFixed(2)}`, `chrF2 ${scores.chrF.toFixed(2)}`, `TER ${scores.ter.toFixed(2)}`];
  return {
    text: `${shown.join(', ')} (BLEU: ${signatures.bleu})`,
    fields: { ...scores, signatures },
    noted: { ...scores },
  };
}

function learn(model: TextModel, task: PairsTask, recipe: Recipe): Learner {
  requireFitting(model, task.validation, 'validation');
  if (recipe.metric === 'loss' && task.validationPairs.length === 0) {
    throw new Failure(
      `every validation pair is longer than --max-length ${recipe.maxLength}: --metric loss has nothing to go by`,
    );
  }
  const meter = lossMeter(model, task.validationPairs, recipe);
  const learner: Learner<GridBatch> = {
    batches: batchesOf(task.training, recipe),
    inputs: tensorsOf,
    loss: trainingLoss(model, recipe) as Learner['loss'],
    sizeOf: ({ source, target }) => countTokens(source) + countTokens(target),
    unit: 'tokens',
    async validate(signal) {
      const loss = await meter(signal);
      return { loss, scores: score(await judgeBy(model, task.validation, { signal })) };
    },
  };
  return learner;
}

const countTokens = (ids: Int32Array): number => ids.reduce((sum, id) => sum + (id === 0 ? 0 : 1), 0);

async function predict(
  { model, config }: PairsRun,
  { input, decoding, nBest, steps, isWatched }: PredictOptions,
): Promise<{ text: string; what: string }> {
  const { name, lines } = await readInputLines(input);
  const texts = lines.map((line) => normalize(config.data.task, line.trim())); // as in training pairs
  const sources = texts.map((text, i) => {
    const ids = encodeSource(model, text);
    if (ids.length <= model.maxSource) return ids;
    throw new Failure(`${name}, line ${i + 1}: ${ids.length} tokens, the model takes ${model.maxSource}`);
  });
  const unknown = countUnknown(model, texts);
  if (unknown > 0) console.error(`${unknown} of ${lines.length} lines have tokens that training did not see`);
  const translator = translatorFor(model, lines.length, decoding);
  const results = await withProgress('lines', lines.length, isWatched, (onProgress) =>
    translator.translateAll(sources, { onProgress }),
  );
  const { target } = model.codecs;
  // Bytes of sub-words may spell the end of a line.
  const write = (ids: ArrayLike<number>): string => target.decode(Array.from(ids)).replace(/[\r\n]+/g, ' ');
  if (steps !== undefined) {
    const shown: string[] = [];
    for (const [i, [best]] of results.entries()) {
      const { ids, finished } = best;
      const made = await decoderSteps(model, sources[i], ids, { count: steps, finished });
      shown.push(`${texts[i]}\n${renderDecoderSteps(made)}\n  = ${write(ids)}\n`);
    }
    return { text: shown.join('\n'), what: `${lines.length} lines` };
  }
  const written = results.flatMap((found, i) =>
    nBest === undefined
      ? [`${write(found[0]?.ids ?? [])}\n`]
      : found.slice(0, nBest).map(({ ids, score: rank }) => `${i + 1}\t${rank.toFixed(4)}\t${write(ids)}\n`),
  );
  return { text: written.join(''), what: `${lines.length} lines` };
}
