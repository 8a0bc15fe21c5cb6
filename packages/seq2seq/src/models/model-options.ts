import type { EncoderOptions, LayerAttentionOptions, Normalization, NormName } from '@qkv/attention';
import type { ActivationName } from '@qkv/nn';

import { createAttentionPositions, type PositionKind } from './position-kinds';

/** What all models here have in common. Sizes are those of the paper's base model unless given. */
export interface ModelOptions {
  /** Model size D; 512. */
  readonly dimension?: number;
  /** Attention heads H; 8. */
  readonly heads?: number;
  /** Size of the feed-forward's inner layer; 2048. */
  readonly feedForward?: number;
  /** Of every sublayer's result, and of embeddings with positions; 0.1, as in the paper. */
  readonly dropout?: number;
  /** `post`, as in the paper; `pre` trains without warm-up. */
  readonly normalization?: Normalization;
  /** `layer`, as in the paper. */
  readonly norm?: NormName;
  /** `relu`, as in the paper. */
  readonly activation?: ActivationName;
  /** Whether the feed-forward is gated; false, as in the paper. SwiGLU is `gated` with the activation `silu`. */
  readonly gated?: boolean;
  /** Whether attention and feed-forward add biases; true, as in torch. */
  readonly bias?: boolean;
  /** First value of CaiT's layer scale; none, as in the paper. */
  readonly layerScale?: number;
  /** Stochastic depth: the rate of the last layer, to which it rises from 0 in the first; 0, as in the paper. */
  readonly dropPath?: number;
  /** Further options of the attentions; see `MultiHeadAttention`. */
  readonly attention?: LayerAttentionOptions;
  /** Norms after the last layers. By default with pre-norm only, as in the paper; torch's nn.Transformer always has them. */
  readonly finalNorms?: boolean;
  /** How order is told; `sinusoidal`, as in the paper. */
  readonly positions?: PositionKind;
  /** Longest sequence on either side; 512. Sinusoidal positions cost nothing, the limit catches mistakes. */
  readonly maxLength?: number;
  /** Id of padding; 0. */
  readonly padId?: number;
}

/** The sizes of a model, with defaults. */
export function modelSizes(options: ModelOptions): {
  dimension: number;
  heads: number;
  dropout: number;
  maxLength: number;
  padId: number;
} {
  const { dimension = 512, heads = 8, dropout = 0.1, maxLength = 512, padId = 0 } = options;
  return { dimension, heads, dropout, maxLength, padId };
}

/** Options of a stack of so many layers. Its positions are its own, as T5's biases are. */
export function stackOptions(options: ModelOptions, layers: number, order: { bidirectional: boolean }): EncoderOptions {
  const { feedForward = 2048, normalization, norm, activation, gated, bias } = options;
  const { layerScale, dropPath, finalNorms } = options;
  const { dimension, heads, dropout } = modelSizes(options);
  const positions = createAttentionPositions(options, order);
  const attention = positions === undefined ? options.attention : { ...options.attention, positions };
  const variants = { normalization, norm, activation, gated, bias, layerScale, dropPath, attention };
  return { dimension, heads, feedForward, dropout, layers, finalNorm: finalNorms, ...variants };
}
