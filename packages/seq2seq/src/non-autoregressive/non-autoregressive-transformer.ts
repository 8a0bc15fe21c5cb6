import { crossEntropy, expectSize, Linear, type Loss, Module, xavierUniform, zeros } from '@qkv/nn';
import { full, select, type Tensor } from '@qkv/tensor';

import { sequenceLoss } from '../sequence-loss';
import { Transformer, type TransformerOptions } from '../transformer';
import { maskTargets, randomMask } from './mask-targets';

export interface NonAutoregressiveOptions extends Omit<TransformerOptions, 'wiring' | 'causal'> {
  /** Id of MASK in the target vocabulary: a position whose token is not known. */
  readonly maskId: number;
  /**
   * How long a target is: `predicted`, from the source, as in Ghazvininejad et al. 2019; or `end`, where every position
   * after the first END is END, and the result is cut there.
   */
  readonly lengths?: 'predicted' | 'end';
  /** Id of END; `end` needs it. */
  readonly endId?: number;
  /** Longest target whose length can be predicted; `maxLength`, which is 512. */
  readonly maxTargetLength?: number;
}

export interface MaskedLossOptions {
  /** ε of label smoothing; 0. */
  readonly smoothing?: number;
}

export interface MaskedLosses {
  /** −Σ log p of the masked tokens given the others; the weight is how many there are. */
  readonly tokens: Loss;
  /** −Σ log p of the lengths, one for each row; null with `end`. fairseq adds a tenth of it. */
  readonly length: Loss | null;
}

/**
 * The conditional masked language model (Ghazvininejad et al. 2019, "Mask-Predict"): a Transformer whose decoder sees both
 * sides, and predicts all masked tokens at once. With everything masked it is non-autoregressive translation in one pass
 * (Gu et al. 2018). The length is a class, predicted from the mean of the encoder's output, where the paper has a special
 * token.
 *
 * source ids (B, S), target ids (B, T) with MASK where they are not known → logits (B, T, V), each of its own position.
 */
export class NonAutoregressiveTransformer extends Module {
  readonly transformer: Transformer;
  /** Class l − 1 is the length l; null with `end`. */
  readonly lengthPredictor: Linear | null;
  readonly maskId: number;
  readonly padId: number;
  readonly endId: number | undefined;
  readonly maxTargetLength: number;

  constructor(options: NonAutoregressiveOptions) {
    super();
    const { maskId, endId, lengths = 'predicted', ...rest } = options;
    const { targetVocabulary: V } = options;
    this.transformer = new Transformer({ ...rest, causal: false });
    const { maxLength, dimension, padId } = this.transformer;
    const { maxTargetLength = maxLength } = options;
    expectSize('NonAutoregressiveTransformer', 'maxTargetLength', maxTargetLength);
    if (maxTargetLength > maxLength) {
      throw new RangeError(
        `NonAutoregressiveTransformer: maxTargetLength ${maxTargetLength} exceeds maxLength ${maxLength}`,
      );
    }
    if (!Number.isInteger(maskId) || maskId < 0 || maskId >= V || maskId === padId) {
      throw new RangeError(
        `NonAutoregressiveTransformer: maskId must be an id of the target vocabulary of ${V} other than padding, got ${maskId}`,
      );
    }
    if (lengths === 'end' && endId === undefined) {
      throw new RangeError("NonAutoregressiveTransformer: lengths 'end' needs an endId");
    }
    this.maskId = maskId;
    this.padId = padId;
    this.endId = endId;
    this.maxTargetLength = maxTargetLength;
    this.lengthPredictor =
      lengths === 'end'
        ? null
        : new Linear({
            inputs: dimension,
            outputs: maxTargetLength,
            weightInitializer: xavierUniform(),
            biasInitializer: zeros,
          });
  }

  override forward(source: Tensor, target: Tensor): Tensor {
    return this.predict(target, this.transformer.encode(source), this.transformer.sourceMask(source));
  }

  /** Target ids (B, T) with MASK, memory (B, S, D) and the source's mask → logits (B, T, V). */
  predict(target: Tensor, memory: Tensor, memoryMask: Tensor): Tensor {
    return this.transformer.decode(target, memory, memoryMask);
  }

  /** Memory (B, S, D) and the source's mask → logits (B, L) of the lengths 1 … L. */
  lengthLogits(memory: Tensor, memoryMask: Tensor): Tensor {
    return this.scope(() => {
      if (this.lengthPredictor === null) {
        throw new Error("NonAutoregressiveTransformer: with lengths 'end' there is no prediction of lengths");
      }
      const [B, S] = memory.shape;
      const present = memoryMask.reshape([B, S, 1]).cast('float32');
      const mean = memory.mul(present).sum(1).div(present.sum(1).maximum(1)); // (B, D)
      return this.lengthPredictor.forward(mean); // (B, L)
    });
  }

  /**
   * What training lowers, for random masks; needs a seed. Targets (B, T) are what is to be said, without START, with
   * padding after it. With `end` END and everything after it counts, up to T. Rows of padding count nothing.
   */
  maskedLosses(source: Tensor, target: Tensor, { smoothing = 0 }: MaskedLossOptions = {}): MaskedLosses {
    return this.scope(() => {
      const { padId, maskId, transformer } = this;
      const said = target.notEqual(padId); // (B, T)
      let wanted = target;
      if (this.lengthPredictor === null) {
        const row = said.max(-1, { keep: true }); // rows that say anything
        wanted = select(row.and(said.not()), full(target.shape, this.endId!, 'int32'), target);
      }
      const masked = randomMask(wanted.notEqual(padId));
      const memory = transformer.encode(source);
      const memoryMask = transformer.sourceMask(source);
      const logits = this.predict(maskTargets(wanted, masked, maskId), memory, memoryMask);
      const tokens = sequenceLoss(logits, select(masked, wanted, padId), { smoothing, padId });
      if (this.lengthPredictor === null) return { tokens, length: null };
      const classes = said.cast('int32').sum(-1).sub(1); // (B)
      return { tokens, length: crossEntropy(this.lengthLogits(memory, memoryMask), classes, { ignoreIndex: -1 }) };
    });
  }
}
