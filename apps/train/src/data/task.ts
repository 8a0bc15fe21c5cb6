import type { SequencePair } from '@qkv/data';
import { type Unit, Vocabulary } from '@qkv/tokenizers';

import type { Example } from '../model/evaluation';
import type { Vocabularies } from '../model/model';

/** Where the data of a run comes from: kept in its config, and compared when it goes on. */
export type DataSource =
  | { readonly task: 'g2p' }
  | {
      readonly task: 'seq2seq';
      readonly train: DataFile;
      /** Null where validation pairs are taken from the training file. */
      readonly valid: DataFile | null;
      readonly sourceUnit: Unit;
      readonly targetUnit: Unit;
    };

export interface DataFile {
  readonly path: string;
  /** SHA-256 of the bytes. */
  readonly digest: string;
}

/** Everything that training needs to know of its data. */
export interface Task {
  readonly data: DataSource;
  readonly vocabularies: Vocabularies;
  readonly training: readonly SequencePair[];
  readonly validation: readonly Example[];
  /** Teacher-forced validation pairs. */
  readonly validationPairs: readonly SequencePair[];
  /** What the data are, a line each. */
  readonly description: readonly string[];
}

/** A source as training has it: CMUdict is in upper case, with a straight apostrophe. */
export const normalize = (task: DataSource['task'], text: string): string =>
  task === 'g2p' ? text.toUpperCase().replaceAll('’', "'") : text;

/** How people call the scores of a task. */
export const scoreNames = {
  g2p: { examples: 'words', tokenErrorRate: 'PER', sequenceErrorRate: 'WER' },
  seq2seq: { examples: 'sources', tokenErrorRate: 'token error rate', sequenceErrorRate: 'sequence error rate' },
} as const satisfies Record<DataSource['task'], Record<'examples' | 'tokenErrorRate' | 'sequenceErrorRate', string>>;

/** A source and a target as ids, the target with START and END; what the vocabularies lack is UNKNOWN. */
export function encodePair({ source, target }: Vocabularies, from: string, to: string): SequencePair {
  const onUnknown = 'token';
  return {
    source: source.encode(from, { onUnknown }).ids,
    target: target.encode(to, { addStart: true, addEnd: true, onUnknown }).ids,
  };
}

/** Whether a pair is short enough to train on. START and END do not count. */
export const isShort = ({ source, target }: SequencePair, maxLength: number): boolean =>
  source.length <= maxLength && target.length - 2 <= maxLength;

/** Vocabularies of the tokens of texts. */
export function trainVocabulary(texts: Iterable<string>, unit: Unit): Vocabulary {
  return Vocabulary.train(texts, { unit });
}
