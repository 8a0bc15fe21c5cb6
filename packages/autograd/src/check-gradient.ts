import {
  constant,
  createReferenceBackend,
  Engine,
  type HostData,
  type Mode,
  read,
  run,
  type Tensor,
} from '@qkv/tensor';

import { grad } from './grad';
import { flattenTensors, type Structure } from './tree';

export interface CheckGradientOptions {
  /** Distance h of the differences; 2⁻¹² by default, where truncation (h⁴) and rounding (1/h) are both near 10⁻¹². */
  readonly step?: number;
  /**
   * Where to compute: a reference backend in float64 of its own by default. Needed when `fn` captures Variables, which
   * stay on the engine that first executed them.
   */
  readonly engine?: Engine;
  /** `train` for dropout and its like; every evaluation draws the same numbers. */
  readonly mode?: Mode;
  readonly seed?: number | bigint;
}

/** The element where gradient and differences disagree most. */
export interface GradientReport {
  /** |analytic − numeric| / max(1, |analytic|, |numeric|); 0 if there was nothing to compare, NaN if either is. */
  readonly error: number;
  readonly input: number;
  readonly element: number;
  readonly analytic: number;
  readonly numeric: number;
}

/**
 * Compares the gradient of `fn` at `inputs` with central differences of fourth order, in float64:
 * f′ ≈ (8(f(x+h) − f(x−h)) − (f(x+2h) − f(x−2h))) / 12h, for each element of each float32 input. Several outputs, or outputs that
 * are no scalars, are weighted by fixed numbers of no pattern and added. Inputs given as Float64Array keep their doubles.
 *
 * `fn` is called in a trace for each evaluation: it must give the same each time, assign nothing, and capture only
 * Variables and `constant`s. Within 2h of a kink the two disagree.
 */
export async function checkGradient<const I extends readonly Tensor[]>(
  fn: (...inputs: I) => Structure<Tensor>,
  inputs: I,
  options: CheckGradientOptions = {},
): Promise<GradientReport> {
  const { step = 2 ** -12, mode, seed } = options;
  const engine = options.engine ?? new Engine(createReferenceBackend({ precision: 'float64' }));
  const data = await read(inputs, { engine });
  const values = data.map((host, i) => (inputs[i].dtype === 'float32' ? Float64Array.from(host) : host));
  const differentiable = [...inputs.keys()].filter((i) => inputs[i].dtype === 'float32');

  const inTrace = <R>(at: readonly HostData[], use: (xs: readonly Tensor[]) => R): Promise<R> =>
    run(() => use(at.map((host, i) => constant(host, inputs[i].shape, inputs[i].dtype))), { engine, mode, seed });
  const valueAt = async (at: readonly HostData[]): Promise<number> =>
    (await inTrace(at, (xs) => weighted(fn(...(xs as unknown as I))))).item();

  const gradients = await inTrace(values, (xs) =>
    grad(
      weighted(fn(...(xs as unknown as I))),
      differentiable.map((i) => xs[i]),
      { unused: 'zero' },
    ),
  );
  const analytic = await read(gradients as readonly Tensor[]);

  const difference = async (input: number, element: number): Promise<number> => {
    const [near, nearMinus, far, farMinus] = await Promise.all(
      [step, -step, 2 * step, -2 * step].map((move) => {
        const moved = values.map((host, i) => (i === input ? host.slice() : host));
        moved[input][element] += move;
        return valueAt(moved);
      }),
    );
    return (8 * (near - nearMinus) - (far - farMinus)) / (12 * step);
  };
  const reports = await Promise.all(
    differentiable.flatMap((input, k) =>
      Array.from(analytic[k], async (exact, element): Promise<GradientReport> => {
        const numeric = await difference(input, element);
        const error = Math.abs(exact - numeric) / Math.max(1, Math.abs(exact), Math.abs(numeric));
        return { error, input, element, analytic: exact, numeric };
      }),
    ),
  );
  const none: GradientReport = { error: 0, input: -1, element: -1, analytic: 0, numeric: 0 };
  return reports.reduce((worst, next) => (next.error > worst.error || Number.isNaN(next.error) ? next : worst), none);
}

/** Σ wᵢ yᵢ over all elements of all outputs: one number that every element of the gradient matters to. */
function weighted(outputs: Structure<Tensor>): Tensor {
  const { leaves } = flattenTensors(outputs, 'checkGradient: outputs');
  return leaves
    .filter((output) => output.dtype === 'float32')
    .map((output, i) => output.mul(constant(weights(output.size, i), output.shape)).sum())
    .reduce((total, part) => total.add(part));
}

/** Numbers in ±[0.5, 1.5) from the fractional parts of multiples of the golden ratio; not all of one sign, none near 0. */
function weights(count: number, stream: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => {
    const fraction = ((i + 1) * 0.6180339887498949 + stream * 0.3247179572447461) % 1;
    return (fraction < 0.5 ? 1 : -1) * (0.5 + ((fraction * 7) % 1));
  });
}
