import { errorRate, mismatchRate } from '@qkv/seq2seq';

import type { Dictionary, Pronunciation } from '../cmudict';
import type { Pronouncer } from './pronouncer';

/** A word, what the model says, and what CMUdict lists. */
export interface Judgement {
  readonly word: string;
  readonly hypothesis: Pronunciation;
  readonly references: readonly Pronunciation[];
}

export interface Scores {
  readonly words: number;
  /** Word error rate: part of the words that equal none of the listed pronunciations. 0 to 1. */
  readonly wer: number;
  /** Phoneme error rate: Σ edit distance / Σ length, each to the nearest of the listed pronunciations. */
  readonly per: number;
}

export const isRight = ({ hypothesis, references }: Judgement): boolean =>
  references.some((reference) => `${reference}` === `${hypothesis}`);

export function score(judgements: readonly Judgement[]): Scores {
  return { words: judgements.length, wer: mismatchRate(judgements), per: errorRate(judgements) };
}

export async function judge(
  pronouncer: Pronouncer,
  words: readonly string[],
  dictionary: Dictionary,
): Promise<Judgement[]> {
  const hypotheses = await pronouncer.pronounce(words);
  return words.map((word, i) => ({ word, hypothesis: hypotheses[i], references: dictionary.get(word)! }));
}
