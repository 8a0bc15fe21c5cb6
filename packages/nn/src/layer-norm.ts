import { type CheckLastDimension, layerNorm, Parameter, type Shape, type Tensor } from '@qkv/tensor';

import { expectLastDimension, expectSize } from './check';
import { ones, zeros } from './initializers';
import { Module } from './module';

export interface LayerNormOptions<C extends number> {
  /** Size of the last dimension. */
  readonly dimension: C;
  /** Added to the variance; 1e−5, as in torch and the paper's code. Vision Transformers use 1e−6. */
  readonly epsilon?: number;
}

/**
 * Layer normalisation (Ba et al. 2016): y = (x − μ)/√(σ² + ε) · gain + bias, with μ and the biased σ² over the last
 * dimension. x (…, C) → (…, C). torch calls the gain `weight`.
 */
export class LayerNorm<const C extends number = number> extends Module {
  readonly dimension: C;
  readonly epsilon: number;
  readonly gain: Parameter;
  readonly bias: Parameter;

  constructor(options: LayerNormOptions<C>) {
    super();
    const { dimension, epsilon = 1e-5 } = options;
    expectSize('LayerNorm', 'dimension', dimension);
    this.dimension = dimension;
    this.epsilon = epsilon;
    this.gain = new Parameter({ shape: [dimension], initialize: () => ones([dimension]) });
    this.bias = new Parameter({ shape: [dimension], initialize: () => zeros([dimension]) });
  }

  override forward<S extends Shape>(x: Tensor<S> & CheckLastDimension<S, C, 'LayerNorm'>): Tensor<S> {
    expectLastDimension('LayerNorm', x, this.dimension);
    return layerNorm(x, this.gain.value, this.bias.value, this.epsilon) as Tensor<S>;
  }
}
