import { isTensor, isVariable, type Tensor, type Variable } from '@qkv/tensor';

/** What can be differentiated with respect to. */
export type Differentiable = Tensor | Variable;

/** One of them, a list, or a record. */
export type Structure<Leaf> = Leaf | readonly Leaf[] | { readonly [name: string]: Leaf };

/** The same structure with a tensor in place of every tensor and Variable. */
export type TensorsLike<W> = W extends Differentiable ? TensorLike<W> : { readonly [K in keyof W]: TensorLike<W[K]> };
type TensorLike<T> = T extends Tensor<infer S> ? Tensor<S> : Tensor;

export interface Flat<Leaf = Differentiable> {
  readonly leaves: readonly Leaf[];
  /** Where each leaf is, such as `[2]` or `.weight`; empty for a lone leaf. */
  readonly places: readonly string[];
  /** The structure again, with `values` in place of the leaves; its type is known to whoever gave the structure. */
  rebuild(values: readonly Tensor[]): any;
}

/** The leaves of a structure in order: of lists by index, of records by order of insertion. */
export function flatten(structure: unknown, what: string): Flat {
  if (isLeaf(structure)) return { leaves: [structure], places: [''], rebuild: ([value]) => value };
  if (Array.isArray(structure)) {
    const places = structure.map((_, i) => `[${i}]`);
    return { leaves: checkLeaves(structure, places, what), places, rebuild: (values) => [...values] };
  }
  if (isPlain(structure)) {
    const names = Object.keys(structure);
    const places = names.map((name) => `.${name}`);
    const rebuild = (values: readonly Tensor[]) => Object.fromEntries(names.map((name, i) => [name, values[i]]));
    return { leaves: checkLeaves(Object.values(structure), places, what), places, rebuild };
  }
  throw new TypeError(`${what}: expected a tensor, a Variable, or a list or record of them, got ${kindOf(structure)}`);
}

/** `flatten` for what a user's function returned: tensors only. */
export function flattenTensors(structure: unknown, what: string): Flat<Tensor> {
  const flat = flatten(structure, what);
  const variable = flat.leaves.findIndex((leaf) => isVariable(leaf));
  if (variable < 0) return flat as Flat<Tensor>;
  throw new TypeError(`${what}: expected tensors, got a Variable${at(flat.places[variable])}; use its .value`);
}

const isLeaf = (thing: unknown): thing is Differentiable => isTensor(thing) || isVariable(thing);

function checkLeaves(items: readonly unknown[], places: readonly string[], what: string): readonly Differentiable[] {
  const wrong = items.findIndex((item) => !isLeaf(item));
  if (wrong < 0) return items as readonly Differentiable[];
  throw new TypeError(`${what}: expected a tensor or a Variable${at(places[wrong])}, got ${kindOf(items[wrong])}`);
}

const at = (place: string): string => (place === '' ? '' : ` at ${place}`);

function isPlain(thing: unknown): thing is object {
  if (typeof thing !== 'object' || thing === null) return false;
  const prototype: unknown = Object.getPrototypeOf(thing);
  return prototype === Object.prototype || prototype === null;
}

function kindOf(thing: unknown): string {
  return typeof thing === 'object' && thing !== null ? (thing.constructor?.name ?? 'object') : String(thing);
}
