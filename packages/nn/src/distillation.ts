import { full, logSoftmax, select, ShapeError, stopGradient, type Tensor } from '@qkv/tensor';

import { crossEntropy } from './cross-entropy';
import { Loss } from './loss';

/** An id that no class has. */
const IGNORED = -1;

export interface DistillationOptions {
  /**
   * `soft` (the default): the student matches the teacher's probabilities (Hinton et al. 2015). `hard`: the teacher's most
   * probable class is the student's target (Touvron et al. 2021, Eq. 3).
   */
  readonly kind?: 'soft' | 'hard';
  /** T, by which both divide their logits: higher shows more of the less probable classes. 1; for `soft` only. */
  readonly temperature?: number;
  /** bool (…): rows where it is false count nothing. */
  readonly mask?: Tensor;
}

/**
 * What a student loses against a teacher. `soft`: T² Σ_c p_c (log p_c − log q_c) for each row, with p = softmax(teacher/T) and
 * q = softmax(student/T); the factor T² keeps the gradient's size whatever the temperature (Hinton et al. 2015, section 2.1).
 * `hard`: −log softmax(student) at the teacher's largest logit.
 *
 * student, teacher (…, C). `weight` counts rows, so `mean()` is torch's `batchmean`; DeiT's code divides by rows · C instead.
 * No gradient reaches the teacher. Together with labels: crossEntropy(…).mean().mul(1 − α).add(distillation(…).mean().mul(α)).
 */
export function distillation(student: Tensor, teacher: Tensor, options: DistillationOptions = {}): Loss {
  const { kind = 'soft', temperature = 1, mask } = options;
  if (kind !== 'soft' && kind !== 'hard') {
    throw new RangeError(`distillation: there is no kind '${String(kind)}'; choose soft or hard`);
  }
  if (!(temperature > 0 && temperature < Infinity)) {
    throw new RangeError(`distillation: temperature must be positive and finite, got ${temperature}`);
  }
  if (kind !== 'soft' && temperature !== 1) {
    throw new RangeError(`distillation: a temperature of ${temperature} means nothing to kind '${kind}'; leave it out`);
  }
  const text = (x: Tensor): string => `${x.dtype} [${x.shape.join(', ')}]`;
  if (student.rank === 0 || student.shape.at(-1) === 0 || `${student.shape}` !== `${teacher.shape}`) {
    throw new ShapeError(
      `distillation: student and teacher must have one shape (…, C), got ${text(student)} and ${text(teacher)}`,
    );
  }
  const lead = student.shape.slice(0, -1);
  if (mask !== undefined && (mask.dtype !== 'bool' || `${mask.shape}` !== `${lead}`)) {
    throw new ShapeError(`distillation: expected a mask bool [${lead.join(', ')}], got ${text(mask)}`);
  }
  const fixed = stopGradient(teacher);
  if (kind === 'hard') {
    const ids = fixed.argMax(); // (…)
    return crossEntropy(student, mask === undefined ? ids : select(mask, ids, IGNORED), { ignoreIndex: IGNORED });
  }
  const expected = logSoftmax(fixed.div(temperature)); // (…, C)
  const p = expected.exp();
  const terms = p.mul(expected.sub(logSoftmax(student.div(temperature))));
  // A class that the teacher excludes with −∞ counts 0, which 0 · −∞ is not.
  const counts = p.greater(0);
  const kept = mask === undefined ? counts : counts.and(mask.unsqueeze(-1));
  const sum = select(kept, terms, 0)
    .sum()
    .mul(temperature * temperature);
  return new Loss(sum, mask?.cast('float32').sum() ?? full([], student.size / student.shape.at(-1)!));
}
