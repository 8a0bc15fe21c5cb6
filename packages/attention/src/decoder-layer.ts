import { type ActivationName, LayerNorm } from '@qkv/nn';
import type { Tensor } from '@qkv/tensor';

import { FeedForward } from './feed-forward';
import type { KeyValueCache } from './key-value-cache';
import type { Mask } from './masks';
import { MultiHeadAttention } from './multi-head-attention';
import { ResidualLayer, type ResidualOptions } from './residual';

export interface DecoderLayerOptions extends ResidualOptions {
  /** D. */
  readonly dimension: number;
  /** H. */
  readonly heads: number;
  /** Size of the feed-forward's inner layer. */
  readonly feedForward: number;
  /** `relu` by default, as in the paper. */
  readonly activation?: ActivationName;
  /** Last dimension of the encoder's output; D by default. */
  readonly memoryDimension?: number;
}

export interface DecodeOptions {
  /** Which target positions may be attended to, broadcastable to (B, H, T, T); positions after one's own never may. */
  readonly mask?: Tensor | Mask;
  /** Which memory positions may be attended to, broadcastable to (B, H, T, S). */
  readonly memoryMask?: Tensor | Mask;
}

/** What a decoder layer keeps while it decodes token by token. */
export interface DecoderLayerCache {
  readonly self: KeyValueCache;
  readonly cross: KeyValueCache;
}

/**
 * One layer of the decoder (Vaswani et al. 2017, Figure 1, right): causal self-attention, attention to the encoder's
 * output ("memory"), feed-forward, each with a residual connection and a norm. x (B, T, D), memory (B, S, Dm) → (B, T, D).
 */
export class DecoderLayer extends ResidualLayer {
  readonly selfAttention: MultiHeadAttention;
  readonly norm1: LayerNorm;
  readonly crossAttention: MultiHeadAttention;
  readonly norm2: LayerNorm;
  readonly feedForward: FeedForward;
  readonly norm3: LayerNorm;

  constructor(options: DecoderLayerOptions) {
    super(options);
    const { dimension, heads, feedForward, activation, memoryDimension } = options;
    this.selfAttention = new MultiHeadAttention({ dimension, heads });
    this.norm1 = new LayerNorm({ dimension });
    this.crossAttention = new MultiHeadAttention({
      dimension,
      heads,
      keyDimension: memoryDimension,
      valueDimension: memoryDimension,
    });
    this.norm2 = new LayerNorm({ dimension });
    this.feedForward = new FeedForward({ dimension, hidden: feedForward, activation });
    this.norm3 = new LayerNorm({ dimension });
  }

  override forward(x: Tensor, memory: Tensor, options: DecodeOptions = {}): Tensor {
    const { memoryMask } = options;
    const attended = this.attendToSelf(x, options);
    const informed = this.residual(attended, this.norm2, (y) =>
      this.crossAttention.forward(y, memory, memory, { mask: memoryMask }),
    );
    return this.residual(informed, this.norm3, (y) => this.feedForward.forward(y));
  }

  /** Weights of the attention to memory, (B, H, T, S), for the same arguments as `forward`. */
  crossAttentionWeights(x: Tensor, memory: Tensor, options: DecodeOptions = {}): Tensor {
    return this.scope(() => {
      const attended = this.attendToSelf(x, options);
      const query = this.normalization === 'pre' ? this.norm2.forward(attended) : attended;
      return this.crossAttention.attentionWeights(query, memory, { mask: options.memoryMask });
    });
  }

  createCache(rows: number, length: number, memoryLength: number, name = 'cache'): DecoderLayerCache {
    return {
      self: this.selfAttention.createCache(rows, length, `${name}.self`),
      cross: this.crossAttention.createCache(rows, memoryLength, `${name}.cross`),
    };
  }

  /** Makes ready for decoding with this memory. */
  remember(cache: DecoderLayerCache, memory: Tensor): void {
    this.scope(() => this.crossAttention.remember(cache.cross, memory));
  }

  /** What `forward` gives for one more token x (B, 1, D) at `position`, an int32 scalar. */
  step(x: Tensor, cache: DecoderLayerCache, position: Tensor, memoryMask?: Tensor | Mask): Tensor {
    return this.scope(() => {
      const attended = this.residual(x, this.norm1, (y) =>
        this.selfAttention.forward(y, { cache: cache.self, position }),
      );
      const informed = this.residual(attended, this.norm2, (y) =>
        this.crossAttention.forward(y, { cache: cache.cross, mask: memoryMask }),
      );
      return this.residual(informed, this.norm3, (y) => this.feedForward.forward(y));
    });
  }

  private attendToSelf(x: Tensor, { mask }: DecodeOptions): Tensor {
    return this.residual(x, this.norm1, (y) => this.selfAttention.forward(y, y, y, { mask, causal: true }));
  }
}
