import { grad } from '@qkv/autograd';
import type { Golden, GoldenStats } from '@qkv/goldens';
import { loadStateDict, type Module } from '@qkv/nn';
import { compile, type Engine, type HostData, tensor, type Tensor } from '@qkv/tensor';
import { expect } from 'vitest';

import { fromTorch, type Link } from './torch-names';

export type Precision = 'float64' | 'float32';

/** Where a golden is checked, and how strictly. */
export interface Place {
  readonly engine: Engine;
  readonly precision: Precision;
}

/** float64: 1e−10. float32: ten times torch's own error, and a millionth of the largest value. */
export function tolerance(precision: Precision, stats: GoldenStats): number {
  return precision === 'float64' ? 1e-10 : 10 * stats.f32_abs + 1e-6 * stats.max;
}

/** Where the golden has no statistics, a millionth of the largest value is left. */
function statsOf(expected: ArrayLike<number>): GoldenStats {
  return { f32_abs: 0, max: Array.from(expected).reduce((most, value) => Math.max(most, Math.abs(value)), 0) };
}

/** Fails unless all elements agree, within what the golden's statistics allow. */
export function compare(
  name: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { precision }: Place,
  stats: GoldenStats = statsOf(expected),
): void {
  expect(actual.length, name).toBe(expected.length);
  const limit = tolerance(precision, stats);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    if (!(error <= worst)) worst = error; // so that NaN is an error too
  }
  expect(worst <= limit, `${name}: off by ${worst.toExponential(2)}, allowed are ${limit.toExponential(2)}`).toBe(true);
}

/**
 * Goldens whose loss may, in float32, be off by as much as one element of `out.y`: its terms cancel to almost nothing, and
 * a part in a million of nothing is less than a rounding of the sum. 257 terms of act_erf, 239 in absolute value, sum to
 * 4.7e−15; 288 of encoder3_pre_finalnorm, 152 in absolute value, to −0.074. Torch's own error is small by luck.
 */
const CANCELLING: readonly string[] = ['act_erf', 'encoder3_pre_finalnorm'];

type Named<T> = Record<string, T>;

interface Computation {
  /** Whose parameters are torch's weights. */
  readonly module?: Module;
  readonly links?: readonly Link[];
  /** From the inputs of the golden, its outputs; masks come as torch's, true = blocked. */
  readonly compute: (inputs: Named<Tensor>) => Named<Tensor>;
}

/** Computes a golden in one plan, and compares every output and every gradient that it has: none may be left out. */
export async function verify(
  golden: Golden,
  place: Place,
  { module, links = [], compute }: Computation,
): Promise<void> {
  const { engine } = place;
  if (module !== undefined) await loadStateDict(module, fromTorch(links, golden.weights), { engine });

  const names = [...golden.inputs.keys()];
  const parameters = module?.namedParameters() ?? new Map();
  const expected = fromTorch([...names.map((name) => ({ ours: name, torch: name })), ...links], golden.gradients);
  const wrtInputs = names.filter((name) => expected.has(name));
  const wrtParameters = [...parameters.keys()];
  const program = compile(
    (...tensors: Tensor[]) => {
      const inputs = Object.fromEntries(names.map((name, i) => [name, tensors[i]]));
      const outputs = compute(inputs);
      if (!('loss' in outputs)) return { outputs, gradients: [] };
      const wrt = [...wrtInputs.map((name) => inputs[name]), ...wrtParameters.map((name) => parameters.get(name)!)];
      return { outputs, gradients: grad(outputs.loss, wrt) as readonly Tensor[] };
    },
    { engine },
  );
  const { outputs, gradients } = await program(...names.map((name) => inputTensor(golden, name)));

  expect(Object.keys(outputs).toSorted()).toEqual([...golden.outputs.keys()].toSorted());
  for (const [name, entry] of golden.outputs) {
    const key = `out.${name}`;
    const allowedAs = name === 'loss' && CANCELLING.includes(golden.name) ? 'out.y' : key;
    compare(
      `${golden.name} ${key}`,
      await outputs[name].data(),
      entry.data as HostData,
      place,
      golden.stats?.[allowedAs],
    );
  }
  const gradientNames = [...wrtInputs, ...wrtParameters];
  expect(gradientNames.toSorted()).toEqual([...expected.keys()].toSorted());
  for (const [i, name] of gradientNames.entries()) {
    const torch = links.find((link) => link.ours === name)?.torch ?? name;
    const stats = golden.stats?.[`g.${torch}`];
    compare(`${golden.name} gradient of ${name}`, await gradients[i].data(), expected.get(name)!.data, place, stats);
  }
}

/** Ids are I64 in the file, masks U8. */
export function inputTensor(golden: Golden, name: string): Tensor {
  const entry = golden.inputs.get(name);
  if (entry === undefined) throw new Error(`${golden.name} has no input '${name}'`);
  const { dtype, shape, data } = entry;
  if (dtype === 'I64') return tensor(Int32Array.from(data, Number), shape);
  if (dtype === 'U8') return tensor(data, shape, 'bool');
  return tensor(data as Float32Array, shape);
}
