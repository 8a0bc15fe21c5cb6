import type { Tensor } from '@qkv/tensor';

import { EncoderLayer, type EncoderLayerOptions, type StepOptions } from './encoder-layer';
import type { KeyValueCache } from './key-value-cache';
import { LayerStack, type LayerStackOptions } from './layer-stack';
import type { AttendOptions } from './multi-head-attention';

export interface EncoderOptions extends EncoderLayerOptions, LayerStackOptions {}

/** A stack of encoder layers; with the option `causal`, the body of a decoder-only model. x (B, T, D) → (B, T, D). */
export class Encoder extends LayerStack<EncoderLayer> {
  constructor({ layers, finalNorm, ...layer }: EncoderOptions) {
    super('Encoder', { layers, finalNorm, ...layer }, (dropPath) => new EncoderLayer({ ...layer, dropPath }));
  }

  override forward(x: Tensor, options: AttendOptions = {}): Tensor {
    return this.through(x, (layer, h) => layer.forward(h, options));
  }

  /** x itself and what each layer makes of it, N + 1 tensors (B, T, D), each through the final norm if there is one. */
  outputs(x: Tensor, options: AttendOptions = {}): Tensor[] {
    return this.scope(() => this.throughAll(x, (layer, h) => layer.forward(h, options)));
  }

  /** For decoding token by token, with one part for each layer: `rows` sequences of at most `length` positions. */
  createCache(rows: number, length: number): KeyValueCache[] {
    return this.layers.map((layer, i) => layer.createCache(rows, length, `cache.${i}`));
  }

  /** What a causal `forward` gives for T more tokens x (B, T, D) at `position`, an int32 scalar, and after it. */
  step(x: Tensor, cache: readonly KeyValueCache[], position: Tensor, options: StepOptions = {}): Tensor {
    return this.scope(() => this.through(x, (layer, h, i) => layer.step(h, cache[i], position, options)));
  }
}
