import { Dropout, Module } from '@qkv/nn';
import type { Tensor } from '@qkv/tensor';

import { DropPath } from './drop-path';
import { LayerScale } from './layer-scale';
import { createNorm, type Norm, type NormName } from './norm';

/** Where the norm of a sublayer stands: LN(x + f(x)), as in the paper, or x + f(LN(x)), which trains without warm-up. */
export type Normalization = 'post' | 'pre';

export interface ResidualOptions {
  readonly dimension: number;
  /** Dropout of what the sublayer adds; 0.1, as in the paper. The paper has none inside the sublayers, nor have we. */
  readonly dropout?: number;
  /** `post` by default, as in the paper. */
  readonly normalization?: Normalization;
  /** `layer` by default, as in the paper. */
  readonly norm?: NormName;
  /** First value of a learned gain for each feature of what the sublayer adds, see `LayerScale`; none by default, as in the paper. */
  readonly layerScale?: number;
  /** Probability that a row goes without the sublayer in training, see `DropPath`; 0 by default, as in the paper. */
  readonly dropPath?: number;
}

/** What all layers of a stack have in common: sublayers with a norm, dropout and a residual connection each. */
export abstract class ResidualLayer extends Module {
  readonly normalization: Normalization;
  readonly dropout: Dropout;
  readonly dropPath: DropPath;
  readonly #options: ResidualOptions;

  constructor(options: ResidualOptions) {
    super();
    const { dropout = 0.1, normalization = 'post', dropPath = 0 } = options;
    if (normalization !== 'post' && normalization !== 'pre') {
      throw new RangeError(
        `normalization: there is no '${String(normalization)}'; choose pre or post: which norm it is says the option norm`,
      );
    }
    this.normalization = normalization;
    this.dropout = new Dropout({ rate: dropout });
    this.dropPath = new DropPath({ rate: dropPath });
    this.#options = options;
  }

  /** A norm of the kind that the options say, for one sublayer. */
  protected createNorm(): Norm {
    const { norm = 'layer', dimension } = this.#options;
    return createNorm(norm, dimension);
  }

  /** The gain of one sublayer, if the options ask for it. */
  protected createScale(): LayerScale | null {
    const { layerScale, dimension } = this.#options;
    return layerScale === undefined ? null : new LayerScale({ dimension, initial: layerScale });
  }

  /** x with what `sublayer` makes of it added, and normalised before or after. */
  protected residual(x: Tensor, norm: Norm, scale: LayerScale | null, sublayer: (x: Tensor) => Tensor): Tensor {
    const y = sublayer(this.normalization === 'pre' ? norm.forward(x) : x);
    const dropped = this.dropout.forward(y);
    const sum = x.add(this.dropPath.forward(scale === null ? dropped : scale.forward(dropped)));
    return this.normalization === 'pre' ? sum : norm.forward(sum);
  }
}
