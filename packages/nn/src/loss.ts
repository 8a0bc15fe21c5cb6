import { select, type Tensor } from '@qkv/tensor';

/**
 * A loss before its division: the sum over all elements, and the weight that they have together. Sums and weights of
 * several micro-batches may be added, so that four micro-batches give the gradient of one batch.
 */
export class Loss {
  constructor(
    /** Scalar. */
    readonly sum: Tensor,
    /** Scalar. */
    readonly weight: Tensor,
  ) {}

  /** sum / weight; 0 where nothing has weight. */
  mean(): Tensor {
    return this.sum.div(select(this.weight.equal(0), 1, this.weight));
  }
}
