import { expectLastDimension, expectSize, Linear, Module } from '@qkv/nn';
import { arange, logSoftmax, pad, scatterAdd, ShapeError, softplus, stopGradient, type Tensor } from '@qkv/tensor';

export interface CopyMechanismOptions {
  /** F: size of what the gate sees, such as context, state and input side by side. */
  readonly features: number;
  /** V. */
  readonly vocabulary: number;
  /** X: how many ids there are for tokens that only a source has. */
  readonly extra: number;
}

/** Of a copy that is impossible, the smallest float32 with all digits: its logarithm, −87.3, and its slope stay finite. */
const IMPOSSIBLE = 2 ** -126;

/**
 * The copy mechanism of pointer-generators (See et al. 2017, Eq. 8–9): p_gen = σ(w·f + b), and
 * P(w) = p_gen P_vocab(w) + (1 − p_gen) Σ_{i: x_i = w} α_i, over the vocabulary and the tokens that the source brings.
 *
 * features f (B, T, F), logits (B, T, V), attention α to the source (B, T, S), of sum 1, source ids int32 (B, S) below V + X, those
 * from V on its own tokens (`ExtendedVocabulary`) → log P (B, T, V + X), which is both log-probabilities and logits: what
 * `sequenceLoss` and decoders take. What can neither be generated nor copied has at most e⁻⁸⁷; label smoothing would ask
 * for it.
 */
export class CopyMechanism extends Module {
  readonly vocabulary: number;
  readonly extra: number;
  /** w and b. */
  readonly gate: Linear;

  constructor({ features, vocabulary, extra }: CopyMechanismOptions) {
    super();
    expectSize('CopyMechanism', 'vocabulary', vocabulary);
    if (!Number.isInteger(extra) || extra < 0) {
      throw new RangeError(`CopyMechanism: extra must be an integer from 0, got ${extra}`);
    }
    this.vocabulary = vocabulary;
    this.extra = extra;
    this.gate = new Linear({ inputs: features, outputs: 1 });
  }

  override forward(features: Tensor, logits: Tensor, attention: Tensor, source: Tensor): Tensor {
    this.check(features, logits, attention, source);
    const gate: Tensor = this.gate.forward(features); // (B, T, 1)
    // log σ(g) and log (1 − σ(g)), and log (a + b) below: sums of small probabilities stay exact.
    const generated = logSoftmax(logits).sub(softplus(gate.neg())); // (B, T, V)
    const copied = this.copies(attention, source).maximum(IMPOSSIBLE).log().sub(softplus(gate)); // (B, T, V + X)
    const a = pad(generated, [0, 0, 0], [0, 0, this.extra], -Infinity);
    const most = stopGradient(a.maximum(copied));
    return a.sub(most).exp().add(copied.sub(most).exp()).log().add(most);
  }

  /** Σ_{i: x_i = w} α_i: (B, T, V + X) */
  private copies(attention: Tensor, source: Tensor): Tensor {
    const [B, T, S] = attention.shape;
    const ids = this.vocabulary + this.extra;
    // Row p of 0 … V+X−1 is p, and there are no others: what is outside fails the run, and does not reach another row.
    const checked = arange(ids).gather(source); // (B, S)
    const places = checked.add(arange(B).mul(ids).unsqueeze(1)).reshape([B * S]);
    const updates = attention.transpose().reshape([B * S, T]);
    return scatterAdd(places, updates, B * ids)
      .reshape([B, ids, T])
      .transpose();
  }

  private check(features: Tensor, logits: Tensor, attention: Tensor, source: Tensor): void {
    expectLastDimension('CopyMechanism: logits', logits, this.vocabulary);
    const [B, T] = logits.shape;
    const fits = logits.rank === 3 && attention.rank === 3 && attention.shape[0] === B && attention.shape[1] === T;
    if (!fits) {
      throw new ShapeError(
        `CopyMechanism: expected logits (B, T, ${this.vocabulary}) and attention (B, T, S), got [${logits.shape.join(', ')}] and [${attention.shape.join(', ')}]; of several heads take the mean`,
      );
    }
    const F = this.gate.inputs;
    if (`${features.shape}` !== `${[B, T, F]}`) {
      throw new ShapeError(`CopyMechanism: expected features (${B}, ${T}, ${F}), got [${features.shape.join(', ')}]`);
    }
    const S = attention.shape[2];
    if (source.dtype !== 'int32' || source.rank !== 2 || source.shape[0] !== B || source.shape[1] !== S) {
      throw new ShapeError(
        `CopyMechanism: expected source ids int32 [${B}, ${S}], got ${source.dtype} [${source.shape.join(', ')}]`,
      );
    }
  }
}
