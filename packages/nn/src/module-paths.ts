import type { Module } from './module';
import { walk } from './tree';

/** Paths of all modules of a model, itself (``) first: what `capture` and `patch` can name. */
export function modulePaths(model: Module): string[] {
  return [...pathsOf(model).values()];
}

/** What a path of `capture` or `patch` means. */
export interface Resolved {
  readonly text: string;
  readonly modules: readonly Module[];
  /** Of a named value; null where the path names modules. */
  readonly name: string | null;
  /** Which call of a module, counted from 0; null: all of them. */
  readonly call: number | null;
  /** Whether it may stand for several values. */
  readonly several: boolean;
}

/**
 * Finds the modules that a path means: `encoder.layers.3.selfAttention`, the names of arrays left out or not, `*` for one
 * segment; one segment more may name a value of the module; `#2` picks a call, `#*` all. Throws a RangeError if there is
 * none, or more than one and no `*`.
 */
export function resolve(user: string, model: Module, text: string): Resolved {
  const [, path, which] = /^(.*?)(?:#(\d+|\*))?$/s.exec(text)!;
  const paths = pathsOf(model);
  const pattern = segments(path);
  const found = (wanted: readonly string[]): Module[] =>
    [...paths].filter(([, own]) => matches(wanted, segments(own))).map(([module]) => module);
  const call = which === undefined || which === '*' ? null : Number(which);
  const resolved = { text, call, several: text.includes('*') };
  let [modules, name]: [Module[], string | null] = [found(pattern), null];
  if (modules.length === 0 && pattern.length > 0 && pattern.at(-1) !== '*') {
    [modules, name] = [found(pattern.slice(0, -1)), pattern.at(-1)!];
  }
  if (modules.length === 0) {
    throw new RangeError(`${user}: there is no '${path}' in ${model.constructor.name}; ${nearest(model, path)}`);
  }
  if (modules.length > 1 && !resolved.several) {
    const list = modules.map((module) => `'${paths.get(module)}'`).join(', ');
    throw new RangeError(`${user}: '${path}' may be ${list}; write it in full`);
  }
  return { ...resolved, modules, name };
}

/** The end of an error about a path that leads nowhere. */
export function nearest(model: Module, path: string): string {
  const all = [...pathsOf(model).values()];
  const distance = new Map(
    all.map((own) => [own, Math.min(editDistance(path, own), editDistance(path, shorten(segments(own)).join('.')))]),
  );
  const best = all.filter((own) => own !== '').sort((a, b) => distance.get(a)! - distance.get(b)!);
  const list = best.slice(0, 3).map((own) => `'${own}'`);
  return list.length === 0
    ? 'it has no parts'
    : `nearest: ${list.join(', ')}; modulePaths(model) lists all ${all.length}`;
}

/** The modules of a tree, each once, under its first path. */
export function pathsOf(model: Module): Map<Module, string> {
  const paths = new Map<Module, string>();
  walk(
    model,
    (module, path) => paths.set(module, path),
    () => {},
  );
  return paths;
}

const segments = (path: string): string[] => (path === '' ? [] : path.split('.'));

const isIndex = (segment: string | undefined): boolean => segment !== undefined && /^\d+$/.test(segment);

/** `layers` of `layers.3`. */
const isArrayName = (path: readonly string[], i: number): boolean => !isIndex(path[i]) && isIndex(path[i + 1]);

const shorten = (path: readonly string[]): string[] => path.filter((_, i) => !isArrayName(path, i));

/** `*` stands for a module's segment, never for the name of an array. */
function matches(pattern: readonly string[], path: readonly string[], i = 0, j = 0): boolean {
  if (j === path.length) return i === pattern.length;
  const array = isArrayName(path, j);
  if (array && matches(pattern, path, i, j + 1)) return true;
  return (pattern[i] === path[j] || (pattern[i] === '*' && !array)) && matches(pattern, path, i + 1, j + 1);
}

/** Levenshtein 1966. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
