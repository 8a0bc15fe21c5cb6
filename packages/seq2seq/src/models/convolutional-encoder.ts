import {
  type LayerScale,
  LayerStack,
  type LayerStackOptions,
  type Norm,
  ResidualLayer,
  type ResidualOptions,
} from '@qkv/attention';
import { Conv1d } from '@qkv/nn';
import { select, sigmoid, type Tensor } from '@qkv/tensor';

import { inputsPresent, type PaddingOptions } from './padding';

export interface ConvolutionalLayerOptions extends ResidualOptions {
  /** K, an odd number of neighbouring inputs; 3, as in the paper's encoder. */
  readonly kernel?: number;
}

/**
 * One layer of a convolutional encoder (Gehring et al. 2017, sections 3.2 and 3.3): A ⊙ σ(B) with (A, B) = Conv1d(x), of D
 * features each, with a residual connection. The paper scales the sum by √½; ours has a norm as all our layers have. Padding
 * counts as 0. x (B, S, D) → (B, S, D).
 */
export class ConvolutionalLayer extends ResidualLayer {
  readonly dimension: number;
  readonly convolution: Conv1d;
  readonly norm: Norm;
  readonly scale: LayerScale | null;

  constructor(options: ConvolutionalLayerOptions) {
    super(options);
    const { dimension, kernel = 3 } = options;
    if (kernel % 2 !== 1) throw new RangeError(`ConvolutionalLayer: kernel must be an odd number, got ${kernel}`);
    this.dimension = dimension;
    this.convolution = new Conv1d({ inputs: dimension, outputs: 2 * dimension, kernel, padding: 'same' });
    this.norm = this.createNorm();
    this.scale = this.createScale();
  }

  override forward(x: Tensor, { mask }: PaddingOptions = {}): Tensor {
    const present = inputsPresent('ConvolutionalLayer', x, mask)?.unsqueeze(-1); // (B, S, 1)
    return this.residual(x, this.norm, this.scale, (y) => {
      const both = this.convolution.forward(present === undefined ? y : select(present, y, 0)); // (B, S, 2D)
      const half = [...x.shape.slice(0, -1), this.dimension];
      return both.slice([0, 0, 0], half).mul(sigmoid(both.slice([0, 0, this.dimension], half))); // (B, S, D)
    });
  }
}

export interface ConvolutionalEncoderOptions extends ConvolutionalLayerOptions, LayerStackOptions {}

/** A stack of gated convolutions, in place of an `Encoder` of attention. x (B, S, D) → (B, S, D). */
export class ConvolutionalEncoder extends LayerStack<ConvolutionalLayer> {
  constructor({ layers, finalNorm, ...layer }: ConvolutionalEncoderOptions) {
    super(
      'ConvolutionalEncoder',
      { layers, finalNorm, ...layer },
      (dropPath) => new ConvolutionalLayer({ ...layer, dropPath }),
    );
  }

  override forward(x: Tensor, options: PaddingOptions = {}): Tensor {
    return this.through(x, (layer, h) => layer.forward(h, options));
  }

  /** x itself and what each layer makes of it, each through the final norm if there is one. */
  outputs(x: Tensor, options: PaddingOptions = {}): Tensor[] {
    return this.scope(() => this.throughAll(x, (layer, h) => layer.forward(h, options)));
  }
}
