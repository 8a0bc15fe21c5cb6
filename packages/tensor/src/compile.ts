import type { HostData, TensorSpec } from './dtype';
import { isTensor, literal } from './create';
import { defaultEngine, type Engine } from './engine';
import { seedWords } from './initialize';
import type { PlanEntry } from './plan/cache';
import { flushReads, hostDataOf, readValue, type RunOptions, traceCall, type Traced } from './execute';
import { explainProgram } from './explain';
import { type GraphNode, makeLeaf, type Value } from './graph';
import { describeProgram, firstDifference, type PlanKey, planKey, sameKey } from './plan/key';
import type { StepTimes } from './backend';
import type { Program } from './plan/collect';
import { Profile } from './profile';
import { formatShape } from './shape';
import { checkBrand, state, TENSOR_BRAND } from './state';
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
  /**
   * Executes up to `times` times with the same arguments, without coming back between, as decoding does: the function
   * returns one scalar, int32 or bool, and after a call in which that is not 0 none follows. Gives back how many calls
   * were made. `step` counts `times`, so the random numbers of what follows do not depend on it.
   */
  repeat(times: number, ...args: A): Promise<number>;
  /** Executes once, like a call, and tells how long each step took; the results are dropped. */
  profile(...args: A): Promise<Profile>;
}

/** Shapes of arguments for which a frozen function keeps its trace. */
const MAXIMUM_REPLAYS = 128;

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
  readonly structure: string;
  calls: number;
}

/** What a frozen repetition replays. */
type Loop<R> = Frozen<R> & { readonly randomInput: number };

/** Where a host leaf's value comes from: an argument, the generator's state, or a captured constant. */
type Source = { readonly argument: number } | 'random' | { readonly constant: HostData };

/** The plans made for one signature of arguments, until one or the other warning is given. */
interface Seen {
  readonly signature: readonly string[];
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

  /** Where the values of this call's host leaves come from; what they depend on is queued before. */
  const binder = (args: A, engine: Engine): ((source: Source) => HostData | Promise<HostData>) => {
    const { step } = call;
    const data = args.map((arg) => (isTensor(arg) ? hostValueOf(arg, engine) : typeof arg === 'number' ? Float64Array.of(arg) : null));
    flushReads(engine);
    return (source) => {
      if (source === 'random') return seedWords(seed, step);
      return 'argument' in source ? data[source.argument]! : source.constant;
    };
  };

  const call = ((...args: A): Promise<R> => {
    // Inlined into the trace that runs, where a number is a literal like any other.
    if (state.trace !== null) return fn(...(args.map((arg) => (typeof arg === 'number' ? literal(arg, 'float32') : arg)) as never)) as never;
    args.forEach((arg, i) => checkArgument(arg, i));
    const engine = options.engine ?? defaultEngine();
    const bind = binder(args, engine);
    const signature = signatureOf(args);
    const shapes = signature.join(' ');
    const replay = replays.get(shapes);
    if (replay !== undefined && replay.engine === engine) {
      recheck(replay, args);
      call.step++;
      replays.delete(shapes); // least recently used first
      replays.set(shapes, replay);
      const { entry, variables, assigned, sources, rebuild, nodes } = replay;
      return engine.resubmit({ entry, variables, assigned, host: sources.map(bind), describe: () => nodes }).then(rebuild);
    }
    const { traced, sources } = traceWith(args);
    const { program, rebuild } = traced;
    const { entry, results } = engine.submitProgram(program, leafBinder(program, sources, bind));
    call.step++;
    watch(shapes, signature, () => describeProgram(program), entry.key);
    if (frozen) remember(replays, shapes, freeze(traced, sources, entry, engine));
    return results.then(rebuild);
  }) as Compiled<A, R>;
  call.step = 0;
  call.profile = async (...args) => {
    if (state.trace !== null) throw new Error('profile is called outside run(fn) and compile(fn)');
    args.forEach((arg, i) => checkArgument(arg, i));
    const engine = options.engine ?? defaultEngine();
    const bind = binder(args, engine);
    const { traced, sources } = traceWith(args);
    const { program } = traced;
    let times: StepTimes | undefined;
    const { entry, results } = engine.submitProgram(program, leafBinder(program, sources, bind), { onProfile: (measured) => (times = measured) });
    call.step++;
    await results;
    return new Profile(entry.plan, times!, describeProgram(program));
  };
  Object.defineProperty(call, 'inline', { value: fn });
  const loops = new Map<string, Loop<R>>();
  call.repeat = async (times, ...args) => {
    if (state.trace !== null) throw new Error('repeat is called outside run(fn) and compile(fn)');
    if (!Number.isInteger(times) || times < 1 || times >= 2 ** 31) throw new RangeError(`repeat: expected a positive number of times, below 2³¹, got ${times}`);
    args.forEach((arg, i) => checkArgument(arg, i));
    const engine = options.engine ?? defaultEngine();
    const bind = binder(args, engine);
    let calls = 0;
    const onDone = (done: number): void => void (calls = done);
    const shapes = signatureOf(args).join(' ');
    const known = frozen ? loops.get(shapes) : undefined;
    if (known !== undefined && known.engine === engine) {
      recheck(known, args);
      call.step += times;
      const { entry, variables, assigned, sources, nodes, randomInput } = known;
      await engine.resubmit({ entry, variables, assigned, host: sources.map(bind), repeat: { times, randomInput, onDone }, describe: () => nodes });
      return calls;
    }
    const { traced, sources } = traceWith(args);
    const { program } = traced;
    const [output, ...others] = program.outputs;
    if (output === undefined || others.length > 0 || output.shape.length > 0 || output.dtype === 'float32') {
      throw new TypeError('repeat: the function must return one scalar, int32 or bool, which ends the repetition when it is not 0');
    }
    const randomInput = sources.indexOf('random');
    const { entry, results } = engine.submitProgram(program, leafBinder(program, sources, bind), { repeat: { times, randomInput, onDone } });
    call.step += times;
    if (frozen) remember(loops, shapes, { ...freeze(traced, sources, entry, engine), randomInput });
    await results;
    return calls;
  };
  call.explain = (...args) => {
    const engine = options.engine ?? defaultEngine();
    return explainProgram(traceWith(args).traced.program, engine);
  };

  function freeze({ program, rebuild, structure }: Traced<R>, sources: readonly Source[], entry: PlanEntry, engine: Engine): Frozen<R> {
    const { variables } = program;
    const assigned = program.assigned.map(([variable]) => variable);
    return { key: entry.key, nodes: describeProgram(program), entry, engine, variables, assigned, sources, rebuild, structure, calls: 1 };
  }

  function remember<F>(table: Map<string, F>, shapes: string, replay: F): void {
    table.set(shapes, replay);
    if (table.size > MAXIMUM_REPLAYS) table.delete(table.keys().next().value!);
  }

  /** Counts a replay; on calls 2, 10 and 100 the function is traced again and must be what it was. */
  function recheck(replay: Frozen<R>, args: A): void {
    const calls = replay.calls + 1;
    if (calls === 2 || calls === 10 || calls === 100) checkReplay(replay, traceWith(args));
    replay.calls = calls; // only now: what failed the check must not run at the next call
  }

  function checkReplay(replay: Frozen<R>, { traced, sources }: { traced: Traced<R>; sources: Source[] }): void {
    const key = planKey(traced.program);
    let difference: string | null = null;
    if (!sameKey(key, replay.key)) difference = firstDifference(replay.nodes, describeProgram(traced.program));
    else if (traced.program.variables.some((variable, i) => variable !== replay.variables[i])) difference = 'another Variable';
    else if (traced.structure !== replay.structure) difference = 'its results in other places';
    else if (sources.some((source, i) => !sameSource(source, replay.sources[i]!))) difference = 'another constant, or arguments in other places';
    if (difference !== null) {
      throw new Error(`a frozen function changed since it was traced: it now has ${difference}; pass what changes as an argument, or leave out { frozen: true }`);
    }
  }

  /** Warns, once each, about what keeps making new plans. */
  function watch(shapes: string, signature: readonly string[], describe: () => readonly string[], key: PlanKey): void {
    if (warned.has(shapes)) return;
    let known = seen.get(shapes);
    if (known === undefined) {
      if (seen.size > 17) return;
      seen.set(shapes, (known = { signature, keys: [key], nodes: [] }));
      if (seen.size === 17 && !warned.has('shapes')) {
        warned.add('shapes');
        console.warn(`qkv: a compiled function has seen 17 shapes of arguments, each with a plan of its own: ${varyingDimension([...seen.values()].map((one) => one.signature))} keeps changing. Pad to a grid of few sizes.`);
      }
      return;
    }
    if (known.keys.some((other) => sameKey(other, key))) return;
    known.keys.push(key);
    const nodes = describe();
    if (known.keys.length === 3 && !warned.has(shapes)) {
      warned.add(shapes);
      console.warn(`qkv: a compiled function made its third plan for equal shapes (${signature.length} arguments): ${firstDifference(known.nodes, nodes)}. A number that changes belongs into an argument or a Variable.`);
    }
    known.nodes = nodes;
  }
  return call;
}

function leafBinder(program: Program, sources: readonly Source[], bind: (source: Source) => HostData | Promise<HostData>): (leaf: GraphNode) => HostData | Promise<HostData> {
  const at = new Map(program.hostLeaves.map((leaf, i) => [leaf, i]));
  return (leaf) => bind(sources[at.get(leaf)!]!);
}

function sameSource(a: Source, b: Source): boolean {
  if (a === 'random' || b === 'random') return a === b;
  if ('argument' in a) return 'argument' in b && a.argument === b.argument;
  return 'constant' in b && sameValues(a.constant, b.constant);
}

function hostValueOf(arg: Tensor, engine: Engine): HostData | Promise<HostData> {
  const value = arg as unknown as Value;
  const { leaf } = value.node;
  return leaf?.kind === 'host' || leaf?.kind === 'constant' ? leaf.data : readValue(value, engine);
}

function checkArgument(arg: Argument, position: number): void {
  if (isTensor(arg)) checkBrand(arg[TENSOR_BRAND], `argument ${position}`);
  else if (!['number', 'boolean', 'string'].includes(typeof arg)) {
    throw new TypeError(`argument ${position} of a compiled function must be a tensor, number, boolean or string, got ${typeof arg}; Variables and models are captured, not passed`);
  }
}

/** What two calls must have in common to replay one trace: one text for each argument. */
function signatureOf(args: readonly Argument[]): string[] {
  return args.map((arg) => (isTensor(arg) ? `${arg.dtype}${formatShape(arg.shape)}` : typeof arg === 'number' ? 'number' : JSON.stringify(arg)));
}

/** The dimension of an argument that has the most sizes in these signatures. */
function varyingDimension(signatures: readonly (readonly string[])[]): string {
  let best = { text: 'a string or boolean argument', sizes: 1 };
  for (let position = 0; position < signatures[0]!.length; position++) {
    const shapes = signatures.map((texts) => /^\w+\[(.*)\]$/.exec(texts[position] ?? '')?.[1]!.split(', ') ?? []);
    for (let d = 0; d < shapes[0]!.length; d++) {
      const sizes = new Set(shapes.map((shape) => shape[d])).size;
      if (sizes > best.sizes) best = { text: `dimension ${d} of argument ${position} (${sizes} sizes)`, sizes };
    }
  }
  return best.text;
}

function sameValues(a: HostData, b: HostData | undefined): boolean {
  return a === b || (a.length === b?.length && a.every((value, i) => Object.is(value, b[i])));
}
