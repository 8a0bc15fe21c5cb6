import type { Tensor } from '@qkv/tensor';

import { FeedForward } from './feed-forward';
import type { KeyValueCache } from './key-value-cache';
import { attentionOptions, feedForwardOptions, type LayerAttentionOptions, type LayerOptions } from './layer-options';
import type { LayerScale } from './layer-scale';
import { type AttendOptions, MultiHeadAttention } from './multi-head-attention';
import type { Norm } from './norm';
import { ResidualLayer } from './residual';

export interface DecoderLayerOptions extends LayerOptions {
  /** Further options of both attentions. `positions` and `window` are the self-attention's alone: target and source count different things. */
  readonly attention?: LayerAttentionOptions;
  /** Options of the attention to memory that differ from `attention`. */
  readonly crossAttention?: LayerAttentionOptions;
  /** Last dimension of the encoder's output; D by default. */
  readonly memoryDimension?: number;
}

export interface DecodeOptions {
  /** Which target positions may be attended to, broadcastable to (B, H, T, T). */
  readonly mask?: AttendOptions['mask'];
  /** Which memory positions may be attended to, broadcastable to (B, H, T, S). */
  readonly memoryMask?: AttendOptions['mask'];
  /** Whether a target position attends to none after it; true. Decoders that are not autoregressive want false. */
  readonly causal?: boolean;
}

/** What a decoder layer keeps while it decodes token by token. */
export interface DecoderLayerCache {
  readonly self: KeyValueCache;
  readonly cross: KeyValueCache;
}

/**
 * One layer of the decoder (Vaswani et al. 2017, Figure 1, right): causal self-attention, attention to the encoder's
 * output ("memory"), feed-forward, each with a residual connection and a norm. x (B, T, D), memory (B, S, Dm) → (B, T, D).
 * For a decoder without memory, see `EncoderLayer`.
 */
export class DecoderLayer extends ResidualLayer {
  readonly selfAttention: MultiHeadAttention;
  readonly norm1: Norm;
  readonly scale1: LayerScale | null;
  readonly crossAttention: MultiHeadAttention;
  readonly norm2: Norm;
  readonly scale2: LayerScale | null;
  readonly feedForward: FeedForward;
  readonly norm3: Norm;
  readonly scale3: LayerScale | null;

  constructor(options: DecoderLayerOptions) {
    super(options);
    const { memoryDimension, crossAttention } = options;
    const attention = { ...options.attention, positions: undefined, window: undefined, ...crossAttention };
    this.selfAttention = new MultiHeadAttention(attentionOptions(options));
    this.norm1 = this.createNorm();
    this.scale1 = this.createScale();
    this.crossAttention = new MultiHeadAttention({
      ...attentionOptions({ ...options, attention }),
      keyDimension: memoryDimension,
      valueDimension: memoryDimension,
    });
    this.norm2 = this.createNorm();
    this.scale2 = this.createScale();
    this.feedForward = new FeedForward(feedForwardOptions(options));
    this.norm3 = this.createNorm();
    this.scale3 = this.createScale();
  }

  override forward(x: Tensor, memory: Tensor, options: DecodeOptions = {}): Tensor {
    const { mask, memoryMask, causal = true } = options;
    return this.around(
      x,
      (y) => this.selfAttention.forward(y, y, y, { mask, causal }),
      (y) => this.crossAttention.forward(y, memory, memory, { mask: memoryMask }),
    );
  }

  /** Weights of the attention to memory, (B, H, T, S), for the same arguments as `forward`. */
  crossAttentionWeights(x: Tensor, memory: Tensor, options: DecodeOptions = {}): Tensor {
    return this.scope(() => {
      const { mask, memoryMask, causal = true } = options;
      const attended = this.residual(x, this.norm1, this.scale1, (y) =>
        this.selfAttention.forward(y, y, y, { mask, causal }),
      );
      const query = this.normalization === 'pre' ? this.norm2.forward(attended) : attended;
      return this.crossAttention.attentionWeights(query, memory, { mask: memoryMask });
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
  step(x: Tensor, cache: DecoderLayerCache, position: Tensor, memoryMask?: DecodeOptions['memoryMask']): Tensor {
    return this.scope(() =>
      this.around(
        x,
        (y) => this.selfAttention.forward(y, { cache: cache.self, position }),
        (y) => this.crossAttention.forward(y, { cache: cache.cross, position, append: false, mask: memoryMask }),
      ),
    );
  }

  /** All three sublayers, with what these do in place of the attentions. */
  private around(x: Tensor, toSelf: (y: Tensor) => Tensor, toMemory: (y: Tensor) => Tensor): Tensor {
    const attended = this.residual(x, this.norm1, this.scale1, toSelf);
    const informed = this.residual(attended, this.norm2, this.scale2, toMemory);
    return this.residual(informed, this.norm3, this.scale3, (y) => this.feedForward.forward(y));
  }
}
