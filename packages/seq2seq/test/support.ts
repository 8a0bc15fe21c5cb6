import { loadStateDict, type Module } from '@qkv/nn';
import { constant, createReferenceBackend, Engine, type Tensor } from '@qkv/tensor';

import type { Weights } from './naive-blocks';

/** Numbers of no pattern in [−1, 1), the same for a seed (mulberry32). */
export function numbers(count: number, seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 31 - 1;
  });
}

export const doubles = (): Engine => new Engine(createReferenceBackend({ precision: 'float64' }));

/** Gives every weight a value of no pattern: zeros and ones would hide what is left out. */
export async function randomize(model: Module, seed: number, engine: Engine): Promise<Weights> {
  const weights = new Map(
    [...model.namedVariables()].map(([name, { shape, size }], i) => {
      const centre = name.endsWith('gain') ? 1 : 0;
      const data = numbers(size, 1000 * seed + i).map((value) => centre + value / 2);
      return [name, { shape, data }] as const;
    }),
  );
  await loadStateDict(model, weights, { engine });
  return weights;
}

/** Rows of ids, filled up with 0 on one side. */
export function padded(rows: readonly (readonly number[])[], side: 'left' | 'right' = 'right'): Tensor {
  const length = Math.max(...rows.map((row) => row.length));
  const flat = rows.flatMap((row) => {
    const padding = Array<number>(length - row.length).fill(0);
    return side === 'right' ? [...row, ...padding] : [...padding, ...row];
  });
  return constant(Int32Array.from(flat), [rows.length, length]);
}

export function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  return Array.from(a).reduce((most, value, i) => {
    const error = Math.abs(value - b[i]);
    return error <= most ? most : error;
  }, 0);
}

/**
 * Combinations of options in which every pair of values of two options occurs, found greedily: each next one is, of 60 drawn
 * by numbers of no pattern, that which covers most pairs not yet seen.
 */
export function pairwise<T extends Record<string, readonly unknown[]>>(options: T): { [K in keyof T]: T[K][number] }[] {
  const names = Object.keys(options);
  const pairsOf = (row: readonly number[]): string[] =>
    row.flatMap((a, i) => row.slice(i + 1).map((b, j) => `${i}=${a},${i + 1 + j}=${b}`));
  const left = new Set<string>();
  names.forEach((a, i) => {
    names.slice(i + 1).forEach((b, j) => {
      options[a].forEach((_, x) => options[b].forEach((__, y) => left.add(`${i}=${x},${i + 1 + j}=${y}`)));
    });
  });
  const rows: number[][] = [];
  for (let seed = 1; left.size > 0; seed++) {
    const draws = numbers(60 * names.length, seed);
    const covers = (row: readonly number[]): number => pairsOf(row).filter((pair) => left.has(pair)).length;
    const candidates = Array.from({ length: 60 }, (_, i) =>
      names.map((name, j) => Math.floor(((draws[i * names.length + j] + 1) / 2) * options[name].length)),
    );
    const best = candidates.reduce((a, b) => (covers(b) > covers(a) ? b : a));
    if (covers(best) === 0) continue;
    pairsOf(best).forEach((pair) => left.delete(pair));
    rows.push(best);
  }
  return rows.map(
    (row) =>
      Object.fromEntries(row.map((value, i) => [names[i], options[names[i]][value]])) as {
        [K in keyof T]: T[K][number];
      },
  );
}
