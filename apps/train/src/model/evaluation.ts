import { errorRate, mismatchRate } from '@qkv/seq2seq';

import { Failure } from '../failure';
import type { TextModel } from './model';
import type { Translator } from './translator';

/** A source, and all targets that count as right, as tokens. */
export interface Example {
  readonly source: string;
  readonly references: readonly (readonly string[])[];
  /** The same as they are written, where texts are to be compared, too. */
  readonly texts?: readonly string[];
}

/** An example, and what the model makes of it. */
export interface Judgement extends Example {
  readonly hypothesis: readonly string[];
  /** As it is written. */
  readonly text: string;
}

export type PairScores = {
  readonly examples: number;
  /** Σ edit distance / Σ length in tokens, each to the nearest reference: PER over phonemes, CER over characters. 0 to 1. */
  readonly tokenErrorRate: number;
  /** Part of the examples that equal none of their references: for words, WER. 0 to 1. */
  readonly sequenceErrorRate: number;
};

export const isRight = ({ hypothesis, references }: Omit<Judgement, 'text'>): boolean =>
  references.some(
    (reference) => reference.length === hypothesis.length && reference.every((t, i) => t === hypothesis[i]),
  );

export function score(judgements: readonly Omit<Judgement, 'text'>[]): PairScores {
  return {
    examples: judgements.length,
    tokenErrorRate: errorRate(judgements),
    sequenceErrorRate: mismatchRate(judgements),
  };
}

/** Source ids of an example; what training did not see is UNKNOWN. */
export const encodeSource = ({ codecs }: TextModel, source: string): Int32Array => codecs.source.encode(source);

/** @throws Failure if a source is longer than the model takes. */
export function requireFitting(model: TextModel, examples: readonly Example[], name: string): void {
  const lengths = examples.map(({ source }) => encodeSource(model, source).length);
  const tooLong = lengths.filter((length) => length > model.maxSource).length;
  if (tooLong === 0) return;
  throw new Failure(
    `${name}: ${tooLong} sources are longer than the ${model.maxSource} tokens that the model takes; shorten them, or train with a larger --max-length`,
  );
}

/** How many sources have tokens that training did not see. */
export const countUnknown = ({ codecs: { source } }: TextModel, sources: readonly string[]): number =>
  sources.filter((text) => source.hasUnknown(text)).length;

export async function judge(
  translator: Translator,
  examples: readonly Example[],
  options: { onProgress?: (done: number) => void; signal?: AbortSignal } = {},
): Promise<Judgement[]> {
  const sources = examples.map(({ source }) => encodeSource(translator.model, source));
  const hypotheses = await translator.translate(sources, options);
  const { target } = translator.model.codecs;
  return examples.flatMap((example, i) => {
    const ids = hypotheses[i];
    return ids === undefined ? [] : [{ ...example, hypothesis: target.tokensOf(ids), text: target.decode(ids) }];
  });
}
