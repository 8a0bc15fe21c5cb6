import { digestOf } from './data-file';

/** Without a file of their own, validation data are this share of the sources, and at most so many. */
const VALIDATION_SHARE = 0.05;
const MAX_VALIDATION = 1000;

export interface Split<T> {
  readonly training: readonly T[];
  readonly validation: readonly T[];
}

/** Keeps some sources for validation, with all that is of them: those of the smallest digests, which depends on no order. */
export function holdOut<T>(items: readonly T[], sourceOf: (item: T) => string, share = VALIDATION_SHARE): Split<T> {
  const distinct = new Set(items.map(sourceOf));
  const sources = [...distinct].map((source) => [digestOf(`validation:${source}`), source] as const);
  const size = Math.min(MAX_VALIDATION, Math.ceil(sources.length * share), sources.length - 1);
  const sorted = sources.sort(([a], [b]) => (a < b ? -1 : 1));
  const held = new Set(sorted.slice(0, size).map(([, source]) => source));
  return {
    training: items.filter((item) => !held.has(sourceOf(item))),
    validation: items.filter((item) => held.has(sourceOf(item))),
  };
}
