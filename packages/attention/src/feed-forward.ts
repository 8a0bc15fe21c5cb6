import { activation, type ActivationName, Linear, Module, xavierUniform, zeros } from '@qkv/nn';
import type { Tensor } from '@qkv/tensor';

export interface FeedForwardOptions {
  /** D. */
  readonly dimension: number;
  /** Size of the inner layer; four times D in the paper. */
  readonly hidden: number;
  /** `relu` by default, as in the paper. */
  readonly activation?: ActivationName;
}

/** max(0, x W₁ᵀ + b₁) W₂ᵀ + b₂ at each position (Vaswani et al. 2017, Eq. 2), or another activation. (B, T, D) → (B, T, D) */
export class FeedForward extends Module {
  readonly inner: Linear;
  readonly outer: Linear;
  readonly #activate: (x: Tensor) => Tensor;

  constructor({ dimension, hidden, activation: name = 'relu' }: FeedForwardOptions) {
    super();
    // Xavier weights and no bias at first, as the paper's code has it.
    const initializers = { weightInitializer: xavierUniform(), biasInitializer: zeros };
    this.inner = new Linear({ inputs: dimension, outputs: hidden, ...initializers });
    this.outer = new Linear({ inputs: hidden, outputs: dimension, ...initializers });
    this.#activate = activation(name);
  }

  override forward(x: Tensor): Tensor {
    return this.outer.forward(this.#activate(this.inner.forward(x))); // (B, T, hidden) between
  }
}
