import { initialize } from '@qkv/nn';
import { Transformer } from '@qkv/seq2seq';

import type { Recipe } from '../recipe';
import type { RunModel } from '../run/kind';
import type { TextCodec } from './codec';

/** What the ids of both sides mean. */
export type Codecs = {
  readonly source: TextCodec;
  readonly target: TextCodec;
};

/** A Transformer from texts to texts. */
export interface TextModel extends RunModel {
  readonly codecs: Codecs;
  readonly module: Transformer;
  /** Most source tokens at inference: more than in training, as sinusoidal positions go on beyond. */
  readonly maxSource: number;
  /** Longest target that was trained on, in tokens. */
  readonly maxLength: number;
}

/** The shape of the weights: what a model file must agree with. */
export type Architecture = Pick<
  Recipe,
  | 'dimension'
  | 'heads'
  | 'feedForward'
  | 'encoderLayers'
  | 'decoderLayers'
  | 'normalization'
  | 'activation'
  | 'dropout'
  | 'maxLength'
>;

export function createModel(codecs: Codecs, architecture: Architecture, seed = 0): TextModel {
  const { dimension, heads, feedForward, encoderLayers, decoderLayers } = architecture;
  const { normalization, activation, dropout, maxLength } = architecture;
  const maxSource = maxSourceFor(maxLength);
  const transformer = new Transformer({
    sourceVocabulary: codecs.source.size,
    targetVocabulary: codecs.target.size,
    dimension,
    heads,
    feedForward,
    encoderLayers,
    decoderLayers,
    normalization,
    activation,
    dropout,
    maxLength: 2 * maxSource + EXTRA_TARGET,
  });
  initialize(transformer, { seed });
  return { codecs, module: transformer, maxSource, maxLength };
}

/** Most source tokens that a model takes which was trained on up to `maxLength`. */
export const maxSourceFor = (maxLength: number): number => Math.max(64, 2 * maxLength);

/** Short sources may have long targets: `WWW` has eleven phonemes. */
const EXTRA_TARGET = 16;

/** Most target tokens that are generated for a source of this length: as many as any target in training had, or more. */
export const maxTargetFor = ({ maxLength, module }: TextModel, sourceLength: number): number =>
  Math.min(Math.max(2 * sourceLength + EXTRA_TARGET, maxLength), module.maxLength);
