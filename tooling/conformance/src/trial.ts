import { grad } from '@qkv/autograd';
import { constant, type Engine, type HostData, read, run, type Tensor } from '@qkv/tensor';

import { difference, type Tolerance } from './compare';
import { type Given, Sampler } from './sample';

/** One computation, built by the public API, with what it may be off by. */
export interface Trial {
  readonly title: string;
  readonly inputs: readonly Given[];
  readonly compute: (inputs: readonly Tensor[]) => readonly Tensor[];
  /** Of each output; integers and booleans are always exact. */
  readonly tolerance: Tolerance;
  /** Computed beside the outputs, for a tolerance `of: 'magnitude'`. */
  readonly magnitude?: (inputs: readonly Tensor[]) => readonly Tensor[];
  /** Also compare gradients of the float32 inputs, of a weighted sum of these outputs (all float32 ones by default). */
  readonly gradient?: Tolerance & { readonly outputs?: readonly number[] };
}

interface Results {
  readonly outputs: readonly HostData[];
  readonly magnitudes: readonly HostData[];
  readonly gradients: readonly HostData[];
}

/** Computes a trial in one plan. */
export async function evaluate(trial: Trial, engine: Engine, withMagnitudes = false): Promise<Results> {
  const { inputs, compute, magnitude, gradient } = trial;
  const made = await run(
    () => {
      const tensors = inputs.map(({ data, shape, dtype }) => constant(data, shape, dtype));
      const outputs = compute(tensors);
      const magnitudes = withMagnitudes && magnitude !== undefined ? magnitude(tensors) : [];
      let gradients: readonly Tensor[] = [];
      const wrt = tensors.filter((tensor) => tensor.dtype === 'float32');
      if (gradient !== undefined && wrt.length > 0) {
        const chosen = gradient.outputs ?? [...outputs.keys()];
        const random = new Sampler(outputs.length);
        const terms = chosen
          .map((i) => outputs[i])
          .filter((output) => output.dtype === 'float32')
          .map((output) => output.mul(constant(random.floats(output.size, -1, 1), output.shape)).sum());
        gradients = grad(
          terms.reduce((total, term) => total.add(term)),
          wrt,
          { unused: 'zero' },
        ) as readonly Tensor[];
      }
      return { outputs, magnitudes, gradients };
    },
    { engine },
  );
  const outputs = await read(made.outputs as readonly Tensor[], { engine });
  const magnitudes = await read(made.magnitudes as readonly Tensor[], { engine });
  const gradients = await read(made.gradients as readonly Tensor[], { engine });
  return { outputs, magnitudes, gradients };
}

/** Everything that is wrong with a trial on these engines; `truth` computes in float64. */
export async function faults(
  trial: Trial,
  truth: Engine,
  engines: Readonly<Record<string, Engine>>,
): Promise<string[]> {
  const expected = await evaluate(trial, truth, true);
  const found: string[] = [];
  for (const [name, engine] of Object.entries(engines)) {
    const actual = await evaluate(trial, engine).catch((error: Error) => error);
    if ('message' in actual) {
      found.push(`${trial.title} (${name}): ${actual.message}`);
      continue;
    }
    expected.outputs.forEach((values, i) => {
      const wrong = difference(
        actual.outputs[i],
        values,
        values instanceof Float64Array ? trial.tolerance : { ulps: 0 },
        expected.magnitudes[i],
      );
      if (wrong !== null) found.push(`${trial.title} (${name}): output ${i}: ${wrong}`);
    });
    expected.gradients.forEach((values, i) => {
      const wrong = difference(actual.gradients[i], values, { of: 'tensor', floor: 1, ...trial.gradient! });
      if (wrong !== null) found.push(`${trial.title} (${name}): gradient ${i}: ${wrong}`);
    });
  }
  return found;
}
