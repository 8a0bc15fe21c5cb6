import type { Attributes } from '../backend';
import type { TensorSpec } from '../dtype';
import { defineComposite } from '../operation';
import { requireDType, ShapeError } from '../shape-error';
import { formatShape } from '../shape';
import { oneHot, select, zeros } from '../create';
import { logSumExp } from './softmax';
import type { Tensor } from '../types';

const smoothingOf = (attributes: Attributes): number => attributes['smoothing'] as number;
const kept = (targets: Tensor, attributes: Attributes): Tensor => targets.notEqual(attributes['ignoreIndex'] as number);

const crossEntropyBackward = defineComposite({
  name: 'crossEntropyBackward',
  version: 1,
  // logits, targets, lse, dloss → dlogits
  infer: ([logits]) => [{ shape: logits!.shape, dtype: 'float32' }],
  decompose: ([logits, targets, lse, dloss], attributes) => {
    const classes = logits!.shape[1]!;
    const smoothing = smoothingOf(attributes);
    const expected = oneHot(targets!, classes).mul(1 - smoothing).add(smoothing / classes);
    const scale = select(kept(targets!, attributes), dloss!, 0).unsqueeze(-1);
    return [logits!.sub(lse!.unsqueeze(-1)).exp().sub(expected).mul(scale)];
  },
});

const crossEntropyNode = defineComposite({
  name: 'crossEntropy',
  version: 1,
  infer: ([logits, targets]: readonly TensorSpec[]) => {
    requireDType(logits!, 'float32', 'crossEntropy: logits');
    requireDType(targets!, 'int32', 'crossEntropy: targets');
    if (logits!.shape.length !== 2 || targets!.shape.length !== 1 || logits!.shape[0] !== targets!.shape[0]) {
      throw new ShapeError(
        `crossEntropy: expected logits (N, C) and targets (N), got ${formatShape(logits!.shape)} and ${formatShape(targets!.shape)}`,
      );
    }
    const row: TensorSpec = { shape: targets!.shape, dtype: 'float32' };
    return [row, row];
  },
  decompose: ([logits, targets], attributes) => {
    const smoothing = smoothingOf(attributes);
    const classes = logits!.shape[1]!;
    const counts = kept(targets!, attributes);
    const lse = logSumExp(logits!);
    // Chosen, not multiplied: a logit may be −∞. Gathered zeros, because an id outside the classes must fail the run.
    const hit = select(oneHot(targets!, classes, 'bool'), logits!, 0).sum(-1);
    const checked = hit.add(zeros([classes]).gather(select(counts, targets!, 0)));
    let loss = lse.sub(checked);
    if (smoothing !== 0) loss = loss.mul(1 - smoothing).add(lse.sub(logits!.mean(-1)).mul(smoothing));
    return [select(counts, loss, 0), lse];
  },
  backward: ({ inputs: [logits, targets], outputs: [, lse], cotangents: [dloss, dlse], attributes }) => {
    if (dloss === null || dlse !== null) return null;
    return [crossEntropyBackward([logits!, targets!, lse!, dloss], attributes)[0]!, null];
  },
});

export interface CrossEntropyRowsOptions {
  /** ε of label smoothing: the expected distribution is (1−ε)·onehot + ε/C (Szegedy et al. 2016). */
  readonly smoothing?: number;
  /** Rows with this target count nothing. */
  readonly ignoreIndex?: number;
}

/**
 * Cross-entropy of each row, in nats: −Σ_c p_c log softmax(logits)_c. logits (N, C), targets int32 (N) → (N), 0 for
 * ignored rows. A target outside 0…C−1 fails the run.
 */
export function crossEntropyRows(logits: Tensor, targets: Tensor, options: CrossEntropyRowsOptions = {}): Tensor {
  const { smoothing = 0, ignoreIndex = -100 } = options;
  return crossEntropyNode([logits, targets], { smoothing, ignoreIndex })[0]!;
}
