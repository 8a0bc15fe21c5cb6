import {
  type LayerScale,
  LayerStack,
  type LayerStackOptions,
  type Norm,
  ResidualLayer,
  type ResidualOptions,
} from '@qkv/attention';
import { GRU, LSTM } from '@qkv/nn';
import type { Tensor } from '@qkv/tensor';

import { inputsPresent, type PaddingOptions } from './padding';

export interface RecurrentLayerOptions extends ResidualOptions {
  /** What recurs; `lstm`. */
  readonly cell?: 'lstm' | 'gru';
}

/**
 * One layer of a recurrent encoder: a recurrence in each direction, of D/2 features (Bahdanau et al. 2015, section 3.2), with
 * a residual connection and a norm as all our layers have them. x (B, S, D) → (B, S, D).
 */
export class RecurrentLayer extends ResidualLayer {
  readonly recurrence: LSTM | GRU;
  readonly norm: Norm;
  readonly scale: LayerScale | null;

  constructor(options: RecurrentLayerOptions) {
    super(options);
    const { dimension, cell = 'lstm' } = options;
    if (dimension % 2 !== 0) {
      throw new RangeError(`RecurrentLayer: dimension ${dimension} must be even, half for each direction`);
    }
    const recurrence = { inputs: dimension, hidden: dimension / 2, bidirectional: true };
    this.recurrence = cell === 'lstm' ? new LSTM(recurrence) : new GRU(recurrence);
    this.norm = this.createNorm();
    this.scale = this.createScale();
  }

  override forward(x: Tensor, { mask }: PaddingOptions = {}): Tensor {
    const present = inputsPresent('RecurrentLayer', x, mask); // (B, S)
    return this.residual(x, this.norm, this.scale, (y) => this.recurrence.forward(y, { mask: present }).output);
  }
}

export interface RecurrentEncoderOptions extends RecurrentLayerOptions, LayerStackOptions {}

/** A stack of bidirectional recurrent layers, in place of an `Encoder` of attention. x (B, S, D) → (B, S, D). */
export class RecurrentEncoder extends LayerStack<RecurrentLayer> {
  constructor({ layers, finalNorm, ...layer }: RecurrentEncoderOptions) {
    super(
      'RecurrentEncoder',
      { layers, finalNorm, ...layer },
      (dropPath) => new RecurrentLayer({ ...layer, dropPath }),
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
