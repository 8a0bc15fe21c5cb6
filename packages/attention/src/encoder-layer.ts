import type { Tensor } from '@qkv/tensor';

import { FeedForward } from './feed-forward';
import type { KeyValueCache } from './key-value-cache';
import { attentionOptions, feedForwardOptions, type LayerOptions } from './layer-options';
import type { LayerScale } from './layer-scale';
import { type AttendOptions, type CachedAttendOptions, MultiHeadAttention } from './multi-head-attention';
import type { Norm } from './norm';
import { ResidualLayer } from './residual';

export type EncoderLayerOptions = LayerOptions;

/** As of `AttendOptions`, where S are the L positions of the cache; what is after one's own is not attended to. */
export type StepOptions = Omit<CachedAttendOptions, 'cache' | 'position'>;

/**
 * One layer of the encoder (Vaswani et al. 2017, Figure 1, left): self-attention, then feed-forward, each with a residual
 * connection and a norm. post: LN(x + f(x)); pre: x + f(LN(x)). x (B, T, D) → (B, T, D).
 *
 * With the option `causal` it is the layer of decoder-only models, which have no other input to attend to, and `step` is
 * its forward with a cache.
 */
export class EncoderLayer extends ResidualLayer {
  readonly selfAttention: MultiHeadAttention;
  readonly norm1: Norm;
  readonly scale1: LayerScale | null;
  readonly feedForward: FeedForward;
  readonly norm2: Norm;
  readonly scale2: LayerScale | null;

  constructor(options: EncoderLayerOptions) {
    super(options);
    this.selfAttention = new MultiHeadAttention(attentionOptions(options));
    this.norm1 = this.createNorm();
    this.scale1 = this.createScale();
    this.feedForward = new FeedForward(feedForwardOptions(options));
    this.norm2 = this.createNorm();
    this.scale2 = this.createScale();
  }

  override forward(x: Tensor, options: AttendOptions = {}): Tensor {
    return this.around(x, (y) => this.selfAttention.forward(y, y, y, options));
  }

  /** For `rows` sequences of at most `length` positions. */
  createCache(rows: number, length: number, name = 'cache'): KeyValueCache {
    return this.selfAttention.createCache(rows, length, name);
  }

  /** What a causal `forward` gives for T more tokens x (B, T, D) at `position`, an int32 scalar, and after it. */
  step(x: Tensor, cache: KeyValueCache, position: Tensor, options: StepOptions = {}): Tensor {
    return this.scope(() => this.around(x, (y) => this.selfAttention.forward(y, { cache, position, ...options })));
  }

  /** Both sublayers, with what `attend` does in place of the self-attention. */
  private around(x: Tensor, attend: (y: Tensor) => Tensor): Tensor {
    const attended = this.residual(x, this.norm1, this.scale1, attend);
    return this.residual(attended, this.norm2, this.scale2, (y) => this.feedForward.forward(y));
  }
}
