import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { useWasm } from '@qkv/backend-wasm';
import { debug } from '@qkv/tensor';
import { out } from './terminal/colors';

import { type Dictionary, loadDictionary, loadHeldOutWords, phonemesOf, type Split, splitDictionary } from './cmudict';
import { describeError } from './failure';
import { crossAttention } from './g2p/attention';
import { isRight, type Judgement, judge, score, type Scores } from './g2p/evaluation';
import { createModel, createVocabularies, type PronunciationModel } from './g2p/model';
import { Pronouncer } from './g2p/pronouncer';
import { DEFAULT_FOLDER, type Recipe } from './g2p/recipe';
import { prepareRunFolder, type RunRecord, saveRun, saveScores } from './g2p/run-folder';
import { createPairs, train } from './g2p/training';
import { Interruption } from './interruption';
import { renderAttentionMap } from './terminal/attention-map';
import { formatSeconds, Progress } from './terminal/progress';

export interface StartOptions {
  readonly recipe: Recipe;
  /** Run folder. */
  readonly output: string;
  /** False while hyper-parameters are being chosen: then the held-out words stay unseen. */
  readonly heldOut: boolean;
  /** Look for the first NaN; slow. */
  readonly checked: boolean;
}

/** Words decoded at a time. */
const ROWS = 200;
/** Held-out words that are printed. */
const SHOWN = 10;

/** Trains, saves, judges. */
export async function start({ recipe, output, heldOut, checked }: StartOptions): Promise<void> {
  const interruption = new Interruption();
  debug(checked);
  const { backend } = await useWasm();
  const dictionary = loadDictionary();
  const split = splitDictionary(dictionary, loadHeldOutWords());
  const model = createModel(createVocabularies(phonemesOf(dictionary)), recipe, recipe.seed);
  await prepareRunFolder(output, model);

  const pairs = createPairs(split.training, dictionary, model.letters, model.phonemes);
  describeData(split, pairs.length);
  console.log(
    `${count(model.transformer.parameterCount())} parameters, ${count(recipe.steps)} steps of ${recipe.batch} words, ` +
      `one thread of WebAssembly (${backend.numerics})\n`,
  );
  const progress = new Progress({ steps: recipe.steps });
  let stepsMade: number;
  try {
    const onStep: Parameters<typeof train>[0]['onStep'] = (report) => progress.update(report);
    stepsMade = await train({ model, pairs, recipe, onStep, stopped: () => interruption.happened });
  } finally {
    progress.stop();
  }
  const record = { recipe, stepsMade, trainingSeconds: progress.seconds, backend: backend.numerics, scores: {} };
  if (interruption.happened && stepsMade < recipe.steps) return stopEarly(output, model, record, interruption);

  console.log(`\ntrained for ${formatSeconds(record.trainingSeconds)}`);
  await saveOrRescue(output, model, record);
  await evaluate(model, dictionary, split, { output, heldOut, interruption });
}

function describeData({ training, validation, sample, missing, unspellable }: Split, pairs: number): void {
  const { length } = sample;
  console.log(
    `CMUdict: ${count(training.length)} words to train on (${count(pairs)} pronunciations), ` +
      `${count(validation.length)} for validation, ${count(length)} of the held-out ones to be judged by`,
  );
  if (missing.length > 0) console.log(`${count(missing.length)} held-out words are not in the dictionary`);
  console.log(out.dim(`not used: ${count(unspellable)} words with digits, dots, hyphens and the like`));
}

async function evaluate(
  model: PronunciationModel,
  dictionary: Dictionary,
  { validation, sample }: Split,
  { output, heldOut, interruption }: Pick<StartOptions, 'output' | 'heldOut'> & { interruption: Interruption },
): Promise<void> {
  const pronouncer = new Pronouncer(model, ROWS);
  let scores: RunRecord['scores'] = { validation: score(await judge(pronouncer, validation, dictionary)) };
  report('validation words', scores.validation!);
  if (heldOut && !interruption.happened) {
    const judgements = await judge(pronouncer, sample, dictionary);
    scores = { ...scores, heldOut: score(judgements) };
    report('held-out words', scores.heldOut!);
    showSome(judgements.slice(0, SHOWN));
    await showAttention(model, judgements);
  }
  pronouncer.release();
  await saveScores(output, scores);
  if (interruption.happened) return interruption.end('stopped; the model is saved, its scores are not complete');
  const option = output === DEFAULT_FOLDER ? '' : ` --model ${output}`;
  console.log(`\nsaved in ${output}; try: npx -y pnpm@10.34.9 pronounce transformer attention${option}`);
}

function report(what: string, { words, wer, per }: Scores): void {
  const percent = (part: number): string => out.bold(`${(100 * part).toFixed(1)} %`);
  console.log(`${count(words)} ${what}: PER ${percent(per)}, WER ${percent(wer)}`);
}

function showSome(judgements: readonly Judgement[]): void {
  console.log('\nword              model says                        CMUdict lists');
  for (const judgement of judgements) {
    const { word, hypothesis, references } = judgement;
    const listed = references.map((reference) => reference.join(' ')).join(', ');
    const mark = isRight(judgement) ? out.green('✓') : out.red('✗');
    console.log(`${mark} ${word.padEnd(15)} ${hypothesis.join(' ').padEnd(33)} ${listed}`);
  }
}

/** The first word of a length that fills the terminal nicely and that the model gets right, if there is one. */
async function showAttention(model: PronunciationModel, judgements: readonly Judgement[]): Promise<void> {
  const long = judgements.filter(({ word }) => word.length >= 8 && word.length <= 12);
  const chosen = long.find(isRight) ?? long[0];
  if (chosen === undefined) return;
  const map = await crossAttention(model, chosen.word, chosen.hypothesis);
  console.log(`\nwhere the model looks while it says ${chosen.word}: letters across, phonemes down\n`);
  console.log(renderAttentionMap(map));
}

/** A model that took minutes must not be lost because a disk has filled up meanwhile. */
async function saveOrRescue(folder: string, model: PronunciationModel, record: RunRecord): Promise<void> {
  try {
    await saveRun(folder, model, record);
  } catch (error) {
    const refuge = mkdtempSync(join(tmpdir(), 'qkv-g2p-'));
    await saveRun(refuge, model, record).catch(() => {
      throw error;
    });
    throw new Error(`${describeError(error)}; the model is in ${refuge} instead`, { cause: error });
  }
}

/** Saves beside what the folder may hold already: a half-trained model replaces no whole one. */
async function stopEarly(
  output: string,
  model: PronunciationModel,
  record: RunRecord,
  interruption: Interruption,
): Promise<void> {
  const folder = join(output, 'interrupted');
  await saveOrRescue(folder, model, record);
  interruption.end(`stopped after ${count(record.stepsMade)} steps; the model so far is in ${folder}`);
}

const count = (n: number): string => n.toLocaleString('en');
