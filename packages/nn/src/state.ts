import type { Variable } from '@qkv/tensor';

import type { Module } from './module';
import type { Call, Watch } from './tap';

/** The names of one tree of modules, as its root gives them. It holds nothing alive: a part may outlive the whole. */
export interface Tree {
  readonly root: WeakRef<Module>;
  readonly paths: WeakMap<Module, string>;
  /** Of the first values of its Variables, unless `initialize` has chosen another. */
  readonly seed: number;
}

interface NetworkState {
  /** The tree whose code is running. */
  tree: Tree | null;
  /** Path of the innermost module that is running. */
  path: string;
  /** The innermost module that is running. */
  module: Module | null;
  /** The innermost capture or patch whose body is running; nearly always none. */
  watch: Watch | null;
  /** The innermost `forward` that is running, while there is a watch. */
  call: Call | null;
  /** The tree that named a module last. */
  readonly owners: WeakMap<Module, Tree>;
  /** Trees named so far. */
  trees: number;
  /** The seed that a tree gave to a Variable; null where `initialize` has chosen one, which no tree may replace. */
  readonly seeds: WeakMap<Variable, number | null>;
}

const SLOT = Symbol.for('@qkv/nn.state.1');

/** Process-wide, in one slot: two copies of this package see each other's modules. */
export const state: NetworkState = ((globalThis as Record<symbol, unknown>)[SLOT] ??= {
  tree: null,
  path: '',
  module: null,
  watch: null,
  call: null,
  owners: new WeakMap(),
  trees: 0,
  seeds: new WeakMap(),
} satisfies NetworkState) as NetworkState;
