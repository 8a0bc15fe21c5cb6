import { grad } from '@qkv/autograd';
import type { Loss, Stateful } from '@qkv/nn';
import { type ExponentialMovingAverage, GradientAccumulator, type Optimizer } from '@qkv/optim';
import { compile, type Engine, type Tensor } from '@qkv/tensor';

import type { Report } from './fit';

export interface TrainingStepOptions<Inputs extends readonly Tensor[]> {
  readonly optimizer: Optimizer;
  /** The loss of one batch, before its division. */
  readonly loss: (...inputs: Inputs) => Loss;
  /** Whether an update may be given several micro-batches, whose gradients are summed and divided once; false by default. */
  readonly accumulate?: boolean;
  /** Follows the weights, if given. */
  readonly average?: ExponentialMovingAverage;
  /** Of dropout and its like; 0 by default. */
  readonly seed?: number;
  /** See `compile`: true by default, as a loss that changes its structure between steps is rare. */
  readonly frozen?: boolean;
  readonly engine?: Engine;
}

/** One update of the weights, from one batch or several micro-batches: what `fit` is given. */
export interface TrainingStep<Inputs extends readonly Tensor[]> {
  (batches: readonly Inputs[]): Promise<Report>;
  /** The Variables that the next update depends on, beside the model's. */
  readonly state: Readonly<Record<string, Stateful>>;
  /** Counters that the random numbers of the next update depend on. */
  readonly counters: Readonly<Record<string, { step: number }>>;
}

/**
 * Makes an update: w ← optimizer(w, Σ ∇sum / Σ weight), over all micro-batches of the update, so that four of them give
 * the gradient of one large batch. Reports loss, gradient norm (before clipping), learning rate and weight.
 */
export function trainingStep<Inputs extends readonly Tensor[]>(
  options: TrainingStepOptions<Inputs>,
): TrainingStep<Inputs> {
  const { optimizer, loss: lossOf, accumulate = false, average, seed = 0, frozen = true, engine } = options;
  const { parameters } = optimizer;
  const settings = { mode: 'train', seed, frozen, engine } as const;
  const apply = (gradients: readonly Tensor[]): readonly Tensor[] => {
    const { gradientNorm, learningRate } = optimizer.apply(gradients);
    average?.update();
    return [gradientNorm, learningRate];
  };
  const state: Record<string, Stateful> = { optimizer };
  if (average !== undefined) state.average = average;

  if (!accumulate) {
    const update = compile((...inputs: readonly Tensor[]) => {
      const loss = lossOf(...(inputs as Inputs));
      return [loss.sum, loss.weight, ...apply(grad(loss.mean(), parameters))];
    }, settings);
    const step = async (batches: readonly Inputs[]): Promise<Report> => {
      if (batches.length !== 1) {
        throw new RangeError(
          `trainingStep: got ${batches.length} micro-batches; set accumulate to sum their gradients`,
        );
      }
      return report(await numbers(await update(...batches[0])));
    };
    return Object.assign(step, { state, counters: { update } });
  }

  const accumulator = new GradientAccumulator(parameters);
  const add = compile((...inputs: readonly Tensor[]) => {
    const { sum, weight } = lossOf(...(inputs as Inputs));
    accumulator.add(grad(sum, parameters), weight);
    return [sum, weight];
  }, settings);
  const update = compile(() => apply(accumulator.take()), settings);
  const step = async (batches: readonly Inputs[]): Promise<Report> => {
    let [sum, weight] = [0, 0];
    for (const inputs of batches) {
      const [s, w] = await numbers(await add(...inputs));
      sum += s;
      weight += w;
    }
    return report([sum, weight, ...(await numbers(await update()))]);
  };
  return Object.assign(step, { state, counters: { add, update } });
}

const numbers = (tensors: readonly Tensor[]): Promise<number[]> => Promise.all(tensors.map((tensor) => tensor.item()));

function report([sum, weight, gradientNorm, learningRate]: readonly number[]): Report {
  return { loss: weight === 0 ? 0 : sum / weight, gradientNorm, learningRate, weight };
}
