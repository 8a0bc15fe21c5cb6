import { pad, type Tensor } from '@qkv/tensor';

import { FeedForward } from './feed-forward';
import type { KeyValueCache } from './key-value-cache';
import { attentionOptions, feedForwardOptions, type LayerOptions } from './layer-options';
import type { LayerScale } from './layer-scale';
import { type AttendOptions, type CachedAttendOptions, MultiHeadAttention } from './multi-head-attention';
import type { Norm } from './norm';
import { ResidualLayer } from './residual';

export type EncoderLayerOptions = LayerOptions;

/** What may be attended to, (B, 1, 1, L) over all positions of the cache; those after one's own never may. */
export type StepOptions = Omit<CachedAttendOptions, 'cache' | 'position'>;

/**
 * One layer of the encoder (Vaswani et al. 2017, Figure 1, left): self-attention, then feed-forward, each with a residual
 * connection and a norm. post: LN(x + f(x)); pre: x + f(LN(x)). x (B, T, D) → (B, T, D).
 *
 * With the option `causal` it is the layer of decoder-only models, which have no other input to attend to; `read` and
 * `step` are its forward with a cache.
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

  /** What a causal `forward` gives for the first positions x (B, P, D), whose keys and values the cache keeps. */
  read(x: Tensor, cache: KeyValueCache, options: AttendOptions = {}): Tensor {
    const room = [0, cache.length - x.shape[1], 0];
    return this.scope(() =>
      this.around(x, (y) => {
        this.selfAttention.remember(cache, pad(y, [0, 0, 0], room));
        return this.selfAttention.forward(y, y, y, { ...options, causal: true });
      }),
    );
  }

  /** What a causal `forward` gives for one more token x (B, 1, D) at `position`, an int32 scalar. */
  step(x: Tensor, cache: KeyValueCache, position: Tensor, options: StepOptions = {}): Tensor {
    return this.scope(() => this.around(x, (y) => this.selfAttention.forward(y, { cache, position, ...options })));
  }

  /** Both sublayers, with what `attend` does in place of the self-attention. */
  private around(x: Tensor, attend: (y: Tensor) => Tensor): Tensor {
    const attended = this.residual(x, this.norm1, this.scale1, attend);
    return this.residual(attended, this.norm2, this.scale2, (y) => this.feedForward.forward(y));
  }
}
