import { internals, isTensor, ShapeError, type Tensor } from '@qkv/tensor';

import type { Module } from './module';
import { nearest, pathsOf, type Resolved, resolve } from './module-paths';
import { state } from './state';
import type { Wanted, Watch } from './tap';

/** One path, or a list or record of them. */
export type CapturePaths = string | readonly string[] | { readonly [name: string]: string };

/** A tensor for a path; for a path with `*` a list, in the order in which the modules ran. */
export type CapturedValue<P extends string> = string extends P
  ? Tensor | readonly Tensor[]
  : P extends `${string}*${string}`
    ? readonly Tensor[]
    : Tensor;

/** What was captured, in the structure of the paths. */
export type Captured<P extends CapturePaths> = P extends string
  ? CapturedValue<P>
  : { readonly [K in keyof P]: P[K] extends string ? CapturedValue<P[K]> : never };

/** What takes a value's place: a tensor of its shape and type, or a function that makes one from it. */
export type Patch = Tensor | ((value: Tensor) => Tensor);

/**
 * Runs `body` and gives, beside its result, values inside of the model, by module path: `encoder.layers.3.selfAttention`.
 *
 * A path that names a module means its attention where it has one (softmax weights (B, H, T, S) of a `MultiHeadAttention`),
 * and its output elsewhere; `path.output` and `path.attention` say which. Names of arrays may be left out
 * (`encoder.3.selfAttention`); `*` stands for one segment and makes the value a list, in the order of execution. A module
 * that runs several times in the body needs `path#2` for one call, counted from 0, or `path#*` for a list of all.
 *
 * Only what is named is formed; all other layers stay fused, and the result is the same up to rounding. The values are
 * those that the graph goes on with, so `grad(loss, captured)` is the gradient of activations and attention. A gradient
 * does not reach into `checkpoint`, though values there can be captured and patched.
 *
 * For use inside of `run` or `compile`, or outside of both, but not around them. Throws a RangeError if a path leads to no
 * module, to several without a `*`, or to nothing that the body computes, and if no path is given.
 */
export function capture<const P extends CapturePaths, R>(
  model: Module,
  paths: P,
  body: () => R,
): { readonly output: R; readonly captured: Captured<P> } {
  const texts: string[] = typeof paths === 'string' ? [paths] : Object.values(paths);
  if (texts.length === 0) {
    throw new RangeError(
      `capture: no path is given, so nothing is captured; modulePaths(model) lists all ${pathsOf(model).size}`,
    );
  }
  const wishes = texts.map((text) => {
    const values: Tensor[] = [];
    const keep = (value: Tensor): Tensor => (values.push(value), value);
    return { ...resolve('capture', model, text), values, keep };
  });
  const output = watch('capture', model, wishes, false, body);
  const results = wishes.map(({ text, several, values }) => {
    if (values.length > 1 && !several) {
      throw new RangeError(
        `capture: '${text}' ran ${values.length} times; '${text}#0' is its first call, '${text}#*' lists all`,
      );
    }
    return several ? values : values[0];
  });
  if (typeof paths === 'string') return { output, captured: results[0] as Captured<P> };
  if (Array.isArray(paths)) return { output, captured: results as unknown as Captured<P> };
  const named = Object.keys(paths).map((name, i) => [name, results[i]]);
  return { output, captured: Object.fromEntries(named) as Captured<P> };
}

/**
 * Runs `body` with other values in the place of those that the paths name, such as activations of another input (causal
 * tracing: Meng et al. 2022, section 2) or zeros (ablation). Paths are those of `capture`; a patch holds for every call of
 * every module that its path means.
 *
 * Throws like `capture`, and a ShapeError if a patch has not the shape and type of the value.
 */
export function patch<R>(model: Module, patches: Readonly<Record<string, Patch>>, body: () => R): R {
  const wishes = Object.entries(patches).map(([text, replacement]) => ({
    ...resolve('patch', model, text),
    keep: (value: Tensor): Tensor => {
      if (!isTensor(replacement) && typeof replacement !== 'function') {
        throw new TypeError(`patch: '${text}' takes a tensor, or a function that makes one, got ${typeof replacement}`);
      }
      const next = isTensor(replacement) ? replacement : replacement(value);
      const [expected, got] = [describe(value), isTensor(next) ? describe(next) : typeof next];
      if (expected !== got) throw new ShapeError(`patch: '${text}' is ${expected}, got ${got} in its place`);
      return next;
    },
  }));
  return watch('patch', model, wishes, true, body);
}

const describe = ({ dtype, shape }: Tensor): string => `${dtype} [${shape.join(', ')}]`;

type Wish = Resolved & Pick<Wanted, 'keep'>;

function watch<R>(user: string, model: Module, wishes: readonly Wish[], patches: boolean, body: () => R): R {
  const wanted = new Map<Module, Wanted[]>();
  /** Values that each wish was shown; it may want one of them. */
  const shown = new Map(wishes.map((wish) => [wish, 0]));
  const reached = new Set<Wish>();
  const { trace } = internals.state;
  for (const wish of wishes) {
    for (const module of wish.modules) {
      let calls = 0;
      const keep = (value: Tensor): Tensor => {
        if (internals.state.trace !== trace) throw misplaced(user);
        const call = calls++;
        shown.set(wish, shown.get(wish)! + 1);
        if (wish.call !== null && wish.call !== call) return value;
        reached.add(wish);
        return wish.keep(value);
      };
      wanted.set(module, [...(wanted.get(module) ?? []), { name: wish.name, patches, keep }]);
    }
  }
  const here: Watch = { outer: state.watch, wanted, seen: new Map() };
  state.watch = here;
  let output: R;
  try {
    output = body();
  } finally {
    state.watch = here.outer;
  }
  if (output instanceof Promise) throw misplaced(user);
  for (const wish of wishes) if (!reached.has(wish)) throw unreached(user, model, wish, here.seen, shown.get(wish)!);
  return output;
}

function misplaced(user: string): Error {
  return new Error(
    `${user}: its body ends before the model runs; use it inside the function that run or compile is given`,
  );
}

function unreached(
  user: string,
  model: Module,
  { text, modules, name, call }: Wish,
  seen: Watch['seen'],
  calls: number,
): Error {
  const paths = pathsOf(model);
  const ran = modules.filter((module) => seen.has(module));
  const label = (module: Module): string => (module === model ? model.constructor.name : `'${paths.get(module)}'`);
  const where = (ran.length > 0 ? ran : modules).map(label).join(', ');
  if (ran.length === 0) {
    const others = [...paths.keys()].filter((module) => seen.has(module)).map(label);
    const list = others.length === 0 ? 'nothing did' : `what did: ${others.slice(0, 12).join(', ')}`;
    return new RangeError(
      `${user}: ${where} did not run, by its forward, in the body; ${list}${others.length > 12 ? ', …' : ''}`,
    );
  }
  const names = new Set(ran.flatMap((module) => [...seen.get(module)!]));
  if (calls > 0) {
    return new RangeError(`${user}: ${where} has no call ${call} in the body, but ${calls}, counted from 0`);
  }
  const values = [...names].map((one) => `'${one}'`).join(', ');
  return new RangeError(
    `${user}: ${where} has no part or value '${name ?? 'attention'}', but ${values}; ${nearest(model, text)}`,
  );
}
