import { grad } from '@qkv/autograd';
import type { Module } from '@qkv/nn';
import { type Engine, read, run, type Tensor } from '@qkv/tensor';

import type { Weights } from './naive-blocks';
import { numbers } from './support';

/**
 * How far the gradient of a model is from the slope of its naive formula, along a direction of no pattern in the space of all
 * parameters; the slope is taken by central differences of fourth order. Relative to 1 or the slope. A factor that a gradient
 * lacks anywhere shows, unless by a coincidence that no float64 has.
 */
export async function gradientError(
  model: Module,
  weights: Weights,
  loss: () => Tensor,
  naiveLoss: (weights: Weights) => number,
  engine: Engine,
): Promise<number> {
  const named = [...model.namedParameters()];
  const parameters = named.map(([, parameter]) => parameter);
  const gradients = await read(await run(() => grad(loss(), parameters), { engine }), { engine });
  const directions = new Map(named.map(([name, { size }], i) => [name, numbers(size, 7 + i)]));
  const at = (step: number): number =>
    naiveLoss(
      new Map(
        [...weights].map(([name, { shape, data }]) => {
          const direction = directions.get(name)!;
          return [name, { shape, data: Float64Array.from(direction, (slope, j) => data[j] + step * slope) }];
        }),
      ),
    );
  // The error of the differences falls as h⁴ down to here, where rounding (1/h) takes over: 10⁻¹⁰.
  const h = 2 ** -15;
  const numeric = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
  const analytic = named.reduce((total, [name], i) => {
    const direction = directions.get(name)!;
    return direction.reduce((sum, slope, j) => sum + slope * gradients[i][j], total);
  }, 0);
  return Math.abs(analytic - numeric) / Math.max(1, Math.abs(numeric));
}
