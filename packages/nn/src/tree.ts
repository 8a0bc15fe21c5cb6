import { isVariable, type Variable, withPath } from '@qkv/tensor';

import type { Module } from './module';
import { state, type Tree } from './state';

export const MODULE_BRAND: unique symbol = Symbol.for('@qkv/module') as never;

export function isModule(thing: unknown): thing is Module {
  return typeof thing === 'object' && thing !== null && MODULE_BRAND in thing;
}

/**
 * Visits what hangs on a module, in the order of its properties: modules, Variables, and arrays of them. A path is made
 * of property names and indices, `layers.0.norm1.gain`. What can be reached twice is visited once, under its first path.
 */
export function walk(
  root: Module,
  onModule: (module: Module, path: string) => void,
  onVariable: (variable: Variable, path: string) => void,
): void {
  const seen = new Set<unknown>();
  const visit = (thing: unknown, path: string): void => {
    const several = Array.isArray(thing);
    if (!several && !isModule(thing) && !isVariable(thing)) return;
    if (seen.has(thing)) return;
    seen.add(thing);
    if (isVariable(thing)) return onVariable(thing, path);
    if (!several) onModule(thing as Module, path);
    const prefix = path === '' ? '' : `${path}.`;
    for (const [name, value] of Object.entries(thing as object)) visit(value, prefix + name);
  };
  visit(root, '');
}

/**
 * The n-th tree of the process, counted when it is first named, starts from a seed of its own: models of equal structure,
 * such as the members of an ensemble, differ, and the same program gives the same bits. The count stands in the upper word
 * of the seed, out of the way of seeds that people choose; the remainder keeps it a safe integer.
 */
function newTree(root: Module): Tree {
  return { root: new WeakRef(root), paths: new WeakMap(), seed: (state.trees++ % 2 ** 21) * 2 ** 32 };
}

/** Names a module's tree: the paths that its nodes carry, and the names of its Variables, which name their first values. */
function plant(root: Module, tree: Tree = newTree(root)): Tree {
  walk(
    root,
    (module, path) => {
      tree.paths.set(module, path);
      state.owners.set(module, tree);
    },
    (variable, path) => {
      variable.name = path;
      const given = state.seeds.has(variable) ? state.seeds.get(variable) : 0;
      if (variable.seed !== given) return; // somebody has chosen it
      variable.seed = tree.seed;
      state.seeds.set(variable, tree.seed);
    },
  );
  return tree;
}

/** The tree that a module belongs to; its own, if no other has named it. */
export function treeOf(module: Module): Tree {
  return state.owners.get(module) ?? plant(module);
}

/** A module that the tree does not know: added after it was named, or not held in a property at all. */
function adopt(tree: Tree, module: Module): string {
  const root = tree.root.deref();
  if (root !== undefined) plant(root, tree);
  let path = tree.paths.get(module);
  if (path === undefined) {
    const name = module.constructor.name;
    path = state.path === '' ? name : `${state.path}.${name}`;
    tree.paths.set(module, path);
  }
  return path;
}

/** Runs `body` as part of `module`: the nodes that it makes carry the module's path in the tree that is running. */
export function within<T>(module: Module, body: () => T): T {
  const { tree: outer, path: before, module: around } = state;
  const tree = outer ?? treeOf(module);
  const path = tree.paths.get(module) ?? adopt(tree, module);
  state.tree = tree;
  state.path = path;
  state.module = module;
  try {
    return withPath(path, body);
  } finally {
    state.tree = outer;
    state.path = before;
    state.module = around;
  }
}

/** ` (in encoder.layers.0)` while a module with a path runs, for errors. */
export function place(): string {
  return state.path === '' ? '' : ` (in ${state.path})`;
}
