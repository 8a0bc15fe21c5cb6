import { ShapeError, type Tensor } from '@qkv/tensor';

import { DecoderLayer, type DecoderLayerCache, type DecoderLayerOptions, type DecodeOptions } from './decoder-layer';
import { LayerStack, type LayerStackOptions } from './layer-stack';

export interface DecoderOptions extends DecoderLayerOptions, LayerStackOptions {}

/** What a decoder keeps while it decodes token by token: one part for each layer. */
export type DecoderCache = readonly DecoderLayerCache[];

/** What the decoder attends to: one tensor (B, S, Dm) for all layers, or one for each. */
export type Memory = Tensor | readonly Tensor[];

/** A stack of decoder layers. x (B, T, D), memory (B, S, Dm) for all layers or one for each → (B, T, D). */
export class Decoder extends LayerStack<DecoderLayer> {
  constructor({ layers, finalNorm, ...layer }: DecoderOptions) {
    super('Decoder', { layers, finalNorm, ...layer }, (dropPath) => new DecoderLayer({ ...layer, dropPath }));
  }

  override forward(x: Tensor, memory: Memory, options: DecodeOptions = {}): Tensor {
    const memories = this.forLayers(memory);
    return this.through(x, (layer, h, i) => layer.forward(h, memories[i], options));
  }

  /** Weights of each layer's attention to memory, (B, H, T, S), for the same arguments as `forward`. */
  crossAttentionWeights(x: Tensor, memory: Memory, options: DecodeOptions = {}): Tensor[] {
    return this.scope(() => {
      const memories = this.forLayers(memory);
      let h = x;
      return this.layers.map((layer, i) => {
        const weights = layer.crossAttentionWeights(h, memories[i], options);
        h = layer.forward(h, memories[i], options);
        return weights;
      });
    });
  }

  createCache(rows: number, length: number, memoryLength: number): DecoderCache {
    return this.layers.map((layer, i) => layer.createCache(rows, length, memoryLength, `cache.${i}`));
  }

  /** Makes ready for decoding with this memory. */
  remember(cache: DecoderCache, memory: Memory): void {
    this.scope(() => {
      const memories = this.forLayers(memory);
      this.layers.forEach((layer, i) => layer.remember(cache[i], memories[i]));
    });
  }

  /** What `forward` gives for one more token x (B, 1, D) at `position`, an int32 scalar. */
  step(x: Tensor, cache: DecoderCache, position: Tensor, memoryMask?: DecodeOptions['memoryMask']): Tensor {
    return this.scope(() => this.through(x, (layer, h, i) => layer.step(h, cache[i], position, memoryMask)));
  }

  private forLayers(memory: Memory): readonly Tensor[] {
    const { length } = this.layers;
    if (!Array.isArray(memory)) return Array.from({ length }, () => memory as Tensor);
    if (memory.length !== length) {
      throw new ShapeError(`Decoder: expected one memory, or one for each of ${length} layers, got ${memory.length}`);
    }
    return memory as readonly Tensor[];
  }
}
