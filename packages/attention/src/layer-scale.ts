import { expectLastDimension, expectSize, Module } from '@qkv/nn';
import { full, Parameter, type Tensor } from '@qkv/tensor';

export interface LayerScaleOptions {
  /** D. */
  readonly dimension: number;
  /** First value of every gain; 0.1 up to 18 layers, 1e−5 for 24 and 1e−6 beyond, in the paper. */
  readonly initial: number;
}

/** x · diag(λ), a learned gain for each feature of what a sublayer adds (Touvron et al. 2021, CaiT, Eq. 4). (…, D) → (…, D) */
export class LayerScale extends Module {
  readonly dimension: number;
  readonly gain: Parameter;

  constructor({ dimension, initial }: LayerScaleOptions) {
    super();
    expectSize('LayerScale', 'dimension', dimension);
    if (!Number.isFinite(initial)) throw new RangeError(`LayerScale: initial must be a number, got ${initial}`);
    this.dimension = dimension;
    this.gain = new Parameter({ shape: [dimension], initialize: () => full([dimension], initial) });
  }

  override forward(x: Tensor): Tensor {
    expectLastDimension('LayerScale', x, this.dimension);
    return x.mul(this.gain);
  }
}
