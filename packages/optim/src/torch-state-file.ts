import type { TorchParameterGroup, TorchState, TorchTensor } from './torch-layout';

/** A torch state as named tensors and texts, as `serialize` of @qkv/safetensors takes and `parse` gives them. */
export interface TorchStateFile {
  /** `state.<index>.<field>`, such as `state.0.exp_avg`; `step` as a scalar. */
  readonly tensors: ReadonlyMap<
    string,
    { readonly dtype: string; readonly shape: readonly number[]; readonly data: unknown }
  >;
  /** `param_groups` is JSON text. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A file's content whose types say that all of it is floating-point. */
export interface TorchStateTensors extends TorchStateFile {
  readonly tensors: Map<string, TorchEntry>;
}
type TorchEntry =
  | { readonly dtype: 'F32'; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: 'F64'; readonly shape: readonly number[]; readonly data: Float64Array };

const entryOf = ({ shape, data }: TorchTensor): TorchEntry =>
  data instanceof Float32Array ? { dtype: 'F32', shape, data } : { dtype: 'F64', shape, data };

/** Names everything for a safetensors file: `state.0.exp_avg`, `state.0.step`, …, and `param_groups` in the metadata. */
export function flattenTorchState({ state, param_groups }: TorchState): TorchStateTensors {
  const tensors = new Map<string, TorchEntry>();
  for (const [index, fields] of Object.entries(state)) {
    for (const [field, value] of Object.entries(fields)) {
      if (value === null) continue; // SGD without momentum
      // float32 as in torch, where it holds the number.
      const scalar = (step: number): TorchTensor => ({
        shape: [],
        data: Math.fround(step) === step ? Float32Array.of(step) : Float64Array.of(step),
      });
      tensors.set(`state.${index}.${field}`, entryOf(typeof value === 'number' ? scalar(value) : value));
    }
  }
  return { tensors, metadata: { param_groups: JSON.stringify(param_groups) } };
}

/** The inverse of {@link flattenTorchState}. Throws a TypeError on other names and types, and without `param_groups`. */
export function unflattenTorchState({ tensors, metadata }: TorchStateFile): TorchState {
  const fail = (what: string): never => {
    throw new TypeError(`unflattenTorchState: ${what}; was the file written by flattenTorchState?`);
  };
  const state: Record<number, Record<string, TorchTensor>> = {};
  for (const [name, { dtype, shape, data }] of tensors) {
    const [, index, field] =
      /^state\.(0|[1-9][0-9]{0,8})\.([a-z_]+)$/.exec(name) ?? fail(`unexpected tensor '${name}'`);
    if (!(data instanceof Float32Array || data instanceof Float64Array)) {
      return fail(`'${name}' is of dtype ${dtype}, expected F32 or F64`);
    }
    (state[Number(index)] ??= {})[field] = { shape, data };
  }
  const text = metadata.param_groups;
  if (text === undefined) return fail("the metadata have no 'param_groups'");
  let groups: unknown;
  try {
    groups = JSON.parse(text);
  } catch {
    return fail("'param_groups' is not JSON text");
  }
  const whole =
    Array.isArray(groups) && groups.every((group) => Array.isArray((group as TorchParameterGroup | null)?.params));
  if (!whole) return fail("'param_groups' is not a list of groups with params");
  return { state, param_groups: groups as TorchParameterGroup[] };
}
