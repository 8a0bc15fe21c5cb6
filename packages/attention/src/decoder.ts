import { expectSize, LayerNorm, Module } from '@qkv/nn';
import type { Tensor } from '@qkv/tensor';

import { DecoderLayer, type DecoderLayerCache, type DecoderLayerOptions, type DecodeOptions } from './decoder-layer';
import type { Mask } from './masks';

export interface DecoderOptions extends DecoderLayerOptions {
  /** Number of layers, N. */
  readonly layers: number;
  /** A norm after the last layer. By default with pre-norm, whose output would have none; torch's nn.Transformer always has it. */
  readonly finalNorm?: boolean;
}

/** What a decoder keeps while it decodes token by token: one part for each layer. */
export type DecoderCache = readonly DecoderLayerCache[];

/** A stack of decoder layers that all attend to the same memory. x (B, T, D), memory (B, S, Dm) → (B, T, D). */
export class Decoder extends Module {
  readonly layers: readonly DecoderLayer[];
  readonly norm: LayerNorm | null;

  constructor({ layers, finalNorm, ...layer }: DecoderOptions) {
    super();
    expectSize('Decoder', 'layers', layers);
    this.layers = Array.from({ length: layers }, () => new DecoderLayer(layer));
    this.norm = (finalNorm ?? layer.normalization === 'pre') ? new LayerNorm({ dimension: layer.dimension }) : null;
  }

  override forward(x: Tensor, memory: Tensor, options: DecodeOptions = {}): Tensor {
    return this.finish(this.layers.reduce((h, layer) => layer.forward(h, memory, options), x));
  }

  /** Weights of each layer's attention to memory, (B, H, T, S), for the same arguments as `forward`. */
  crossAttentionWeights(x: Tensor, memory: Tensor, options: DecodeOptions = {}): Tensor[] {
    return this.scope(() => {
      let h = x;
      return this.layers.map((layer) => {
        const weights = layer.crossAttentionWeights(h, memory, options);
        h = layer.forward(h, memory, options);
        return weights;
      });
    });
  }

  createCache(rows: number, length: number, memoryLength: number): DecoderCache {
    return this.layers.map((layer, i) => layer.createCache(rows, length, memoryLength, `cache.${i}`));
  }

  /** Makes ready for decoding with this memory, (B, S, Dm). */
  remember(cache: DecoderCache, memory: Tensor): void {
    this.scope(() => this.layers.forEach((layer, i) => layer.remember(cache[i], memory)));
  }

  /** What `forward` gives for one more token x (B, 1, D) at `position`, an int32 scalar. */
  step(x: Tensor, cache: DecoderCache, position: Tensor, memoryMask?: Tensor | Mask): Tensor {
    return this.scope(() =>
      this.finish(this.layers.reduce((h, layer, i) => layer.step(h, cache[i], position, memoryMask), x)),
    );
  }

  private finish(y: Tensor): Tensor {
    return this.norm === null ? y : this.norm.forward(y);
  }
}
