import { Vocabulary } from '@qkv/tokenizers';

import type { Example } from '../model/evaluation';
import { VocabularyCodec } from '../model/codec';
import type { Codecs } from '../model/model';
import {
  type Dictionary,
  LETTERS,
  loadDictionary,
  loadHeldOutWords,
  phonemesOf,
  type Split,
  splitDictionary,
} from './cmudict';
import { encodePair, isShort, type PairsTask } from './task';

/** Letters to phonemes, from CMUdict. */
export interface G2pTask extends PairsTask {
  readonly dictionary: Dictionary;
  readonly split: Split;
}

/** Characters → source ids, phonemes → target ids. */
export function createG2pCodecs(phonemes: Iterable<string>): Codecs {
  return {
    source: new VocabularyCodec(new Vocabulary('character', LETTERS)),
    target: new VocabularyCodec(new Vocabulary('word', phonemes)),
  };
}

export const examplesOf = (words: readonly string[], dictionary: Dictionary): Example[] =>
  words.map((word) => ({ source: word, references: dictionary.get(word)! }));

export function loadG2pTask({ maxLength }: { readonly maxLength: number }): G2pTask {
  const dictionary = loadDictionary();
  return createG2pTask(dictionary, splitDictionary(dictionary, loadHeldOutWords()), maxLength);
}

export function createG2pTask(dictionary: Dictionary, split: Split, maxLength: number): G2pTask {
  const codecs = createG2pCodecs(phonemesOf(dictionary));
  const pairsOf = (words: readonly string[]) =>
    words
      .flatMap((word) => dictionary.get(word)!.map((phonemes) => encodePair(codecs, word, phonemes.join(' '))))
      .filter((pair) => isShort(pair, maxLength));
  const training = pairsOf(split.training);
  const { sample, missing, unspellable } = split;
  const description = [
    `CMUdict: ${count(split.training.length)} words to train on (${count(training.length)} pronunciations), ` +
      `${count(split.validation.length)} for validation, ${count(sample.length)} of the held-out ones to be judged by`,
    ...(missing.length > 0 ? [`${count(missing.length)} held-out words are not in the dictionary`] : []),
    `not used: ${count(unspellable)} words with digits, dots, hyphens and the like`,
  ];
  return {
    data: { task: 'g2p' },
    codecs,
    training,
    validation: examplesOf(split.validation, dictionary),
    validationPairs: pairsOf(split.validation),
    description,
    dictionary,
    split,
  };
}

const count = (n: number): string => n.toLocaleString('en');
