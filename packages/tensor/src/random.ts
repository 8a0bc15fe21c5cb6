import { uniformAt } from './composites/dropout';
import { asTensor } from './tensor';
import { nextSite, randomState } from './trace';
import type { Shape } from './dtype';
import type { Tensor } from './types';

const TAU = 6.283185307179586;

/** Uniform in [low, high), steps of (high−low)·2⁻²⁴. Needs a seed: `compile(fn, { seed })`, `run`, or an initialiser. */
export function randomUniform(shape: Shape, low = 0, high = 1): Tensor {
  const u = uniformAt([...shape], nextSite(), asTensor(randomState()));
  return low === 0 && high === 1 ? u : u.mul(high - low).add(low);
}

/** Normal by Box–Muller: √(−2 ln(1−u₁)) cos 2πu₂. */
export function randomNormal(shape: Shape, mean = 0, deviation = 1): Tensor {
  const state = asTensor(randomState());
  const radius = uniformAt([...shape], nextSite(), state).neg().add(1).log().mul(-2).sqrt();
  const angle = uniformAt([...shape], nextSite(), state).mul(TAU);
  return radius.mul(angle.cos()).mul(deviation).add(mean);
}
