import type { TextPair } from '@qkv/data';

import { describeError, Failure } from '../failure';
import type { Codecs } from '../model/model';
import type { StageReport } from '../terminal/stage-progress';
import { type CodecOption, type CodecSpec, describeSpec } from './codec-option';
import { type CodecSource, codecSource } from './codec-source';
import { examplesOfPairs, readPairsFile } from './pairs-file';
import type { DataFile } from './data-file';
import { holdOut, type Split } from './hold-out';
import { contentOf, encodePair, isShort, type PairsData, type PairsTask } from './task';

export interface Seq2seqOptions {
  readonly train: string;
  readonly valid?: string;
  readonly sourceUnit: CodecOption | CodecSpec;
  readonly targetUnit: CodecOption | CodecSpec;
  readonly maxLength: number;
  /** A run that may be of the same data: then nothing is trained, its tokens are taken. */
  readonly run?: { readonly data: PairsData; readonly codecs: Codecs };
  /** Where the training of a tokenizer is. */
  readonly onProgress?: (report: StageReport) => void;
}

/** The user's own pairs. */
export async function loadSeq2seqTask(options: Seq2seqOptions): Promise<PairsTask> {
  const { maxLength, onProgress } = options;
  const source = await codecSource(options.sourceUnit);
  const target = await codecSource(options.targetUnit);
  const train = await readPairsFile(options.train);
  const valid = options.valid === undefined ? null : await readPairsFile(options.valid);
  const data: PairsData = {
    task: 'seq2seq',
    train: fileOf(train),
    valid: valid && fileOf(valid),
    sourceUnit: source.spec,
    targetUnit: target.spec,
  };
  const codecsOf = (pairs: readonly TextPair[]): Codecs =>
    options.run !== undefined && JSON.stringify(contentOf(options.run.data)) === JSON.stringify(contentOf(data))
      ? options.run.codecs
      : createCodecs(pairs, source, target, onProgress);
  const shortOf = (pairs: readonly TextPair[], codecs: Codecs): readonly TextPair[] =>
    pairs.filter((pair) => isShort(encodePair(codecs, pair.source, pair.target), maxLength));

  let split: Split<TextPair>;
  let codecs: Codecs;
  if (source.isTrained || target.isTrained) {
    // Which pairs are short is known only to tokenizers that have been trained, without the pairs for validation.
    const all = valid === null ? holdOut(train.pairs, sourceOf) : { training: train.pairs, validation: valid.pairs };
    codecs = codecsOf(all.training);
    const validation = valid === null ? shortOf(all.validation, codecs) : all.validation;
    split = { training: shortOf(all.training, codecs), validation };
  } else {
    // How long a text is depends on no vocabulary: validation pairs are chosen among the short ones.
    const short = shortOf(train.pairs, codecsOf(train.pairs));
    split = valid === null ? holdOut(short, sourceOf) : { training: short, validation: valid.pairs };
    codecs = codecsOf(split.training);
  }
  const held = valid === null ? split.validation.length : 0;
  const tooLong = train.pairs.length - split.training.length - held;
  if (tooLong === train.pairs.length) {
    throw new Failure(`${train.path}: every pair is longer than --max-length ${maxLength}`);
  }
  if (split.training.length === 0 || split.validation.length === 0) {
    throw new Failure(`${train.path}: too few different sources to keep some for validation; give --valid`);
  }
  const encode = (pairs: readonly TextPair[]) => pairs.map((pair) => encodePair(codecs, pair.source, pair.target));
  const training = encode(split.training);
  const validation = examplesOfPairs(split.validation, codecs.target);
  const origin = valid === null ? `of ${train.path}, by the digests of their sources` : `of ${valid.path}`;
  return {
    data,
    codecs,
    training,
    validation,
    validationPairs: encode(split.validation).filter((pair) => isShort(pair, maxLength)),
    description: [
      `${train.path}: ${count(training.length)} pairs to train on, ${count(validation.length)} sources for validation (${origin})`,
      `${count(codecs.source.size)} source ids (${describeSpec(source.spec)}), ${count(codecs.target.size)} target ids (${describeSpec(target.spec)})`,
      ...(tooLong > 0 ? [`left out: ${count(tooLong)} pairs longer than --max-length ${maxLength}`] : []),
    ],
  };
}

function createCodecs(
  pairs: readonly TextPair[],
  source: CodecSource,
  target: CodecSource,
  onProgress?: (report: StageReport) => void,
): Codecs {
  const create = (side: 'source' | 'target', { create: make }: CodecSource) => {
    const texts = pairs.map((pair) => pair[side]);
    try {
      return make(texts, ({ stage, ...report }) => onProgress?.({ stage: `${side} tokenizer, ${stage}`, ...report }));
    } catch (error) {
      throw new Failure(`${side} tokenizer: ${describeError(error)}`, { cause: error });
    }
  };
  return { source: create('source', source), target: create('target', target) };
}

const sourceOf = ({ source }: TextPair): string => source;

const fileOf = ({ path, digest }: DataFile): DataFile => ({ path, digest });

const count = (n: number): string => n.toLocaleString('en');
