import { createHash } from 'node:crypto';

import type { TextPair } from '@qkv/data';
import { type Unit } from '@qkv/tokenizers';

import { Failure } from '../failure';
import { examplesOfPairs, readPairsFile } from './pairs-file';
import { type DataFile, encodePair, isShort, type Task, trainVocabulary } from './task';

export interface Seq2seqOptions {
  readonly train: string;
  readonly valid?: string;
  readonly sourceUnit: Unit;
  readonly targetUnit: Unit;
  readonly maxLength: number;
}

/** Without a file of their own, validation pairs are this share of the sources, and at most so many. */
const VALIDATION_SHARE = 0.05;
const MAX_VALIDATION = 1000;

/** The user's own pairs. */
export async function loadSeq2seqTask(options: Seq2seqOptions): Promise<Task> {
  const { sourceUnit, targetUnit, maxLength } = options;
  const train = await readPairsFile(options.train);
  const valid = options.valid === undefined ? null : await readPairsFile(options.valid);
  // The lengths must be known before validation pairs are chosen, and the vocabularies only after.
  const sizes = vocabulariesOf(train.pairs, options);
  const short = train.pairs.filter((pair) => isShort(encodePair(sizes, pair.source, pair.target), maxLength));
  if (short.length === 0) throw new Failure(`${train.path}: every pair is longer than --max-length ${maxLength}`);
  const split = valid === null ? holdOut(short) : { training: short, validation: valid.pairs };
  if (split.training.length === 0 || split.validation.length === 0) {
    throw new Failure(`${train.path}: too few different sources to keep some for validation; give --valid`);
  }
  const vocabularies = vocabulariesOf(split.training, options);
  const encode = (pairs: readonly TextPair[]) =>
    pairs.map((pair) => encodePair(vocabularies, pair.source, pair.target));
  const training = encode(split.training);
  const validation = examplesOfPairs(split.validation, vocabularies.target);
  const tooLong = train.pairs.length - short.length;
  const origin = valid === null ? `of ${train.path}, by the digests of their sources` : `of ${valid.path}`;
  return {
    data: { task: 'seq2seq', train: fileOf(train), valid: valid && fileOf(valid), sourceUnit, targetUnit },
    vocabularies,
    training,
    validation,
    validationPairs: encode(split.validation).filter((pair) => isShort(pair, maxLength)),
    description: [
      `${train.path}: ${count(training.length)} pairs to train on, ${count(validation.length)} sources for validation (${origin})`,
      `${count(vocabularies.source.size)} source ids (${sourceUnit}s), ${count(vocabularies.target.size)} target ids (${targetUnit}s)`,
      ...(tooLong > 0 ? [`left out: ${count(tooLong)} pairs longer than --max-length ${maxLength}`] : []),
    ],
  };
}

const vocabulariesOf = (pairs: readonly TextPair[], { sourceUnit, targetUnit }: Seq2seqOptions) => ({
  source: trainVocabulary(
    pairs.map(({ source }) => source),
    sourceUnit,
  ),
  target: trainVocabulary(
    pairs.map(({ target }) => target),
    targetUnit,
  ),
});

const fileOf = ({ path, digest }: DataFile): DataFile => ({ path, digest });

/** Keeps some sources for validation, with all their targets: those of the smallest digests, which depends on no order. */
function holdOut(pairs: readonly TextPair[]): { training: TextPair[]; validation: TextPair[] } {
  const digest = (source: string): string => createHash('sha256').update(`validation:${source}`).digest('hex');
  const sources = [...new Set(pairs.map(({ source }) => source))].map((source) => [digest(source), source] as const);
  const size = Math.min(MAX_VALIDATION, Math.ceil(sources.length * VALIDATION_SHARE), sources.length - 1);
  const sorted = sources.sort(([a], [b]) => (a < b ? -1 : 1));
  const held = new Set(sorted.slice(0, size).map(([, source]) => source));
  return {
    training: pairs.filter(({ source }) => !held.has(source)),
    validation: pairs.filter(({ source }) => held.has(source)),
  };
}

const count = (n: number): string => n.toLocaleString('en');
