import { barrier, isTensor, type Tensor } from '@qkv/tensor';

import type { Module } from './module';
import { state } from './state';
import { within } from './tree';

/** The value that a module is looked at for, where it has one: see `capture`. */
const FIRST = 'attention';
/** The name of what `forward` returns. */
const OUTPUT = 'output';

/** What one capture or patch wants of one module. */
export interface Wanted {
  /** Null: `attention` where the module taps that, else its output. */
  readonly name: string | null;
  /** Patches go before captures, which see what the graph goes on with. */
  readonly patches: boolean;
  /** Gives what the graph goes on with. */
  keep(value: Tensor): Tensor;
}

/** A capture or patch, while its body runs. */
export interface Watch {
  readonly outer: Watch | null;
  readonly wanted: ReadonlyMap<Module, readonly Wanted[]>;
  /** The modules that have run, each with the names of its values: what an error tells. */
  readonly seen: Map<Module, Set<string>>;
}

/** One call of `forward`. */
export interface Call {
  readonly module: Module;
  /** It has a value that a path to the module means in place of the output. */
  hasFirst: boolean;
}

/**
 * Whether somebody captures or patches this value of the running module, so that it has to exist: a layer takes the path
 * that forms its attention weights only then. False outside of modules.
 */
export function isTapped(name: string): boolean {
  const { watch, module } = state;
  if (watch === null || module === null) return false;
  notice(module, name);
  return allWanted(module, name, name === FIRST).length > 0;
}

/**
 * Shows a value of the running module under a name to whoever captures it, and gives what to go on with: the value, or
 * what is patched in its place.
 */
export function tap(name: string, value: Tensor): Tensor {
  const { watch, module } = state;
  if (watch === null || module === null) return value;
  notice(module, name);
  return settle(module, name, name === FIRST, value);
}

/** Runs `forward` of a module as a part of it, and taps its output. */
export function watched<T>(module: Module, body: () => T): T {
  const outer = state.call;
  if (outer?.module === module && state.module === module) return within(module, body); // super.forward
  const call: Call = { module, hasFirst: false };
  state.call = call;
  try {
    return within(module, () => {
      const output = body();
      notice(module, OUTPUT);
      return settle(module, OUTPUT, !call.hasFirst, output);
    });
  } finally {
    state.call = outer;
  }
}

/** Keeps for errors what there is. */
function notice(module: Module, name: string): void {
  if (name === FIRST && state.call?.module === module) state.call.hasFirst = true;
  for (let watch = state.watch; watch !== null; watch = watch.outer) {
    const names = watch.seen.get(module);
    if (names === undefined) watch.seen.set(module, new Set([name]));
    else names.add(name);
  }
}

/** Who wants this value, the innermost first. `first`: it is what a path to the module means. */
function allWanted(module: Module, name: string, first: boolean): Wanted[] {
  const found: Wanted[] = [];
  for (let watch = state.watch; watch !== null; watch = watch.outer) {
    for (const wanted of watch.wanted.get(module) ?? []) {
      if (wanted.name === null ? first : wanted.name === name) found.push(wanted);
    }
  }
  return found;
}

function settle<T>(module: Module, name: string, first: boolean, value: T): T {
  const all = allWanted(module, name, first);
  if (all.length === 0) return value;
  if (!isTensor(value)) {
    const others = [...state.watch!.seen.get(module)!].filter((one) => one !== OUTPUT).map((one) => `'${one}'`);
    const hint = others.length === 0 ? 'capture a part of it' : `but it has values ${others.join(', ')}`;
    throw new TypeError(`${module.constructor.name}: what forward returns is no tensor, ${hint}`);
  }
  const patches = all.filter((wanted) => wanted.patches);
  const captures = all.filter((wanted) => !wanted.patches);
  let tensor: Tensor = patches.reduce((now: Tensor, wanted) => wanted.keep(now), value);
  // A name of its own: a module may return what it was given, whose gradient has more parts than the output's.
  if (captures.length > 0) tensor = barrier(tensor, []);
  return captures.reduce((now, wanted) => wanted.keep(now), tensor) as T;
}
