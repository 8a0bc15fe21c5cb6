import { full, reciprocal, select, type Tensor } from '@qkv/tensor';

/**
 * A learning rate as a graph function of the step: a float32 scalar, 1 at the first update. The compiled training step
 * therefore stays the same plan while the rate changes.
 */
export type Schedule = (step: Tensor) => Tensor;

export interface NoamOptions {
  /** Model size D. */
  readonly dimension: number;
  /** Steps of linear growth; 4000, as in the paper. */
  readonly warmup?: number;
  /** Multiplies the rate; 1, as in the paper. */
  readonly factor?: number;
}

/** factor · D^−½ · min(step^−½, step · warmup^−3⁄2) (Vaswani et al. 2017, Eq. 3). */
export function noam({ dimension, warmup = 4000, factor = 1 }: NoamOptions): Schedule {
  checkCount('noam', 'warmup', warmup, 1);
  const scale = factor / Math.sqrt(dimension);
  const slope = 1 / (warmup * Math.sqrt(warmup));
  return (step) => reciprocal(step.sqrt()).minimum(step.mul(slope)).mul(scale);
}

export interface WarmupOptions {
  /** The largest rate. */
  readonly learningRate: number;
  /** Updates of linear growth: the last of them is the first at the full rate. */
  readonly warmup: number;
}

/** After the warm-up, learningRate · √(warmup/step): learningRate · min(step/warmup, √(warmup/step)). Noam's, named by its peak (Raffel et al. 2020, §3.1.2). */
export function inverseSquareRoot({ learningRate, warmup }: WarmupOptions): Schedule {
  checkCount('inverseSquareRoot', 'warmup', warmup, 1);
  const scale = learningRate * Math.sqrt(warmup);
  return (step) =>
    reciprocal(step.sqrt())
      .mul(scale)
      .minimum(step.mul(learningRate / warmup));
}

/** After the warm-up (none by default) always the same: learningRate · min(step/warmup, 1). */
export function constant({
  learningRate,
  warmup = 0,
}: Pick<WarmupOptions, 'learningRate'> & Partial<WarmupOptions>): Schedule {
  checkCount('constant', 'warmup', warmup, 0);
  if (warmup === 0) return () => full([], learningRate);
  return (step) => step.mul(learningRate / warmup).minimum(learningRate);
}

export interface AnnealingOptions {
  /** The largest rate. */
  readonly learningRate: number;
  /** Updates in the whole run; after them the rate stays at `final`. */
  readonly steps: number;
  /** Updates of linear growth before it falls; 0 by default. */
  readonly warmup?: number;
  /** Rate at the end; 0 by default. */
  readonly final?: number;
}

/** After the warm-up, from `learningRate` to `final` along half a cosine: final + (rate − final)·½(1 + cos πp) (Loshchilov & Hutter 2017). */
export function cosine(options: AnnealingOptions): Schedule {
  return annealing('cosine', options, (progress) => progress.mul(Math.PI).cos().add(1).mul(0.5));
}

/** After the warm-up, from `learningRate` to `final` along a line. */
export function linear(options: AnnealingOptions): Schedule {
  return annealing('linear', options, (progress) => progress.neg().add(1));
}

/** `fall` goes from 1 to 0 while progress p = (updates after the warm-up)/(steps − warmup) goes from 0 to 1. */
function annealing(name: string, options: AnnealingOptions, fall: (progress: Tensor) => Tensor): Schedule {
  const { learningRate, steps, warmup = 0, final = 0 } = options;
  checkCount(name, 'steps', steps, 1);
  checkCount(name, 'warmup', warmup, 0);
  if (warmup >= steps) throw new RangeError(`${name}: warmup ${warmup} must be below steps ${steps}`);
  return (step) => {
    const progress = step
      .sub(1 + warmup)
      .mul(1 / (steps - warmup))
      .maximum(0)
      .minimum(1);
    const rate = fall(progress)
      .mul(learningRate - final)
      .add(final);
    return warmup === 0 ? rate : select(step.lessEqual(warmup), step.mul(learningRate / warmup), rate);
  };
}

function checkCount(schedule: string, option: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`${schedule}: ${option} must be an integer of at least ${least}, got ${value}`);
  }
}
