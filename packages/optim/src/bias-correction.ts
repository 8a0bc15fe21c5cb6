import { full, type Tensor } from '@qkv/tensor';

/** ln x for x in (0, 1), by the series 2·artanh((x − 1)/(x + 1)): host arithmetic that is the same everywhere. */
function logarithm(x: number): number {
  const z = (x - 1) / (x + 1);
  let power = z;
  let sum = 0;
  for (let k = 1, next = z; sum + next !== sum; k += 2, power *= z * z, next = power / k) sum += next;
  return 2 * sum;
}

/**
 * 1 − βᵗ, the correction of a moment that began at 0. Computed as tanh(−x/2)·(1 + eˣ) with x = t·ln β, because in float32
 * the difference itself would lose four digits at the first steps.
 */
export function biasCorrection(beta: number, step: Tensor): Tensor {
  if (beta === 0) return full([], 1);
  const x = step.mul(logarithm(beta));
  return x.mul(-0.5).tanh().mul(x.exp().add(1));
}
