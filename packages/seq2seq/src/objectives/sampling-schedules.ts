import { full, reciprocal, type Tensor } from '@qkv/tensor';

/**
 * How much of scheduled sampling there is at a step, a float32 scalar: 1 − ε(i), where ε is the share of gold tokens. A
 * graph function, like the schedules of @qkv/optim, so that the compiled training step stays one plan.
 */
export type SamplingSchedule = (step: Tensor) => Tensor;

export interface LinearDecayOptions {
  /** c: by how much the share of gold tokens falls at each step. */
  readonly slope: number;
  /** k: where it begins; 1, teacher forcing. Above 1 it stays at 1 for a while. */
  readonly offset?: number;
  /** ε: where it stops; 0. */
  readonly floor?: number;
}

/** ε(i) = min(1, max(floor, offset − slope · i)) (Bengio et al. 2015, section 2.4). */
export function linearDecay({ slope, offset = 1, floor = 0 }: LinearDecayOptions): SamplingSchedule {
  if (!(slope >= 0)) throw new RangeError(`linearDecay: slope must not be below 0, got ${slope}`);
  if (!Number.isFinite(offset)) throw new RangeError(`linearDecay: offset must be a number, got ${offset}`);
  if (!(floor >= 0 && floor <= 1)) throw new RangeError(`linearDecay: floor must be in [0, 1], got ${floor}`);
  return (step) => rest(step.mul(-slope).add(offset).maximum(floor).minimum(1));
}

/** ε(i) = baseⁱ (Bengio et al. 2015, section 2.4). */
export function exponentialDecay({ base }: { readonly base: number }): SamplingSchedule {
  if (!(base > 0 && base <= 1)) throw new RangeError(`exponentialDecay: base must be in (0, 1], got ${base}`);
  return (step) => rest(full([], base).pow(step));
}

/** ε(i) = k/(k + exp(i/k)) (Bengio et al. 2015, section 2.4): falls most steeply near k ln k. */
export function inverseSigmoidDecay({ k }: { readonly k: number }): SamplingSchedule {
  if (!(k >= 1)) throw new RangeError(`inverseSigmoidDecay: k must be at least 1, got ${k}`);
  return (step) => {
    const growth = step.mul(1 / k).exp();
    return rest(reciprocal(growth.add(k)).mul(k));
  };
}

const rest = (gold: Tensor): Tensor => gold.neg().add(1);
