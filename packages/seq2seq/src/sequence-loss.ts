import { crossEntropy, Loss } from '@qkv/nn';
import { crossEntropyRows, ShapeError, type Tensor } from '@qkv/tensor';

export interface SequenceLossOptions {
  /** ε of label smoothing; 0.1 in the paper, 0 by default. */
  readonly smoothing?: number;
  /** Targets with this id count nothing; 0 by default. */
  readonly padId?: number;
  /** (B): a factor of all tokens of a row, and of their weight. */
  readonly rowWeights?: Tensor;
}

/**
 * Teacher forcing: −Σ log p(y_t | y_<t, x) over all tokens that are not padding, END included, in nats.
 * logits (B, T, V), targets int32 (B, T). `weight` counts the tokens, so `mean()` is per token.
 */
export function sequenceLoss(logits: Tensor, targets: Tensor, options: SequenceLossOptions = {}): Loss {
  const { smoothing = 0, padId = 0, rowWeights } = options;
  if (logits.rank !== 3 || `${targets.shape}` !== `${logits.shape.slice(0, 2)}`) {
    throw new ShapeError(
      `sequenceLoss: expected logits (B, T, V) and targets (B, T), got [${logits.shape.join(', ')}] and [${targets.shape.join(', ')}]`,
    );
  }
  if (rowWeights === undefined) return crossEntropy(logits, targets, { smoothing, ignoreIndex: padId });
  const [B, T, V] = logits.shape;
  if (rowWeights.dtype !== 'float32' || `${rowWeights.shape}` !== `${[B]}`) {
    throw new ShapeError(
      `sequenceLoss: expected rowWeights float32 [${B}], got ${rowWeights.dtype} [${rowWeights.shape.join(', ')}]`,
    );
  }
  const losses = crossEntropyRows(logits.reshape([B * T, V]), targets.reshape([B * T]), {
    smoothing,
    ignoreIndex: padId,
  });
  const weights = targets
    .notEqual(padId)
    .cast('float32')
    .mul(rowWeights.reshape([B, 1])); // (B, T)
  return new Loss(losses.reshape([B, T]).mul(weights).sum(), weights.sum());
}
