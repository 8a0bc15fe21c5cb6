import { Dropout, type LayerNorm, Module } from '@qkv/nn';
import type { Tensor } from '@qkv/tensor';

/** Where the norm of a sublayer stands: LN(x + f(x)), as in the paper, or x + f(LN(x)), which trains without warm-up. */
export type Normalization = 'post' | 'pre';

export interface ResidualOptions {
  readonly dimension: number;
  /** Dropout of what the sublayer adds; 0.1, as in the paper. The paper has none inside the sublayers, nor have we. */
  readonly dropout?: number;
  /** `post` by default, as in the paper. */
  readonly normalization?: Normalization;
}

/** What encoder and decoder layers have in common: sublayers with a norm, dropout and a residual connection each. */
export abstract class ResidualLayer extends Module {
  readonly normalization: Normalization;
  readonly dropout: Dropout;

  constructor({ dropout = 0.1, normalization = 'post' }: ResidualOptions) {
    super();
    this.normalization = normalization;
    this.dropout = new Dropout({ rate: dropout });
  }

  /** x with what `sublayer` makes of it added, and normalised before or after. */
  protected residual(x: Tensor, norm: LayerNorm, sublayer: (x: Tensor) => Tensor): Tensor {
    if (this.normalization === 'pre') return x.add(this.dropout.forward(sublayer(norm.forward(x))));
    return norm.forward(x.add(this.dropout.forward(sublayer(x))));
  }
}
