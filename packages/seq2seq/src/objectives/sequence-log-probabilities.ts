import { crossEntropyRows, ShapeError, type Tensor } from '@qkv/tensor';

/**
 * log p(y | x) = Σ_t log p(y_t | y_<t, x) of each row, END included and padding not, in nats: what the objectives over
 * whole sequences are made of. logits (N, T, V), or log-probabilities, and targets int32 (N, T) → (N).
 */
export function sequenceLogProbabilities(
  logits: Tensor,
  targets: Tensor,
  { padId = 0 }: { readonly padId?: number } = {},
): Tensor {
  if (logits.rank !== 3 || `${targets.shape}` !== `${logits.shape.slice(0, 2)}`) {
    throw new ShapeError(
      `sequenceLogProbabilities: expected logits (N, T, V) and targets (N, T), got [${logits.shape.join(', ')}] and [${targets.shape.join(', ')}]`,
    );
  }
  const [N, T, V] = logits.shape;
  const losses = crossEntropyRows(logits.reshape([N * T, V]), targets.reshape([N * T]), { ignoreIndex: padId });
  return losses.reshape([N, T]).sum(1).neg();
}
