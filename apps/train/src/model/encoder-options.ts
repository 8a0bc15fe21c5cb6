import type { EncoderModelOptions, PositionKind } from '@qkv/seq2seq';

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
  readonly pooling?: 'mean' | 'max' | 'class';
  readonly positions?: PositionKind;
  readonly maxLength?: number;
}

/** Kinds of positions that attention makes use of itself. */
const INSIDE: readonly PositionKind[] = ['rotary', 'alibi', 'relative', 't5'];

/** More places than the longest input: batches have lengths of their own. */
const ROOM = 64;

/** Options of an `EncoderModel` for a recipe. @throws Failure if its settings contradict each other. */
export function encoderOptions(recipe: EncoderRecipe): EncoderModelOptions {
  const { dimension, heads, feedForward, layers, normalization, activation, dropout } = recipe;
  const { encoder = 'attention', window, positions, maxLength = 128 } = recipe;
  if (window !== undefined && encoder !== 'attention') {
    throw new Failure(`--window is for --encoder attention, not ${encoder}`);
  }
  if (encoder !== 'attention' && positions !== undefined && INSIDE.includes(positions)) {
    throw new Failure(`--positions ${positions} is a part of attention, which --encoder ${encoder} has none of`);
  }
  if (recipe.pooling === 'class' && (window !== undefined || encoder === 'convolutional')) {
    const near = window === undefined ? '--encoder convolutional' : '--window';
    throw new Failure(`--pooling class sees its neighbours alone with ${near}; choose mean or max`);
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
    positions,
    maxLength: maxLength + ROOM,
  };
}
