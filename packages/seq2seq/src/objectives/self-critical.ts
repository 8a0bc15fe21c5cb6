import { Loss } from '@qkv/nn';
import { full, select, ShapeError, stopGradient, type Tensor } from '@qkv/tensor';

import { expectCandidates } from './minimum-risk';

export interface SelfCriticalOptions {
  /** float32 (B, K) of rewards, larger is better, such as the negative word error rate of each sample. */
  readonly rewards: Tensor;
  /** float32 (B): the reward of what greedy decoding gives for the same sources. */
  readonly baselines: Tensor;
  /** bool (B, K): which samples count, so that filler rows do not; all by default. */
  readonly counts?: Tensor;
}

/**
 * Self-critical sequence training (Rennie et al. 2017, Eq. 7–9): REINFORCE whose baseline is the model's own greedy output,
 * −(r(ŷ_k) − r(y_greedy)) log p(ŷ_k | x), ŷ_k ~ p. What is better than greedy becomes likelier, all else less so. The
 * value means nothing, its gradient is that of the expected reward, negated. `mean()` is per sample.
 *
 * logProbabilities (B, K) of sequences that were sampled from this model: see `CandidateSampler`.
 */
export function selfCriticalLoss(logProbabilities: Tensor, options: SelfCriticalOptions): Loss {
  const { rewards, baselines, counts } = options;
  expectCandidates('selfCriticalLoss', 'log-probabilities', logProbabilities, logProbabilities.shape);
  expectCandidates('selfCriticalLoss', 'rewards', rewards, logProbabilities.shape);
  const [B, K] = logProbabilities.shape;
  if (baselines.rank !== 1 || baselines.shape[0] !== B || baselines.dtype !== 'float32') {
    throw new ShapeError(
      `selfCriticalLoss: expected baselines float32 [${B}], got ${baselines.dtype} [${baselines.shape.join(', ')}]`,
    );
  }
  const advantages = stopGradient(rewards.sub(baselines.unsqueeze(1))); // (B, K)
  const losses = logProbabilities.mul(advantages).neg();
  if (counts === undefined) return new Loss(losses.sum(), full([], B * K));
  expectCandidates('selfCriticalLoss', 'counts', counts, logProbabilities.shape, 'bool');
  return new Loss(select(counts, losses, 0).sum(), counts.cast('float32').sum());
}
