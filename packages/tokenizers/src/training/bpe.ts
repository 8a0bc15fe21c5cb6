import { type OnProgress, OptionChecks, Stage, type WordCounts } from './options';
import { PairMerger } from './pair-merger';
import { alphabetOf, formsOf, spell, Tokens } from './symbol-words';

export interface BpeTrainingOptions {
  /** Tokens in all, special ones and single characters included; the latter may be more. Default 30,000. */
  readonly vocabSize?: number;
  /** Merge no pair that occurs less often. Default 0. */
  readonly minFrequency?: number;
  /** The first tokens of the vocabulary. Default none. */
  readonly specialTokens?: readonly string[];
  /** Keep only so many characters, the most frequent ones. Default: all. */
  readonly limitAlphabet?: number;
  /** Characters to be kept whether they occur or not. Default none. */
  readonly initialAlphabet?: readonly string[];
  /** Put before every character but the first of a word, such as '##'. Default none. */
  readonly continuingSubwordPrefix?: string;
  /** Put after the last character of a word, such as '</w>'. Default none. */
  readonly endOfWordSuffix?: string;
  /** Make no token of so many characters or more out of a merged one; two characters may always be merged. Default: any length. */
  readonly maxTokenLength?: number;
  readonly onProgress?: OnProgress;
}

export interface TrainedBpe {
  /** Token → id, in the order of ids. */
  readonly vocab: Map<string, number>;
  /** Pairs of tokens, the first to be merged first. */
  readonly merges: [string, string][];
}

const optionNames: readonly (keyof BpeTrainingOptions)[] = [
  'vocabSize',
  'minFrequency',
  'specialTokens',
  'limitAlphabet',
  'initialAlphabet',
  'continuingSubwordPrefix',
  'endOfWordSuffix',
  'maxTokenLength',
  'onProgress',
];

/**
 * Byte-pair encoding (Sennrich et al. 2016): starts with the characters and merges the most frequent pair of tokens
 * until the vocabulary is full. Gives what the Rust library's BpeTrainer gives.
 *
 * @throws TokenizerError if an option or a count is not as expected.
 */
export function trainBpe(words: WordCounts, options: BpeTrainingOptions = {}): TrainedBpe {
  return trainPairs('trainBpe', words, options);
}

/** `trainBpe`, under the name of the trainer that calls it. `order` lets tests bring forms into Rust's order. */
export function trainPairs(
  trainer: string,
  words: WordCounts,
  options: BpeTrainingOptions,
  order: (forms: string[]) => string[] = (forms) => forms,
): TrainedBpe {
  const checks = new OptionChecks(trainer, options, optionNames);
  checks.words(words);
  const vocabSize = checks.wholeNumber('vocabSize', 30_000, 1);
  const minFrequency = Math.max(1, checks.wholeNumber('minFrequency', 0, 0));
  const maxLength = checks.wholeNumber('maxTokenLength', Infinity, 1);
  const prefix = checks.text('continuingSubwordPrefix') ?? '';
  const affixes = { prefix, suffix: checks.text('endOfWordSuffix') ?? '' };
  const onProgress = checks.onProgress();

  const tokens = new Tokens();
  for (const token of checks.texts('specialTokens')) tokens.add(token);
  const limit = checks.wholeNumber('limitAlphabet', Infinity, 0);
  const alphabet = alphabetOf(words, checks.characters('initialAlphabet'), limit);
  for (const code of alphabet) tokens.add(String.fromCodePoint(code));
  // A special token of one character counts as well.
  const known = new Set(
    [...tokens.list].filter((token) => [...token].length === 1).map((token) => token.codePointAt(0)!),
  );
  const isKnown = (code: number): boolean => known.has(code);
  for (const form of order(formsOf(words, isKnown, affixes))) tokens.add(form);

  const counting = new Stage(onProgress, 'pairs', words.size);
  const merger = new PairMerger(spell(words, isKnown, tokens, affixes), maxLength, (done) => counting.report(done));
  counting.end();

  const merging = new Stage(onProgress, 'merges', Math.max(0, vocabSize - tokens.list.length));
  const merges = new Map<string, [string, string]>();
  while (tokens.list.length < vocabSize) {
    const pair = merger.top();
    if (pair === undefined || pair.count < minFrequency) break;
    const left = tokens.list[pair.left];
    const right = tokens.list[pair.right];
    merger.merge(tokens.add(left + (right.startsWith(prefix) ? right.slice(prefix.length) : right)));
    // Where two ways lead to one token, a pair can come up twice; its last place counts, as in Rust.
    const key = `${pair.left} ${pair.right}`;
    merges.delete(key);
    merges.set(key, [left, right]);
    merging.report(merges.size);
  }
  merging.end(merges.size);
  return { vocab: tokens.ids, merges: [...merges.values()] };
}
