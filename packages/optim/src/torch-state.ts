import { type Engine, full, type HostData, loadVariables, type Parameter, read, type Variable } from '@qkv/tensor';

import type { Optimizer } from './optimizer';
import {
  axesOf,
  permuteArray,
  torchGroups,
  torchRules,
  type TorchState,
  type TorchStateOptions,
  type TorchTensor,
} from './torch-layout';

/**
 * The state of an AdamW, Adam or SGD as torch's `state_dict()`: { state: { 0: { step, exp_avg, exp_avg_sq }, … },
 * param_groups }. Moments keep our layout, which is torch's, unless `permute` says otherwise.
 *
 * Parameters that do not decay stand in a second group with `weight_decay` 0, so that the optimiser in torch must be made
 * with the same groups. `lr` is the rate of the next update. torch keeps no count of updates for SGD.
 * Throws a TypeError for other optimisers, and a RangeError for `groups` and `permute` that do not fit.
 */
export async function toTorchState(
  optimizer: Optimizer,
  options: TorchStateOptions & { readonly engine?: Engine } = {},
): Promise<TorchState> {
  const caller = 'toTorchState';
  const rules = torchRules(caller, optimizer);
  const groups = torchGroups(caller, optimizer, rules.weightDecay, options.groups);
  const order = groups.flatMap(({ parameters }) => parameters);
  const axes = order.map((parameter) => axesOf(caller, parameter, options.permute));
  const fields = Object.entries(rules.fields).map(([field, kind]) => [field, stateOf(optimizer, kind)] as const);
  const engine = options.engine ?? engineOf(optimizer);
  // One read, so that all values are of the same step.
  const variables = order.flatMap((parameter) => fields.map(([, byParameter]) => byParameter.get(parameter)!));
  const [count, ...values] = await read(
    [optimizer.step, ...variables].map((variable) => variable.value),
    { engine },
  );
  const step = count[0];
  const state: Record<number, Record<string, TorchTensor | number>> = {};
  if (step > 0 && fields.length > 0) {
    order.forEach(({ shape }, i) => {
      const entry: Record<string, TorchTensor | number> = rules.counts ? { step } : {};
      fields.forEach(([field], k) => {
        const data = values[i * fields.length + k] as Float32Array | Float64Array;
        entry[field] = { shape: axes[i].map((axis) => shape[axis]), data: permuteArray(data, shape, axes[i]) };
      });
      state[i] = entry;
    });
  }
  const { learningRate } = optimizer;
  const [rate] =
    typeof learningRate === 'number' ? [[learningRate]] : await read([learningRate(full([], step + 1))], { engine });
  let next = 0;
  const param_groups = groups.map(({ parameters, weightDecay }) => ({
    lr: rate[0],
    ...rules.options,
    weight_decay: weightDecay,
    params: parameters.map(() => next++),
  }));
  return { state, param_groups };
}

export interface LoadTorchStateOptions extends TorchStateOptions {
  /** Updates made, for SGD, of which torch keeps no count; a schedule needs it. */
  readonly step?: number;
  /** Where state goes that has not been used yet; that of the parameters, unless given. */
  readonly engine?: Engine;
}

/**
 * Takes over the state that torch's `state_dict()` gives, so that the next update is torch's. All or nothing: before
 * anything is loaded, groups, shapes and options are compared, and whatever torch would compute otherwise (other betas,
 * amsgrad, parameters at different steps) is an error. `lr` is not taken over: the learning rate stays the optimiser's.
 *
 * Throws a TypeError that says what does not fit.
 */
export async function loadTorchState(
  optimizer: Optimizer,
  { state, param_groups }: TorchState,
  options: LoadTorchStateOptions = {},
): Promise<void> {
  const caller = 'loadTorchState';
  const fail = (what: string): never => {
    throw new TypeError(`${caller}: nothing was loaded into this ${optimizer.name}; ${what}`);
  };
  const rules = torchRules(caller, optimizer);
  const groups = torchGroups(caller, optimizer, rules.weightDecay, options.groups);
  if (!Array.isArray(param_groups) || !isRecord(state)) return fail('expected { state, param_groups }');
  const sizes = param_groups.map((group) => (Array.isArray(group?.params) ? group.params.length : -1));
  const ours = groups.map(({ parameters }) => parameters.length);
  if (sizes.join() !== ours.join()) {
    fail(
      `it has groups of ${ours.join(' + ')} parameters, torch's of ${sizes.join(' + ')}; say with groups which is which`,
    );
  }
  const indices: readonly number[] = param_groups.flatMap(({ params }) => params);
  if (indices.some((index, i) => !Number.isSafeInteger(index) || indices.indexOf(index) !== i)) {
    fail(`params [${indices.join(', ')}] must be whole numbers, each once`);
  }
  param_groups.forEach((group, i) => {
    for (const [option, value] of Object.entries({ ...rules.options, weight_decay: groups[i].weightDecay })) {
      const found = group[option];
      if (found !== undefined && JSON.stringify(found) !== JSON.stringify(value)) {
        fail(`group ${i} has ${option} ${JSON.stringify(found)}, not ${JSON.stringify(value)}; make it with that`);
      }
    }
  });

  const unknown = Object.keys(state).find((key) => !indices.includes(Number(key)));
  if (unknown !== undefined) fail(`state ${unknown} belongs to no group`);
  const order = groups.flatMap(({ parameters }) => parameters);
  const begun = Object.keys(state).length > 0;
  const entries: (readonly [Variable, HostData | readonly number[]])[] = [];
  const steps: number[] = [];
  order.forEach((parameter, i) => {
    const fields = state[indices[i]] ?? {};
    const what = `state ${indices[i]} (parameter '${parameter.name}')`;
    if (begun && rules.counts) steps.push(stepOf(fields.step) ?? fail(`${what} has no valid step`));
    const axes = axesOf(caller, parameter, options.permute);
    for (const [field, kind] of Object.entries(rules.fields)) {
      const variable = stateOf(optimizer, kind).get(parameter)!;
      const value = fields[field];
      // Before the first update torch has no momentum, or none yet.
      const none = !begun || (!rules.counts && value === null);
      entries.push([
        variable,
        none ? new Float32Array(variable.size) : take(value, parameter, axes, `${what}: ${field}`),
      ]);
    }
  });
  const step = steps[0] ?? (rules.counts ? 0 : options.step);
  const other = steps.find((one) => one !== step);
  if (other !== undefined)
    fail(`its parameters are at different steps, ${step} and ${other}, but share one count here`);
  if (rules.counts && options.step !== undefined && options.step !== step)
    fail(`the state is at step ${step}, not ${options.step}`);
  if (step === undefined && typeof optimizer.learningRate !== 'number') {
    fail("its learning rate is a schedule and torch's SGD keeps no count of updates; give { step }");
  }
  if (step !== undefined && stepOf(step) === undefined) fail(`step must be a whole number from 0, got ${step}`);
  if (step !== undefined) entries.push([optimizer.step, [step]]);
  await loadVariables(entries, { engine: options.engine ?? engineOf(optimizer) });

  function take(value: unknown, { shape }: Parameter, axes: readonly number[], what: string): HostData {
    if (!isTensor(value)) return fail(`${what} is missing, or not { shape, data } with Float32Array or Float64Array`);
    const theirs = axes.map((axis) => shape[axis]);
    if (value.shape.join() !== theirs.join() || value.data.length !== shape.reduce((a, b) => a * b, 1)) {
      fail(
        `${what} has shape [${value.shape.join(', ')}] and ${value.data.length} elements, expected [${theirs.join(', ')}]`,
      );
    }
    const back = shape.map((_, axis) => axes.indexOf(axis));
    return permuteArray(value.data, theirs, back);
  }
}

/** The Variables of one kind, by parameter. */
function stateOf(optimizer: Optimizer, kind: string): Map<Parameter, Variable> {
  const named = optimizer.namedVariables();
  return new Map(optimizer.parameters.map((parameter, i) => [parameter, named.get(`${kind}.${parameter.name || i}`)!]));
}

const engineOf = (optimizer: Optimizer): Engine | undefined =>
  [optimizer.step, ...optimizer.parameters].find(({ engine }) => engine !== null)?.engine ?? undefined;

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const isTensor = (value: unknown): value is TorchTensor =>
  isRecord(value) &&
  Array.isArray(value.shape) &&
  (value.data instanceof Float32Array || value.data instanceof Float64Array);

/** A count of updates: a number, or as in torch an array of one. Undefined if it is neither, or no whole number. */
function stepOf(value: unknown): number | undefined {
  const step = isTensor(value) && value.data.length === 1 ? value.data[0] : value;
  return typeof step === 'number' && Number.isSafeInteger(step) && step >= 0 && step < 2 ** 31 ? step : undefined;
}
