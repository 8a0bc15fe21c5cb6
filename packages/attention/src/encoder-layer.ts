import { type ActivationName, LayerNorm } from '@qkv/nn';
import type { Tensor } from '@qkv/tensor';

import { FeedForward } from './feed-forward';
import { type AttendOptions, MultiHeadAttention } from './multi-head-attention';
import { ResidualLayer, type ResidualOptions } from './residual';

export interface EncoderLayerOptions extends ResidualOptions {
  /** D. */
  readonly dimension: number;
  /** H. */
  readonly heads: number;
  /** Size of the feed-forward's inner layer. */
  readonly feedForward: number;
  /** `relu` by default, as in the paper. */
  readonly activation?: ActivationName;
}

/**
 * One layer of the encoder (Vaswani et al. 2017, Figure 1, left): self-attention, then feed-forward, each with a residual
 * connection and a norm. post: LN(x + f(x)); pre: x + f(LN(x)). x (B, T, D) → (B, T, D).
 */
export class EncoderLayer extends ResidualLayer {
  readonly selfAttention: MultiHeadAttention;
  readonly norm1: LayerNorm;
  readonly feedForward: FeedForward;
  readonly norm2: LayerNorm;

  constructor(options: EncoderLayerOptions) {
    super(options);
    const { dimension, heads, feedForward, activation } = options;
    this.selfAttention = new MultiHeadAttention({ dimension, heads });
    this.norm1 = new LayerNorm({ dimension });
    this.feedForward = new FeedForward({ dimension, hidden: feedForward, activation });
    this.norm2 = new LayerNorm({ dimension });
  }

  override forward(x: Tensor, options: AttendOptions = {}): Tensor {
    const attended = this.residual(x, this.norm1, (y) => this.selfAttention.forward(y, y, y, options));
    return this.residual(attended, this.norm2, (y) => this.feedForward.forward(y));
  }
}
