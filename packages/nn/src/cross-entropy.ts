import { crossEntropyRows, full, logSoftmax, select, ShapeError, type Tensor } from '@qkv/tensor';

import { Loss } from './loss';

export interface CrossEntropyOptions {
  /** ε of label smoothing: the expected distribution becomes (1 − ε)·p + ε/C (Szegedy et al. 2016). 0 by default. */
  readonly smoothing?: number;
  /** Elements whose target is this id count nothing; −100 by default, as torch's. For ids only. */
  readonly ignoreIndex?: number;
  /** (C): factor of each class's term. */
  readonly classWeights?: Tensor;
}

/**
 * Softmax cross-entropy in nats: −Σ_c w_c p_c log softmax(logits)_c, as torch.nn.functional.cross_entropy has it.
 *
 * logits (…, C); targets int32 (…), where p is one-hot, or float32 (…, C), p itself. `sum` adds the elements up; `weight`
 * is the weight of the targets' classes (1 each without `classWeights`), so that `mean()` is torch's mean.
 */
export function crossEntropy(logits: Tensor, targets: Tensor, options: CrossEntropyOptions = {}): Loss {
  const { smoothing = 0, ignoreIndex = -100, classWeights } = options;
  if (!(smoothing >= 0 && smoothing <= 1)) {
    throw new RangeError(`crossEntropy: smoothing must be in [0, 1], got ${smoothing}`);
  }
  const soft = targets.dtype === 'float32';
  const wanted = soft ? logits.shape : logits.shape.slice(0, -1);
  if (logits.rank === 0 || `${wanted}` !== `${targets.shape}`) {
    throw new ShapeError(
      `crossEntropy: logits (…, C) [${logits.shape.join(', ')}] need targets of ids (…) or probabilities (…, C), got ${targets.dtype} [${targets.shape.join(', ')}]`,
    );
  }
  const C = logits.shape.at(-1)!;
  if (C === 0) throw new ShapeError(`crossEntropy: logits (…, C) [${logits.shape.join(', ')}] need C ≥ 1`);
  if (classWeights !== undefined && (classWeights.dtype !== 'float32' || `${classWeights.shape}` !== `${[C]}`)) {
    throw new ShapeError(
      `crossEntropy: expected classWeights float32 [${C}], got ${classWeights.dtype} [${classWeights.shape.join(', ')}]`,
    );
  }
  const N = logits.size / C;
  const rows = logits.reshape([N, C]);
  if (soft) return softTargets(rows, targets.reshape([N, C]), smoothing, classWeights);

  const ids = targets.reshape([N]);
  const kept = ids.notEqual(ignoreIndex); // (N)
  if (classWeights === undefined) {
    const losses = crossEntropyRows(rows, ids, { smoothing, ignoreIndex }); // (N)
    return new Loss(losses.sum(), kept.cast('float32').sum());
  }
  const weights = select(kept, classWeights.gather(select(kept, ids, 0)), 0); // (N)
  const hits = crossEntropyRows(rows, ids, { ignoreIndex }).mul(weights).sum();
  if (smoothing === 0) return new Loss(hits, weights.sum());
  const all = logSoftmax(rows).mul(classWeights).sum(-1); // (N)
  const even = select(kept, all, 0)
    .sum()
    .mul(-smoothing / C);
  return new Loss(hits.mul(1 - smoothing).add(even), weights.sum());
}

function softTargets(logits: Tensor, targets: Tensor, smoothing: number, classWeights?: Tensor): Loss {
  const [N, C] = logits.shape;
  const expected = smoothing === 0 ? targets : targets.mul(1 - smoothing).add(smoothing / C);
  const terms = logSoftmax(logits).mul(expected); // (N, C)
  const sum = (classWeights === undefined ? terms : terms.mul(classWeights)).sum().neg();
  return new Loss(sum, full([], N));
}
