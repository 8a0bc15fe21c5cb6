import type { ActivationName } from '@qkv/nn';

import type { FeedForwardOptions } from './feed-forward';
import type { MultiHeadAttentionOptions } from './multi-head-attention';
import type { ResidualOptions } from './residual';

/** Options of an attention within a layer, which gives it its sizes. */
export type LayerAttentionOptions = Omit<MultiHeadAttentionOptions, 'dimension' | 'heads'>;

/** What encoder and decoder layers have in common. */
export interface LayerOptions extends ResidualOptions {
  /** D. */
  readonly dimension: number;
  /** H. */
  readonly heads: number;
  /** Size of the feed-forward's inner layer. */
  readonly feedForward: number;
  /** `relu` by default, as in the paper. */
  readonly activation?: ActivationName;
  /** Whether the feed-forward is gated; false, as in the paper. With `silu` it is SwiGLU. */
  readonly gated?: boolean;
  /** Whether attention and feed-forward add biases; true, as in torch. Norms keep theirs. */
  readonly bias?: boolean;
  /** Further options of the attention; see `MultiHeadAttention` for their defaults. */
  readonly attention?: LayerAttentionOptions;
}

export function feedForwardOptions(options: LayerOptions): FeedForwardOptions {
  const { dimension, feedForward, activation, gated, bias } = options;
  return { dimension, hidden: feedForward, activation, gated, bias };
}

export function attentionOptions(options: LayerOptions): MultiHeadAttentionOptions {
  const { dimension, heads, bias, attention } = options;
  return { bias, ...attention, dimension, heads };
}
