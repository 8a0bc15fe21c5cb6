import type { SequencePair } from '@qkv/data';

import type { Example } from '../model/evaluation';
import type { Codecs } from '../model/model';
import { type CodecSpec, isFile } from './codec-option';

/** Where the data of a run comes from: kept in its config, and compared when it goes on. */
export type DataSource =
  | { readonly task: 'g2p' }
  | {
      readonly task: 'seq2seq';
      readonly train: DataFile;
      /** Null where validation pairs are taken from the training file. */
      readonly valid: DataFile | null;
      /** What makes tokens of a side. */
      readonly sourceUnit: CodecSpec;
      readonly targetUnit: CodecSpec;
    };

export interface DataFile {
  readonly path: string;
  /** SHA-256 of the bytes. */
  readonly digest: string;
}

/** Everything that training needs to know of its data. */
export interface Task {
  readonly data: DataSource;
  readonly codecs: Codecs;
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

/** What the data are, wherever their files may be. */
export function contentOf(data: DataSource): unknown {
  if (data.task === 'g2p') return data;
  const [sourceUnit, targetUnit] = [data.sourceUnit, data.targetUnit].map(contentOfSpec);
  return { ...data, train: data.train.digest, valid: data.valid?.digest ?? null, sourceUnit, targetUnit };
}

/** @see contentOf */
export const contentOfSpec = (spec: CodecSpec): string => (isFile(spec) ? `sha256:${spec.digest}` : spec);

/** How people call the scores of a task. */
export const scoreNames = {
  g2p: { examples: 'words', tokenErrorRate: 'PER', sequenceErrorRate: 'WER' },
  seq2seq: { examples: 'sources', tokenErrorRate: 'token error rate', sequenceErrorRate: 'sequence error rate' },
} as const satisfies Record<DataSource['task'], Record<'examples' | 'tokenErrorRate' | 'sequenceErrorRate', string>>;

/** A source and a target as ids, the target with START and END. */
export function encodePair({ source, target }: Codecs, from: string, to: string): SequencePair {
  return { source: source.encode(from), target: Int32Array.of(target.start, ...target.encode(to), target.end) };
}

/** Whether a pair is short enough to train on. START and END do not count. */
export const isShort = ({ source, target }: SequencePair, maxLength: number): boolean =>
  source.length <= maxLength && target.length - 2 <= maxLength;
