import { expectSize, Module } from '@qkv/nn';
import { Parameter, ShapeError, softmax, stack, type Tensor, zeros } from '@qkv/tensor';

export interface TransparentAttentionOptions {
  /** Tensors that are mixed: the encoder's layers and their input, N + 1. */
  readonly inputs: number;
  /** Mixtures that are made, one for each decoder layer, M. */
  readonly outputs: number;
}

/**
 * What each decoder layer attends to where it may attend to all encoder layers: z_m = Σ_n s_mn h_n with s_m = softmax(w_m)
 * over the encoder's input h_0 and the outputs h_1 … h_N of its layers (Bapna et al. 2018, "Training Deeper Neural Machine
 * Translation Models with Transparent Attention", section 4). The weights w begin equal, so as means.
 *
 * N + 1 tensors (B, S, D) → M tensors (B, S, D). `weight` is (M, N + 1), the transpose of the paper's W.
 */
export class TransparentAttention extends Module {
  readonly inputs: number;
  readonly outputs: number;
  readonly weight: Parameter;

  constructor({ inputs, outputs }: TransparentAttentionOptions) {
    super();
    expectSize('TransparentAttention', 'inputs', inputs);
    expectSize('TransparentAttention', 'outputs', outputs);
    this.inputs = inputs;
    this.outputs = outputs;
    this.weight = new Parameter({ shape: [outputs, inputs], initialize: () => zeros([outputs, inputs]) });
  }

  override forward(layers: readonly Tensor[]): Tensor[] {
    if (layers.length !== this.inputs) {
      throw new ShapeError(`TransparentAttention: expected ${this.inputs} tensors to mix, got ${layers.length}`);
    }
    const [B, S, D] = layers[0].shape;
    const all = stack(layers).reshape([this.inputs, B * S * D]);
    const mixed = softmax(this.weight.value).matmul(all); // (M, B·S·D)
    return Array.from({ length: this.outputs }, (_, m) => mixed.slice([m, 0], [1]).reshape([B, S, D]));
  }
}
