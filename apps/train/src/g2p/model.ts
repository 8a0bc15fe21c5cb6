import { initialize } from '@qkv/nn';
import { Transformer } from '@qkv/seq2seq';
import { Vocabulary } from '@qkv/tokenizers';

import { LETTERS } from '../cmudict';
import type { Architecture } from './recipe';

/** Most letters of a word that can be pronounced. Training words are shorter; sinusoidal positions go on beyond. */
export const MAX_LETTERS = 64;

/** A Transformer from letters to phonemes, and what its ids mean. */
export interface PronunciationModel {
  readonly architecture: Architecture;
  /** Characters → source ids. */
  readonly letters: Vocabulary;
  /** Phonemes → target ids. */
  readonly phonemes: Vocabulary;
  readonly transformer: Transformer;
}

export function createVocabularies(phonemes: Iterable<string>): Pick<PronunciationModel, 'letters' | 'phonemes'> {
  return { letters: new Vocabulary('character', LETTERS), phonemes: new Vocabulary('word', phonemes) };
}

export function createModel(
  { letters, phonemes }: Pick<PronunciationModel, 'letters' | 'phonemes'>,
  architecture: Architecture,
  seed = 0,
): PronunciationModel {
  const transformer = new Transformer({
    sourceVocabulary: letters.size,
    targetVocabulary: phonemes.size,
    ...architecture,
    normalization: 'pre', // trains at a high rate after a short warm-up
    maxLength: 2 * MAX_LETTERS,
  });
  initialize(transformer, { seed });
  return { architecture, letters, phonemes, transformer };
}
