import type { Module } from '@qkv/nn';
import {
  AdamW,
  constant,
  cosine,
  ExponentialMovingAverage,
  inverseSquareRoot,
  linear,
  type Schedule,
} from '@qkv/optim';
import { trainingStep } from '@qkv/training';

import type { TrainingRecipe } from '../recipe';
import type { Learner } from './kind';

/** Updates in a run. */
export function stepsOf(
  { steps, epochs, accumulate = 1 }: TrainingRecipe,
  { batchesPerEpoch }: Learner['batches'],
): number {
  return steps ?? Math.max(1, Math.ceil((epochs! * batchesPerEpoch) / accumulate));
}

function scheduleOf({ schedule, learningRate, warmup: given }: TrainingRecipe, steps: number): Schedule {
  const warmup = Math.min(given < 1 ? Math.floor(given * steps) : Math.round(given), steps - 1);
  switch (schedule) {
    case 'cosine':
      return cosine({ learningRate, steps, warmup });
    case 'linear':
      return linear({ learningRate, steps, warmup });
    case 'inverse-square-root':
      return inverseSquareRoot({ learningRate, warmup: Math.max(1, warmup) });
    case 'constant':
      return constant({ learningRate, warmup });
  }
}

/** The update of a run, and what it depends on. */
export function createStep(module: Module, loss: Learner['loss'], recipe: TrainingRecipe, steps: number) {
  const { seed, beta1, beta2, epsilon, weightDecay, clipNorm, average: decay, accumulate = 1 } = recipe;
  const parameters = module.parameters();
  const optimizer = new AdamW(parameters, {
    learningRate: scheduleOf(recipe, steps),
    betas: [beta1, beta2],
    epsilon,
    weightDecay,
    decayFilter: isDecayed,
    clipNorm: clipNorm === 0 ? undefined : clipNorm,
  });
  // A run may be shorter than the average's memory, hence the warm-up.
  const average = decay === 0 ? undefined : new ExponentialMovingAverage(parameters, { decay, warmup: true });
  const update = trainingStep({
    optimizer,
    average,
    loss,
    accumulate: accumulate > 1,
    seed,
  });
  return { update, average, optimizer };
}

/** No biases and gains. */
export const isDecayed = ({ shape }: { readonly shape: readonly number[] }): boolean => shape.length > 1;
