import type { HostData, TensorSpec } from './dtype';
import { isTensor } from './create';
import { defaultEngine, type Engine } from './engine';
import { seedWords } from './initialize';
import type { PlanEntry } from './plan/cache';
import { hostDataOf, readValue, type RunOptions, traceCall, type Traced } from './execute';
import { explainPlan } from './explain';
import { type GraphNode, makeLeaf, type Value } from './graph';
import { describeProgram, firstDifference, type PlanKey, planKey, sameKey } from './plan/key';
import { formatShape } from './shape';
import { state } from './state';
import type { Tensor } from './types';
import type { Variable } from './variable';

export interface CompileOptions extends RunOptions {
  /** Trace once for each shape of arguments and replay: for hot loops. Checked again on calls 2, 10 and 100. */
  readonly frozen?: boolean;
}

/** Tensors; numbers, which are runtime scalars; booleans and strings, which choose the plan. */
export type Argument = Tensor | number | boolean | string;
/** What the traced function gets: numbers arrive as scalar tensors. */
export type TracedArgument<A> = A extends number ? Tensor<readonly []> : A;
type TracedArguments<A extends readonly Argument[]> = { [K in keyof A]: TracedArgument<A[K]> };

export interface Compiled<A extends readonly Argument[], R> {
  (...args: A): Promise<R>;
  /** Counts calls; the random numbers of a call depend on it. Set it when resuming. */
  step: number;
  /** The traced function itself, for use inside another one. */
  readonly inline: (...args: TracedArguments<A>) => R;
  /** The plan for these arguments, as text; nothing is executed. */
  explain(...args: A): string;
}

/** What a frozen call replays. */
interface Frozen<R> {
  readonly key: PlanKey;
  readonly nodes: readonly string[];
  readonly entry: PlanEntry;
  readonly engine: Engine;
  readonly variables: readonly Variable[];
  readonly assigned: readonly Variable[];
  readonly sources: readonly Source[];
  readonly rebuild: Traced<R>['rebuild'];
  calls: number;
}

/** Where a host leaf's value comes from: an argument, the generator's state, or a captured constant. */
type Source = { readonly argument: number } | 'random' | { readonly constant: HostData };

interface Seen {
  readonly keys: PlanKey[];
  nodes: readonly string[];
}

/**
 * Makes a function that is traced on every call and replays the plan of equal structure: a changed constant or branch
 * makes another plan, never a stale answer. Each call executes exactly once, in the order of the calls.
 */
export function compile<A extends readonly Argument[], R>(
  fn: (...args: TracedArguments<A>) => R,
  options: CompileOptions = {},
): Compiled<A, R> {
  const { mode = 'inference', seed = 0, frozen = false } = options;
  const seen = new Map<string, Seen>();
  const replays = new Map<string, Frozen<R>>();
  const warned = new Set<string>();

  const traceWith = (args: A): { traced: Traced<R>; sources: Source[] } => {
    const placeholders = new Map<Value, number>();
    const traced = traceCall(() => {
      const inputs = args.map((arg, i) => {
        if (typeof arg === 'boolean' || typeof arg === 'string') return arg;
        const spec: TensorSpec = typeof arg === 'number' ? { shape: [], dtype: 'float32' } : { shape: arg.shape, dtype: arg.dtype };
        const placeholder = makeLeaf(spec, { kind: 'input' });
        placeholders.set(placeholder, i);
        return placeholder;
      });
      return fn(...(inputs as unknown as TracedArguments<A>));
    }, mode);
    const sources = traced.program.hostLeaves.map((leaf: GraphNode): Source => {
      const value = leaf.outputs[0]!;
      const argument = placeholders.get(value);
      if (argument !== undefined) return { argument };
      return value === traced.trace.random ? 'random' : { constant: hostDataOf(leaf) };
    });
    return { traced, sources };
  };

  const call = ((...args: A): Promise<R> => {
    if (state.trace !== null) return call.inline(...(args as never)) as never;
    args.forEach((arg, i) => checkArgument(arg, i));
    const engine = options.engine ?? defaultEngine();
    const step = call.step++;
    const data = args.map((arg) => (isTensor(arg) ? hostValueOf(arg, engine) : typeof arg === 'number' ? Float64Array.of(arg) : null));
    const bind = (source: Source): HostData | Promise<HostData> => {
      if (source === 'random') return seedWords(seed, step);
      return 'argument' in source ? data[source.argument]! : source.constant;
    };
    const shapes = signatureOf(args);
    const replay = replays.get(shapes);
    if (replay !== undefined && replay.engine === engine) {
      replay.calls++;
      if (replay.calls === 2 || replay.calls === 10 || replay.calls === 100) checkReplay(replay, traceWith(args));
      const { entry, variables, assigned, sources, rebuild } = replay;
      return engine.submit({ entry, variables, assigned, host: sources.map(bind) }).then(rebuild);
    }
    const { traced, sources } = traceWith(args);
    const { program, rebuild } = traced;
    const at = new Map(program.hostLeaves.map((leaf, i) => [leaf, i]));
    const result = engine.submitProgram(program, (leaf) => bind(sources[at.get(leaf)!]!)).then(rebuild);
    if (frozen) {
      const { variables } = program;
      const assigned = program.assigned.map(([variable]) => variable);
      const entry = engine.planFor(program);
      replays.set(shapes, { key: entry.key, nodes: entry.nodes, entry, engine, variables, assigned, sources, rebuild, calls: 1 });
    } else watch(shapes, args, () => describeProgram(program), engine.planFor(program).key);
    return result;
  }) as Compiled<A, R>;
  call.step = 0;
  Object.defineProperty(call, 'inline', { value: fn });
  call.explain = (...args) => {
    const engine = options.engine ?? defaultEngine();
    return explainPlan(engine.planFor(traceWith(args).traced.program));
  };

  function checkReplay(replay: Frozen<R>, { traced, sources }: { traced: Traced<R>; sources: Source[] }): void {
    const key = planKey(traced.program);
    let difference: string | null = null;
    if (!sameKey(key, replay.key)) difference = firstDifference(replay.nodes, describeProgram(traced.program));
    else if (traced.program.variables.some((variable, i) => variable !== replay.variables[i])) difference = 'another Variable';
    else if (sources.some((source, i) => typeof source === 'object' && 'constant' in source && source.constant !== (replay.sources[i] as { constant?: HostData }).constant)) difference = 'another constant';
    if (difference !== null) {
      throw new Error(`a frozen function changed since it was traced: it now has ${difference}; pass what changes as an argument, or leave out { frozen: true }`);
    }
  }

  /** Warns, once each, about what keeps making new plans. */
  function watch(shapes: string, args: A, describe: () => readonly string[], key: PlanKey): void {
    let known = seen.get(shapes);
    if (known === undefined) {
      seen.set(shapes, (known = { keys: [key], nodes: [] }));
      if (seen.size === 17 && !warned.has('shapes')) {
        warned.add('shapes');
        console.warn(`qkv: a compiled function has seen 17 shapes of arguments, each with a plan of its own: ${varyingDimension([...seen.keys()])} keeps changing. Pad to a grid of few sizes.`);
      }
      return;
    }
    if (known.keys.some((other) => sameKey(other, key))) return;
    known.keys.push(key);
    const nodes = describe();
    if (known.keys.length === 3 && !warned.has(shapes)) {
      warned.add(shapes);
      console.warn(`qkv: a compiled function made its third plan for equal shapes (${args.length} arguments): ${firstDifference(known.nodes, nodes)}. A number that changes belongs into an argument or a Variable.`);
    }
    known.nodes = nodes;
  }
  return call;
}

function hostValueOf(arg: Tensor, engine: Engine): HostData | Promise<HostData> {
  const value = arg as unknown as Value;
  const { leaf } = value.node;
  return leaf?.kind === 'host' || leaf?.kind === 'constant' ? leaf.data : readValue(value, engine);
}

function checkArgument(arg: Argument, position: number): void {
  if (isTensor(arg) || ['number', 'boolean', 'string'].includes(typeof arg)) return;
  throw new TypeError(`argument ${position} of a compiled function must be a tensor, number, boolean or string, got ${typeof arg}; Variables and models are captured, not passed`);
}

function signatureOf(args: readonly Argument[]): string {
  return args.map((arg) => (isTensor(arg) ? `${arg.dtype}${formatShape(arg.shape)}` : typeof arg === 'number' ? 'number' : `${typeof arg}:${arg}`)).join(' ');
}

/** The first argument dimension that differs most often between signatures. */
function varyingDimension(signatures: readonly string[]): string {
  const numbers = signatures.map((text) => text.match(/\d+(?=[\],])/g) ?? []);
  let best = { at: 0, values: 0 };
  for (let at = 0; at < (numbers[0]?.length ?? 0); at++) {
    const values = new Set(numbers.map((list) => list[at])).size;
    if (values > best.values) best = { at, values };
  }
  let left = best.at;
  for (const [position, text] of signatures[0]!.split(/(?<=\]) /).entries()) {
    const rank = (text.match(/\d+(?=[\],])/g) ?? []).length;
    if (left < rank) return `dimension ${left} of argument ${position} (${best.values} sizes)`;
    left -= rank;
  }
  return 'a string or boolean argument';
}
