import type { Parameter } from '@qkv/tensor';

import type { Optimizer } from './optimizer';

/** An array as torch holds it: row-major. */
export interface TorchTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

/** One entry of `param_groups`: which entries of `state` belong to it, and its options. */
export interface TorchParameterGroup {
  readonly params: readonly number[];
  readonly [option: string]: unknown;
}

/** What `optimizer.state_dict()` gives in torch, with arrays for its tensors. */
export interface TorchState {
  /** Index of the parameter → its fields. Empty before the first update. */
  readonly state: Readonly<Record<number, Readonly<Record<string, TorchTensor | number | null>>>>;
  readonly param_groups: readonly TorchParameterGroup[];
}

export interface TorchStateOptions {
  /**
   * Our parameters in torch's order, group by group: its index counts through all groups. By default those that decay in
   * the order of the optimiser, then those that do not; one group if all are alike.
   */
  readonly groups?: readonly (readonly Parameter[])[];
  /**
   * Axes of ours in torch's order, for parameters that torch stores otherwise: torch's = ours.permute(axes). None by
   * default: all layers of @qkv/nn store weights as torch does, `Linear` as (outputs, inputs).
   */
  readonly permute?: (parameter: Parameter) => readonly number[] | undefined;
}

/** How torch calls what an optimiser of ours keeps. */
export interface TorchRules {
  /** Field of torch's state → kind of ours. */
  readonly fields: Readonly<Record<string, string>>;
  /** Whether torch keeps the count of updates, with each parameter. */
  readonly counts: boolean;
  readonly weightDecay: number;
  /** Options that all groups share. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Throws a TypeError for optimisers that torch does not have. */
export function torchRules(caller: string, { name, torch }: Optimizer): TorchRules {
  if (torch !== null) return torch;
  throw new TypeError(`${caller}: expected an AdamW, Adam or SGD, got ${name}, which torch does not have`);
}

export interface TorchGroup {
  readonly parameters: readonly Parameter[];
  readonly weightDecay: number;
}

/** The parameters in torch's groups, each with the weight decay that its parameters share. */
export function torchGroups(
  caller: string,
  optimizer: Optimizer,
  weightDecay: number,
  given: TorchStateOptions['groups'],
): TorchGroup[] {
  const { parameters } = optimizer;
  const decayOf = (parameter: Parameter): number => (optimizer.decays(parameter) ? weightDecay : 0);
  if (given === undefined) {
    const parts = [parameters.filter((p) => decayOf(p) !== 0), parameters.filter((p) => decayOf(p) === 0)];
    return parts.filter((part) => part.length > 0).map((part) => ({ parameters: part, weightDecay: decayOf(part[0]) }));
  }
  const listed = given.flat();
  const twice = listed.find((parameter, i) => listed.indexOf(parameter) !== i);
  if (twice !== undefined) throw new RangeError(`${caller}: groups list parameter '${twice.name}' twice`);
  const missing = parameters.find((parameter) => !listed.includes(parameter));
  if (missing !== undefined) throw new RangeError(`${caller}: groups leave out parameter '${missing.name}'`);
  if (listed.length !== parameters.length) {
    throw new RangeError(`${caller}: groups list ${listed.length} parameters, the optimiser has ${parameters.length}`);
  }
  return given.map((part, i) => {
    if (part.length === 0) throw new RangeError(`${caller}: group ${i} is empty`);
    if (part.some((parameter) => decayOf(parameter) !== decayOf(part[0]))) {
      throw new RangeError(
        `${caller}: group ${i} mixes parameters that decay with others; torch needs a group for each`,
      );
    }
    return { parameters: part, weightDecay: decayOf(part[0]) };
  });
}

/** The axes of one parameter, checked. */
export function axesOf(caller: string, parameter: Parameter, permute: TorchStateOptions['permute']): readonly number[] {
  const { shape, name } = parameter;
  const axes = permute?.(parameter) ?? shape.map((_, i) => i);
  if (axes.length !== shape.length || shape.some((_, i) => !axes.includes(i))) {
    throw new RangeError(
      `${caller}: permute gives [${axes.join(', ')}] for '${name}', which has ${shape.length} axes; name each axis once`,
    );
  }
  return axes;
}

/** Row-major elements with the axes in another order: output axis i is input axis axes[i]. */
export function permuteArray<A extends Float32Array | Float64Array>(
  data: A,
  shape: readonly number[],
  axes: readonly number[],
): A {
  if (axes.every((axis, i) => axis === i)) return data;
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const result = data.slice() as A;
  const position = axes.map(() => 0);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = data[from];
    for (let i = axes.length - 1; i >= 0; i--) {
      from += strides[axes[i]];
      if (++position[i] < shape[axes[i]]) break;
      from -= strides[axes[i]] * shape[axes[i]];
      position[i] = 0;
    }
  }
  return result;
}
