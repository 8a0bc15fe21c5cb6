import { activation, type ActivationName, Linear, Module, xavierUniform, zeros } from '@qkv/nn';
import type { Tensor } from '@qkv/tensor';

export interface FeedForwardOptions {
  /** D. */
  readonly dimension: number;
  /** Size of the inner layer; four times D in the paper. Gated, two thirds of that have as many parameters. */
  readonly hidden: number;
  /** `relu` by default, as in the paper. */
  readonly activation?: ActivationName;
  /** Whether a second inner layer is multiplied in; false, as in the paper. With `silu` it is SwiGLU, with `gelu` GEGLU. */
  readonly gated?: boolean;
  /** Whether the layers add biases; true, as in the paper. Gated models mostly have none. */
  readonly bias?: boolean;
}

/**
 * max(0, x W₁ᵀ + b₁) W₂ᵀ + b₂ at each position (Vaswani et al. 2017, Eq. 2), or another activation σ. Gated:
 * (σ(x Wᵀ + b) ⊙ (x Vᵀ + c)) W₂ᵀ + b₂ (Shazeer 2020, Eq. 6). (B, T, D) → (B, T, D)
 *
 * | here | Vaswani et al. | Shazeer | LLaMA's code |
 * | --- | --- | --- | --- |
 * | `inner` | W₁ | V | `w3`, `up_proj` |
 * | `gate` | | W | `w1`, `gate_proj` |
 * | `outer` | W₂ | W₂ | `w2`, `down_proj` |
 */
export class FeedForward extends Module {
  readonly inner: Linear;
  /** Null unless gated. */
  readonly gate: Linear | null;
  readonly outer: Linear;
  readonly #activate: (x: Tensor) => Tensor;

  constructor({ dimension, hidden, activation: name = 'relu', gated = false, bias = true }: FeedForwardOptions) {
    super();
    // Xavier weights and no bias at first, as the paper's code has it.
    const initializers = { bias, weightInitializer: xavierUniform(), biasInitializer: zeros };
    this.inner = new Linear({ inputs: dimension, outputs: hidden, ...initializers });
    this.gate = gated ? new Linear({ inputs: dimension, outputs: hidden, ...initializers }) : null;
    this.outer = new Linear({ inputs: hidden, outputs: dimension, ...initializers });
    this.#activate = activation(name);
  }

  override forward(x: Tensor): Tensor {
    const inner = this.inner.forward(x); // (B, T, hidden)
    const y = this.gate === null ? this.#activate(inner) : this.#activate(this.gate.forward(x)).mul(inner);
    return this.outer.forward(y); // (B, T, D)
  }
}
