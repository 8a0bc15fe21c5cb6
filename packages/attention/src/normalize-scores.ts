import { relu, select, softmax, type Tensor } from '@qkv/tensor';

import { entmax15, sparsemax } from './entmax';

/** How scores become weights, see `normalizeScores`. */
export type AttentionNormalization = 'softmax' | 'relu' | 'sparsemax' | 'entmax15';

/**
 * Weights of attention from scores, along the last axis. (…, S) → (…, S). `may` is bool and broadcastable to the scores, true
 * means "may attend"; elsewhere weights are exactly 0. A row with nothing to attend to gives zeros and no gradient.
 *
 * | name | weights | source |
 * | --- | --- | --- |
 * | `softmax` | exp(s_j) / Σ exp(s) | Vaswani et al. 2017, Eq. 1 |
 * | `relu` | max(s_j, 0) / n, n the number of positions that may be attended to; they need not sum to 1 | Wortsman et al. 2023 |
 * | `sparsemax` | max(s_j − τ, 0), exactly 0 for small scores | Martins & Astudillo 2016 |
 * | `entmax15` | max(s_j/2 − τ, 0)², exactly 0 for small scores | Peters et al. 2019 |
 */
export function normalizeScores(name: AttentionNormalization, scores: Tensor, may: Tensor | null): Tensor {
  if (name === 'relu') return reluOverCount(scores, may);
  const open = may === null ? scores : select(may, scores, -Infinity);
  if (name === 'softmax') return softmax(open);
  return name === 'sparsemax' ? sparsemax(open) : entmax15(open);
}

function reluOverCount(scores: Tensor, may: Tensor | null): Tensor {
  const S = scores.shape.at(-1)!;
  if (may === null) return relu(scores).mul(1 / Math.max(S, 1));
  const counted = may.shape.at(-1) === S ? may : may.expand([...may.shape.slice(0, -1), S]);
  const count = counted.cast('float32').sum(-1, { keep: true }).maximum(1);
  return relu(select(may, scores, 0)).div(count);
}
