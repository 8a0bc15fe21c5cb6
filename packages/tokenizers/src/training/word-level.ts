import { compareCodePoints } from '../unit';
import { type OnProgress, OptionChecks, Stage, type WordCounts } from './options';

export interface WordLevelTrainingOptions {
  /** Tokens in all, special ones included. Default 30,000. */
  readonly vocabSize?: number;
  /** Leave out words that occur less often. Default 0. */
  readonly minFrequency?: number;
  /** The first tokens of the vocabulary. Default none. */
  readonly specialTokens?: readonly string[];
  readonly onProgress?: OnProgress;
}

const optionNames: readonly (keyof WordLevelTrainingOptions)[] = [
  'vocabSize',
  'minFrequency',
  'specialTokens',
  'onProgress',
];

/**
 * The most frequent words, equally frequent ones by code point, after the special tokens.
 *
 * @throws TokenizerError if an option or a count is not as expected.
 */
export function trainWordLevel(
  words: WordCounts,
  options: WordLevelTrainingOptions = {},
): { vocab: Map<string, number> } {
  const checks = new OptionChecks('trainWordLevel', options, optionNames);
  checks.words(words);
  const vocabSize = checks.wholeNumber('vocabSize', 30_000, 1);
  const minFrequency = checks.wholeNumber('minFrequency', 0, 0);
  const specialTokens = checks.texts('specialTokens');
  const sorting = new Stage(checks.onProgress(), 'words', words.size);
  const sorted = [...words]
    .filter(([, count]) => count >= minFrequency)
    .sort(([a, x], [b, y]) => y - x || compareCodePoints(a, b))
    .map(([word]) => word);
  const vocab = new Map<string, number>();
  for (const [id, token] of [...specialTokens, ...sorted].slice(0, vocabSize).entries()) {
    vocab.delete(token); // a word spelled as a special token takes its place, as in Rust
    vocab.set(token, id);
  }
  sorting.end();
  return { vocab };
}
