import { ShapeError, type Tensor } from '@qkv/tensor';

/**
 * The score s of a query q and a key k of one head, of Dh features each:
 *
 * | name | s | source |
 * | --- | --- | --- |
 * | `scaledDotProduct` | q·k/√Dh | Vaswani et al. 2017, Eq. 1 |
 * | `dotProduct` | q·k | Luong et al. 2015, Eq. 8, dot |
 * | `general` | qᵀWk, W (H, Dq, Dk) or (Dq, Dk) | the same, general |
 * | `additive` | v·tanh(q + k), v (H, Dh) or (Dh) | Bahdanau et al. 2015, A.1.2 |
 *
 * Bahdanau's W_q q + b and W_k k are the projections that made q and k: each key is projected once, however many queries meet it.
 */
export type AttentionScore =
  | 'scaledDotProduct'
  | 'dotProduct'
  | { readonly general: Tensor }
  | { readonly additive: Tensor };

type DotProductScore = Exclude<AttentionScore, { readonly additive: Tensor }>;

export const isAdditive = (score: AttentionScore): score is { readonly additive: Tensor } =>
  typeof score === 'object' && 'additive' in score;

/** q (B, T, H, Dh), k (B, S, H, Dh) → (B, H, T, S). */
export function scoresOfHeads(q: Tensor, k: Tensor, score: AttentionScore): Tensor {
  const [queries, keys] = [q.permute([0, 2, 1, 3]), k.permute([0, 2, 1, 3])]; // (B, H, T, Dh), (B, H, S, Dh)
  if (isAdditive(score)) {
    const sums = queries.unsqueeze(3).add(keys.unsqueeze(2)).tanh(); // (B, H, T, S, Dh)
    const v = score.additive.rank === 1 ? score.additive : score.additive.reshape([1, q.shape[2], 1, 1, q.shape[3]]);
    return sums.mul(v).sum(-1);
  }
  const [transformed, scale] = asDotProduct(q, score);
  return transformed.permute([0, 2, 1, 3]).matmul(keys.transpose()).mul(scale);
}

/** Queries and a factor with which a score is factor · q·k; qᵀWk is the dot product of Wᵀq and k. */
export function asDotProduct(q: Tensor, score: DotProductScore): [Tensor, number] {
  if (score === 'scaledDotProduct') return [q, 1 / Math.sqrt(Math.max(q.shape[3], 1))];
  if (score === 'dotProduct') return [q, 1];
  return [q.permute([0, 2, 1, 3]).matmul(score.general).permute([0, 2, 1, 3]), 1]; // (B, T, H, Dk)
}

/** Throws unless there is such a score, and q (B, T, H, Dq) and k (B, S, Hk, Dk) fit it. */
export function checkScore(score: AttentionScore, q: Tensor, k: Tensor): void {
  const [H, Dq, Dk] = [q.shape[2], q.shape[3], k.shape[3]];
  const shape = (sizes: readonly number[]): string => `[${sizes.join(', ')}]`;
  const expectParameter = (name: string, parameter: Tensor, sizes: readonly number[]): void => {
    const { shape: given, dtype } = parameter;
    const whole = [H, ...sizes];
    const expected = given.length === sizes.length ? sizes : whole;
    if (dtype === 'float32' && given.length === expected.length && given.every((size, d) => size === expected[d]))
      return;
    throw new ShapeError(
      `attend: score '${name}' needs float32 ${shape(whole)} or ${shape(sizes)} for these heads, got ${dtype} ${shape(given)}`,
    );
  };
  if (typeof score === 'object' && 'general' in score) return expectParameter('general', score.general, [Dq, Dk]);
  if (Dq !== Dk) {
    throw new ShapeError(
      `attend: queries of ${Dq} features and keys of ${Dk}; the score { general: W } compares different sizes`,
    );
  }
  if (typeof score === 'object' && 'additive' in score) return expectParameter('additive', score.additive, [Dq]);
  if (score !== 'scaledDotProduct' && score !== 'dotProduct') {
    throw new RangeError(
      `attend: there is no score ${JSON.stringify(score)}; choose 'scaledDotProduct', 'dotProduct', { general: W } or { additive: v }`,
    );
  }
}
