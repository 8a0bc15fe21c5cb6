import type { HostData } from './dtype';
import { hostArray, isTensor } from './create';
import { defaultEngine, type Engine } from './engine';
import { seedWords } from './initialize';
import { detach, type GraphNode, makeLeaf, setSettle, type Value } from './graph';
import { collect, type Program } from './plan/collect';
import { checkBrand, state, TENSOR_BRAND } from './state';
import { checkUsable, type Mode, openTrace, type Trace, within } from './trace';
import type { Tensor } from './types';
import { setVariableLoader, type Variable, type VariableEntries } from './variable';
import { formatShape } from './shape';

/** Tensors in lists and records, as deep as one likes. */
export type Tree = Tensor | void | undefined | null | readonly Tree[] | { readonly [name: string]: Tree };

export interface RunOptions {
  readonly mode?: Mode;
  /** 64 bits; where random numbers come from. */
  readonly seed?: number | bigint;
  /** The default engine, unless given. */
  readonly engine?: Engine;
}

/** A traced call: what to execute, and how to give the results their structure back. */
export interface Traced<R> {
  readonly program: Program;
  readonly trace: Trace;
  readonly rebuild: (data: readonly HostData[]) => R;
  /** Which output stands where in the result; part of what a frozen function re-checks. */
  readonly structure: string;
}

/** Records `fn`. Synchronous: nothing is computed. */
export function traceCall<R>(fn: (trace: Trace) => R, mode: Mode): Traced<R> {
  const trace = openTrace(mode);
  let result: R;
  try {
    result = within(trace, () => {
      const made = fn(trace);
      if (made instanceof Promise) {
        made.catch(() => {});
        throw new TypeError('a traced function must be synchronous: it records operations, reading comes after it has run');
      }
      forEachTensor(made as Tree, (value) => checkUsable(value, 'the result'));
      return made;
    });
  } finally {
    trace.closed = true;
  }
  const outputs: Value[] = [];
  const position = new Map<Value, number>();
  forEachTensor(result as Tree, (value) => {
    if (!position.has(value)) position.set(value, outputs.push(value) - 1);
  });
  const assigned = [...trace.assigned].map((variable) => [variable, trace.variables.get(variable)!] as const);
  const specs = outputs.map(({ shape, dtype }) => ({ shape, dtype }));
  // Only shapes and places survive the call: results must not keep the graph alive.
  const skeleton = mapTree(result as Tree, (value) => position.get(value)!);
  const rebuild = (data: readonly HostData[]): R => {
    const leaves = data.map((values, i) => makeLeaf(specs[i]!, { kind: 'host', data: values }, null));
    return fill(skeleton, leaves) as R;
  };
  return { program: collect(outputs, assigned), trace, rebuild, structure: JSON.stringify(skeleton) };
}

/**
 * Executes a function once: traces it, commits its assignments, gives back its results as values the host holds. A
 * mistake in the function throws at the call; a failure of the execution rejects.
 */
export function run<R>(fn: () => R, options: RunOptions = {}): Promise<R> {
  if (state.trace !== null) return fn() as never; // Inlined into the trace that runs.
  const { mode = 'inference', seed = 0, engine = defaultEngine() } = options;
  flushReads(engine);
  const { program, trace, rebuild } = traceCall(() => fn(), mode);
  const words = seedWords(seed);
  const { results } = engine.submitProgram(program, (leaf) => (leaf.outputs[0] === trace.random ? words : hostDataOf(leaf)));
  return results.then(rebuild);
}

export function hostDataOf(node: GraphNode): HostData {
  const leaf = node.leaf!;
  if (leaf.kind === 'host' || leaf.kind === 'constant') return leaf.data;
  throw new Error('a placeholder of another trace is part of this graph (please report this)');
}

// ---- Reading

export interface PendingReads {
  readonly values: Value[];
  readonly done: ((data: HostData) => void)[];
  readonly failed: ((error: unknown) => void)[];
}
const { pending } = state;

/** The values of one tensor; all reads of a microtask are computed as one plan. */
export function readValue(value: Value, engine?: Engine): Promise<HostData> {
  checkBrand(value[TENSOR_BRAND], 'a tensor');
  const { leaf, trace } = value.node;
  if (leaf?.kind === 'host' || leaf?.kind === 'constant') return Promise.resolve(leaf.data.slice());
  if (state.trace !== null || (trace !== null && !trace.closed)) {
    throw new Error('a tensor was read inside run(fn) or compile(fn): return it from the function and read the result');
  }
  checkUsable(value, 'read');
  const owner = engine ?? engineOf(value);
  let batch = pending.get(owner);
  if (batch === undefined) {
    pending.set(owner, (batch = { values: [], done: [], failed: [] }));
    queueMicrotask(() => void flush(owner));
  }
  const { values, done, failed } = batch;
  return new Promise((resolve, reject) => {
    values.push(value);
    done.push((data) => resolve(data.slice()));
    failed.push(reject);
  });
}

/** A Variable that is already placed decides which engine computes; otherwise the default one. */
function engineOf(value: Value): Engine {
  const { leaf } = value.node;
  return (leaf?.kind === 'variable' ? leaf.variable.engine : null) ?? defaultEngine();
}

/** Submits what was asked for so far. A run must not overtake it: it may change what is read, or need it as argument. */
export function flushReads(engine: Engine): void {
  void flush(engine);
}

async function flush(engine: Engine): Promise<void> {
  const batch = pending.get(engine);
  if (batch === undefined) return;
  pending.delete(engine);
  const { values, done, failed } = batch;
  try {
    const program = collect(values, []);
    const results = await engine.submitProgram(program, hostDataOf).results;
    results.forEach((data, i) => {
      const value = values[i]!;
      if (value.node.leaf?.kind !== 'host') detach(value, data);
      done[i]!(data);
    });
  } catch (error) {
    for (const reject of failed) reject(error);
  }
}

/** Reads several tensors as one plan. */
export function read<const T extends readonly Tensor[]>(tensors: T, options: { engine?: Engine } = {}): Promise<{ [K in keyof T]: HostData }> {
  const reads = tensors.map((tensor) => readValue(tensor as unknown as Value, options.engine));
  return Promise.all(reads) as Promise<{ [K in keyof T]: HostData }>;
}

setSettle((value) => void readValue(value).catch(() => {}));

/**
 * Replaces the values of Variables by ones that the host holds, such as a checkpoint's: all of them, or none and an
 * error. Queued behind what runs already. `engine` places those that have not been used yet.
 */
export function loadVariables(entries: VariableEntries, options: { readonly engine?: Engine } = {}): Promise<void> {
  if (state.trace !== null) throw new Error('variables are loaded outside run(fn) and compile(fn); inside, use assign');
  const byEngine = new Map<Engine, (readonly [Variable, HostData])[]>();
  for (const [variable, data] of entries) {
    if (data.length !== variable.size) {
      throw new TypeError(
        `load '${variable.name}': expected ${variable.size} values for ${formatShape(variable.shape)}, got ${data.length}`,
      );
    }
    const engine = options.engine ?? variable.engine ?? defaultEngine();
    if (variable.engine !== null && variable.engine !== engine) throw new Error(`load: '${variable.name}' lives on another engine`);
    const list = byEngine.get(engine) ?? [];
    list.push([variable, hostArray(data, variable.dtype)]);
    byEngine.set(engine, list);
  }
  const loads = [...byEngine].map(([engine, list]) => {
    flushReads(engine);
    return engine.load(list);
  });
  return Promise.all(loads).then(() => {});
}

setVariableLoader(loadVariables);

// ---- Trees

type Skeleton = number | null | readonly Skeleton[] | { readonly [name: string]: Skeleton };

export function forEachTensor(tree: Tree, visit: (value: Value) => void): void {
  mapTree(tree, (value) => {
    visit(value);
    return 0;
  });
}

function mapTree(tree: Tree, map: (value: Value) => number): Skeleton {
  if (tree === undefined || tree === null) return null;
  if (isTensor(tree)) return map(tree as unknown as Value);
  if (Array.isArray(tree)) return (tree as readonly Tree[]).map((item) => mapTree(item, map));
  if (typeof tree === 'object' && Object.getPrototypeOf(tree) === Object.prototype) {
    return Object.fromEntries(Object.entries(tree as Record<string, Tree>).map(([name, item]) => [name, mapTree(item, map)]));
  }
  throw new TypeError(`a traced function returns tensors, or lists and records of them; got ${typeof tree === 'object' ? 'an object of a class' : typeof tree}`);
}

function fill(skeleton: Skeleton, leaves: readonly Value[]): Tree {
  if (skeleton === null) return undefined;
  if (typeof skeleton === 'number') return leaves[skeleton] as unknown as Tensor;
  if (Array.isArray(skeleton)) return skeleton.map((item: Skeleton) => fill(item, leaves));
  return Object.fromEntries(Object.entries(skeleton).map(([name, item]) => [name, fill(item as Skeleton, leaves)]));
}

