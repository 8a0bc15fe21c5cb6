import { expectSize, LayerNorm, Module } from '@qkv/nn';
import type { Tensor } from '@qkv/tensor';

import { EncoderLayer, type EncoderLayerOptions } from './encoder-layer';
import type { AttendOptions } from './multi-head-attention';

export interface EncoderOptions extends EncoderLayerOptions {
  /** Number of layers, N. */
  readonly layers: number;
  /** A norm after the last layer. By default with pre-norm, whose output would have none; torch's nn.Transformer always has it. */
  readonly finalNorm?: boolean;
}

/** A stack of encoder layers. x (B, T, D) → (B, T, D). */
export class Encoder extends Module {
  readonly layers: readonly EncoderLayer[];
  readonly norm: LayerNorm | null;

  constructor({ layers, finalNorm, ...layer }: EncoderOptions) {
    super();
    expectSize('Encoder', 'layers', layers);
    this.layers = Array.from({ length: layers }, () => new EncoderLayer(layer));
    this.norm = (finalNorm ?? layer.normalization === 'pre') ? new LayerNorm({ dimension: layer.dimension }) : null;
  }

  override forward(x: Tensor, options: AttendOptions = {}): Tensor {
    const y = this.layers.reduce((h, layer) => layer.forward(h, options), x);
    return this.norm === null ? y : this.norm.forward(y);
  }
}
