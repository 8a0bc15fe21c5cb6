import type { SequencePair } from '@qkv/data';

import type { Example } from '../model/evaluation';
import type { Codecs } from '../model/model';
import type { Task } from '../run/kind';
import { type CodecSpec, contentOfSpec } from './codec-option';
import type { DataFile } from './data-file';

/** Where the pairs of a run come from. */
export type PairsData =
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

/** Everything that training on pairs needs to know of its data. */
export interface PairsTask extends Task {
  readonly data: PairsData;
  readonly codecs: Codecs;
  readonly training: readonly SequencePair[];
  readonly validation: readonly Example[];
  /** Teacher-forced validation pairs. */
  readonly validationPairs: readonly SequencePair[];
}

/** A source as training has it: CMUdict is in upper case, with a straight apostrophe. */
export const normalize = (task: PairsData['task'], text: string): string =>
  task === 'g2p' ? text.toUpperCase().replaceAll('’', "'") : text;

/** What the pairs are, wherever their files may be. */
export function contentOf(data: PairsData): unknown {
  if (data.task === 'g2p') return data;
  const [sourceUnit, targetUnit] = [data.sourceUnit, data.targetUnit].map(contentOfSpec);
  return { ...data, train: data.train.digest, valid: data.valid?.digest ?? null, sourceUnit, targetUnit };
}

/** A source and a target as ids, the target with START and END. */
export function encodePair({ source, target }: Codecs, from: string, to: string): SequencePair {
  return { source: source.encode(from), target: Int32Array.of(target.start, ...target.encode(to), target.end) };
}

/** Whether a pair is short enough to train on. START and END do not count. */
export const isShort = ({ source, target }: SequencePair, maxLength: number): boolean =>
  source.length <= maxLength && target.length - 2 <= maxLength;
