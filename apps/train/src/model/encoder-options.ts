import type { EncoderModelOptions } from '@qkv/seq2seq';

import { Failure } from '../failure';

/** Settings of an encoder, as recipes have them. */
interface EncoderRecipe {
  readonly dimension: number;
  readonly heads: number;
  readonly feedForward: number;
  readonly layers: number;
  readonly normalization: 'pre' | 'post';
  readonly activation: 'relu' | 'gelu';
  readonly dropout: number;
  readonly encoder?: 'attention' | 'lstm' | 'gru' | 'convolutional';
  readonly window?: number;
  readonly maxLength?: number;
}

/** More places than the longest input: batches have lengths of their own. */
const ROOM = 64;

/** Options of an `EncoderModel` for a recipe. @throws Failure if its settings contradict each other. */
export function encoderOptions(recipe: EncoderRecipe): EncoderModelOptions {
  const { dimension, heads, feedForward, layers, normalization, activation, dropout } = recipe;
  const { encoder = 'attention', window, maxLength = 128 } = recipe;
  if (window !== undefined && encoder !== 'attention') {
    throw new Failure(`--window is for --encoder attention, not ${encoder}`);
  }
  return {
    dimension,
    heads,
    feedForward,
    layers,
    normalization,
    activation,
    dropout,
    encoder,
    attention: window === undefined ? undefined : { window: { before: window, after: window } },
    maxLength: maxLength + ROOM,
  };
}
