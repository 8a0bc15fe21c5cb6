import { type DType, type Engine, type HostData, loadVariables, read, type Shape, type Variable } from '@qkv/tensor';

/** A module, an optimiser, or anything else that names its Variables. */
export interface Stateful {
  namedVariables(): ReadonlyMap<string, Variable>;
}

export interface StateEntry {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: HostData;
}

/** What `loadStateDict` accepts: the class of the array says the type, so a parsed safetensors file will do as it is. */
export interface LoadableEntry {
  readonly shape: Shape;
  readonly data: ArrayLike<number> | ArrayLike<bigint>;
}

export interface StateOptions {
  /** Where Variables go that have not been used yet; the default engine, unless given. */
  readonly engine?: Engine;
}

/** The values of all Variables by name, read in one go. */
export async function stateDict(source: Stateful, options: StateOptions = {}): Promise<Map<string, StateEntry>> {
  const named = [...source.namedVariables()];
  const values = await read(
    named.map(([, variable]) => variable.value),
    options,
  );
  return new Map(
    named.map(([name, { dtype, shape }], i) => [name, { dtype, shape: [...shape], data: values[i] }] as const),
  );
}

/**
 * Gives every Variable the value of its name. All or nothing: names, shapes and types are compared first, and one error
 * lists whatever is missing, unexpected or different.
 */
export async function loadStateDict(
  target: Stateful,
  entries: ReadonlyMap<string, LoadableEntry>,
  options: StateOptions = {},
): Promise<void> {
  const named = target.namedVariables();
  const missing = [...named.keys()].filter((name) => !entries.has(name));
  const unexpected = [...entries.keys()].filter((name) => !named.has(name));
  const different: string[] = [];
  for (const [name, variable] of named) {
    const entry = entries.get(name);
    if (entry !== undefined && !fits(variable, entry)) {
      different.push(`${name} (expected ${describe(variable.dtype, variable.shape)}, got ${describeEntry(entry)})`);
    }
  }
  const complaints = [
    ['missing', missing],
    ['unexpected', unexpected],
    ['different', different],
  ] as const;
  const text = complaints.filter(([, list]) => list.length > 0).map(([what, list]) => `${what}: ${list.join(', ')}`);
  if (text.length > 0) throw new TypeError(`loadStateDict: nothing was loaded; ${text.join('; ')}`);
  const values = [...named].map(([name, variable]) => [variable, entries.get(name)!.data as HostData] as const);
  await loadVariables(values, options);
}

const describe = (dtype: string, shape: Shape): string => `${dtype} [${shape.join(', ')}]`;

function dtypeOf({ data }: LoadableEntry): DType | null {
  if (data instanceof Float32Array || data instanceof Float64Array) return 'float32';
  if (data instanceof Int32Array) return 'int32';
  return data instanceof Uint8Array ? 'bool' : null;
}

function describeEntry(entry: LoadableEntry): string {
  const type = dtypeOf(entry) ?? entry.data.constructor.name;
  const text = describe(type, entry.shape);
  return entry.data.length === size(entry.shape) ? text : `${text} with ${entry.data.length} elements`;
}

const size = (shape: Shape): number => shape.reduce((product, dimension) => product * dimension, 1);

function fits(variable: Variable, entry: LoadableEntry): boolean {
  const { shape } = variable;
  const sameShape = shape.length === entry.shape.length && shape.every((dimension, i) => dimension === entry.shape[i]);
  return sameShape && dtypeOf(entry) === variable.dtype && entry.data.length === variable.size;
}
