import { Loss } from '@qkv/nn';
import { full, select, ShapeError, softmax, type Tensor } from '@qkv/tensor';

export interface MinimumRiskOptions {
  /** α: how much likelier candidates weigh more; 0.005, the paper's best on its task (section 4.2). 0 weighs all alike. */
  readonly sharpness?: number;
  /** bool (B, K): which candidates there are; all by default. A row without any counts nothing. */
  readonly counts?: Tensor;
}

/**
 * Minimum-risk training (Shen et al. 2016, Eq. 8–10): the expected cost over a set of candidates for each source,
 * Σ_k Q_k Δ_k with Q = softmax(α log p(y_k | x)) over them. `mean()` is the risk per source.
 *
 * logProbabilities (B, K), as `sequenceLogProbabilities` gives them, reshaped; costs (B, K), such as 1 − BLEU/100 of
 * distinct candidates, the reference among them, without gradient: see `CandidateSampler`.
 */
export function minimumRiskLoss(logProbabilities: Tensor, costs: Tensor, options: MinimumRiskOptions = {}): Loss {
  const { sharpness = 0.005, counts } = options;
  if (!(sharpness >= 0 && sharpness < Infinity)) {
    throw new RangeError(`minimumRiskLoss: sharpness must be a number from 0, got ${sharpness}`);
  }
  expectCandidates('minimumRiskLoss', 'log-probabilities', logProbabilities, logProbabilities.shape);
  expectCandidates('minimumRiskLoss', 'costs', costs, logProbabilities.shape);
  const scores = logProbabilities.mul(sharpness);
  if (counts === undefined) return riskOf(softmax(scores), costs, full([costs.shape[0]], 1));
  expectCandidates('minimumRiskLoss', 'counts', counts, logProbabilities.shape, 'bool');
  const weights = softmax(select(counts, scores, -Infinity)); // a row of nothing gives zeros
  return riskOf(weights, select(counts, costs, 0), counts.max(-1).cast('float32'));
}

function riskOf(weights: Tensor, costs: Tensor, rows: Tensor): Loss {
  return new Loss(weights.mul(costs).sum(), rows.sum());
}

/** Throws unless x has the shape (B, K) of the candidates and the type. */
export function expectCandidates(
  user: string,
  what: string,
  x: Tensor,
  shape: readonly number[],
  dtype = 'float32',
): void {
  if (x.dtype !== dtype || x.rank !== 2 || x.shape.join() !== shape.join()) {
    const wanted = shape.length === 2 ? `[${shape.join(', ')}]` : '(B, K)';
    throw new ShapeError(`${user}: expected ${what} ${dtype} ${wanted}, got ${x.dtype} [${x.shape.join(', ')}]`);
  }
}
