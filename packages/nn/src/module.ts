import type { Parameter, Variable } from '@qkv/tensor';

import { state } from './state';
import { watched } from './tap';
import { MODULE_BRAND, treeOf, walk, within } from './tree';

/**
 * Base of all layers and models. Parameters, submodules and arrays of them are ordinary properties; their names are the
 * property paths, such as `encoder.layers.0.selfAttention.query.weight`.
 *
 * `forward` is what users call. While it runs, nodes of the graph carry the module's path: it names layers in errors and
 * in `explain`, and picks the random streams of dropout. Another public method that makes nodes runs its body in `scope`.
 *
 * A property is part of the module. What merely refers to another module belongs into a `#private` field.
 */
export abstract class Module {
  readonly [MODULE_BRAND] = 1;

  constructor() {
    trackForward(Object.getPrototypeOf(this) as object);
  }

  abstract forward(...inputs: any[]): unknown;

  /** Runs the body of a public method other than `forward` as part of this module. */
  protected scope<T>(body: () => T): T {
    return within(this, body);
  }

  /** Every Variable of the module and its submodules by path; one that is used twice stands under its first path. */
  namedVariables(): Map<string, Variable> {
    treeOf(this);
    const found = new Map<string, Variable>();
    walk(
      this,
      () => {},
      (variable, path) => found.set(path, variable),
    );
    return found;
  }

  /** The Variables that training changes, by path. */
  namedParameters(): Map<string, Parameter> {
    return new Map([...this.namedVariables()].filter(([, variable]) => variable.trainable));
  }

  variables(): Variable[] {
    return [...this.namedVariables().values()];
  }

  /** What an optimiser is given. */
  parameters(): Parameter[] {
    return [...this.namedParameters().values()];
  }

  /** Number of trainable elements. Allocates nothing: a Variable is a description until it is first used. */
  parameterCount(): number {
    return this.parameters().reduce((sum, parameter) => sum + parameter.size, 0);
  }

  /** Gives the memory of all Variables back; the next use starts from their initialisers. Users need not call it. */
  release(): void {
    for (const variable of this.variables()) variable.release();
  }
}

const tracked = new WeakSet<object>();

/** Wraps the `forward` of a class, and of those it extends, once. Paths are absolute, so `super.forward` changes nothing. */
function trackForward(prototype: object): void {
  for (let p = prototype; p !== Module.prototype && !tracked.has(p); p = Object.getPrototypeOf(p) as object) {
    tracked.add(p);
    const forward = Object.getOwnPropertyDescriptor(p, 'forward')?.value as Module['forward'] | undefined;
    if (forward === undefined) continue;
    const value = function (this: Module, ...inputs: unknown[]): unknown {
      const body = (): unknown => forward.apply(this, inputs);
      return state.watch === null ? within(this, body) : watched(this, body);
    };
    Object.defineProperty(p, 'forward', { value, writable: true, configurable: true });
  }
}

/**
 * Makes the weights start from this seed: each draws from a stream of its own, chosen by seed and name, so the order of
 * layers and of calls does not matter, and models of equal structure start from equal weights. Weights that have values
 * already start anew at their next use. Throws inside `run` and `compile`.
 *
 * A model that is not initialised has a seed of its own, by how many were named (run, or asked for parameters) before it.
 */
export function initialize(module: Module, { seed = 0 }: { readonly seed?: number } = {}): void {
  for (const variable of module.variables()) {
    variable.release(); // throws in a trace, before anything has changed
    variable.seed = seed;
    state.seeds.set(variable, null);
  }
}
