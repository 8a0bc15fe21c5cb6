import { describeNode, makeLeaf, type Value } from './graph';
import { BRAND, checkBrand, state, TENSOR_BRAND } from './state';
import type { Variable } from './variable';

export type Mode = 'train' | 'inference';

/** One execution of a traced function, while it is being recorded. Single assignment: see `Variable`. */
export interface Trace {
  readonly mode: Mode;
  /** Which variables were read or assigned, and the latest value of each in this trace. */
  readonly variables: Map<Variable, Value>;
  readonly assigned: Set<Variable>;
  /** State of the generator: int32[4]; made when first needed. */
  random: Value | null;
  /** How many random sites each module path has used. */
  readonly sites: Map<string, number>;
  /** Set when the function has returned: what still refers to the trace has escaped it. */
  closed: boolean;
  /** The plan's own expansions may use any value. */
  readonly internal: boolean;
  /** While first values are made: builds that of a Variable which another one's initialiser reads. */
  initialize: ((variable: Variable) => Value | undefined) | null;
}

export function openTrace(mode: Mode, internal = false): Trace {
  return { mode, variables: new Map(), assigned: new Set(), random: null, sites: new Map(), closed: false, internal, initialize: null };
}

/** Runs `fn` with `trace` in charge, and restores what was before, whatever happens. */
export function within<T>(trace: Trace | null, fn: () => T): T {
  const before = state.trace;
  const path = state.path;
  state.trace = trace;
  if (trace !== null && !trace.internal) state.path = '';
  try {
    return fn();
  } finally {
    state.trace = before;
    state.path = path;
  }
}

/** Whether the code runs under `compile(…, { mode: 'train' })`: dropout and its like ask here, no module keeps a flag. */
export function isTraining(): boolean {
  return state.trace?.mode === 'train';
}

/** Adds a name to the module path of the nodes that `fn` makes. */
export function withPath<T>(path: string, fn: () => T): T {
  const before = state.path;
  state.path = path;
  try {
    return fn();
  } finally {
    state.path = before;
  }
}

/** Throws if a value must not be used where the code is now: captured by a trace, escaped from one, or of another format. */
export function checkUsable(value: Value, user: string): void {
  if (value[TENSOR_BRAND] !== BRAND) checkBrand(value[TENSOR_BRAND], 'a tensor');
  const { trace, leaf } = value.node;
  const current = state.trace;
  if (trace === current || current?.internal) return;
  if (trace === null && leaf?.kind === 'constant') return;
  if (trace !== null && trace.closed) {
    throw new Error(
      `${user}: a tensor escaped the function that made it (${describeNode(value.node)}); return it from the function and use the result`,
    );
  }
  if (current === null) {
    throw new Error(`${user}: a tensor of a running trace cannot be used outside of it (${describeNode(value.node)})`);
  }
  if (leaf?.kind === 'variable') {
    throw new Error(
      `${user}: '${leaf.variable.name}' was read outside this function; read variable.value inside, so that every call sees its latest value`,
    );
  }
  throw new Error(
    `${user}: a tensor ${value.dtype} [${value.shape.join(', ')}] made outside was captured by a compiled function; pass it as an argument, or wrap it in constant(…) if it never changes`,
  );
}

/** The generator's state in this trace. */
export function randomState(): Value {
  const trace = state.trace;
  if (trace === null) {
    throw new Error('random numbers need a seed: draw them inside compile(fn, { seed }) or run(fn, { seed })');
  }
  return (trace.random ??= makeLeaf({ shape: [4], dtype: 'int32' }, { kind: 'input' }));
}

/** A number for the next random operation of this module: hash of its path and of how many it made before. */
export function nextSite(): number {
  const trace = state.trace;
  const ordinal = trace?.sites.get(state.path) ?? 0;
  trace?.sites.set(state.path, ordinal + 1);
  return siteOf(state.path, ordinal);
}

/** FNV-1a over UTF-16 units; on-disk contract, never to change. */
export function siteOf(path: string, ordinal: number): number {
  let hash = 0x811c9dc5;
  const text = `${path}#${ordinal}`;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ (text.charCodeAt(i) & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (text.charCodeAt(i) >>> 8), 0x01000193);
  }
  return hash >>> 0;
}
