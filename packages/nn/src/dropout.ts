import { dropout, type Shape, type Tensor } from '@qkv/tensor';

import { Module } from './module';

export interface DropoutOptions {
  /** Probability of becoming 0; 0.1, as in Vaswani et al. 2017. */
  readonly rate?: number;
}

/**
 * While training (`compile(fn, { mode: 'train' })`), sets each element to 0 with probability `rate` and scales the others
 * by 1/(1 − rate); otherwise the identity (Srivastava et al. 2014). x (…) → (…).
 */
export class Dropout extends Module {
  readonly rate: number;

  constructor({ rate = 0.1 }: DropoutOptions = {}) {
    super();
    if (!(rate >= 0 && rate < 1)) throw new RangeError(`Dropout: rate must be in [0, 1), got ${rate}`);
    this.rate = rate;
  }

  override forward<S extends Shape>(x: Tensor<S>): Tensor<S> {
    return dropout(x, this.rate) as Tensor<S>;
  }
}
