import { type CheckLastDimension, Parameter, rmsNorm, type Shape, type Tensor } from '@qkv/tensor';

import { expectLastDimension, expectSize } from './check';
import { ones } from './initializers';
import { Module } from './module';

export interface RMSNormOptions<C extends number> {
  /** Size of the last dimension. */
  readonly dimension: C;
  /** Added to the mean square; 1e−5, as LayerNorm's. */
  readonly epsilon?: number;
}

/** Root-mean-square normalisation (Zhang & Sennrich 2019): y = x/√(mean(x²) + ε) · gain. x (…, C) → (…, C). */
export class RMSNorm<const C extends number = number> extends Module {
  readonly dimension: C;
  readonly epsilon: number;
  readonly gain: Parameter;

  constructor(options: RMSNormOptions<C>) {
    super();
    const { dimension, epsilon = 1e-5 } = options;
    expectSize('RMSNorm', 'dimension', dimension);
    this.dimension = dimension;
    this.epsilon = epsilon;
    this.gain = new Parameter({ shape: [dimension], initialize: () => ones([dimension]) });
  }

  override forward<S extends Shape>(x: Tensor<S> & CheckLastDimension<S, C, 'RMSNorm'>): Tensor<S> {
    expectLastDimension('RMSNorm', x, this.dimension);
    return rmsNorm(x, this.gain.value, this.epsilon) as Tensor<S>;
  }
}
