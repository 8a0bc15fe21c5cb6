import { digestOf } from './data-file';

/** Without a file of their own, validation data are this share of the sources, and at most so many. */
const VALIDATION_SHARE = 0.05;
const MAX_VALIDATION = 1000;

export interface Split<T> {
  readonly training: readonly T[];
  readonly validation: readonly T[];
}

export interface HoldOutOptions<T> {
  readonly share?: number;
  /** What training must have: a source that is all there is of a label is not kept. */
  readonly labelOf?: (item: T) => string;
}

/** Keeps some sources for validation, with all that is of them: those of the smallest digests, which depends on no order. */
export function holdOut<T>(
  items: readonly T[],
  sourceOf: (item: T) => string,
  { share = VALIDATION_SHARE, labelOf }: HoldOutOptions<T> = {},
): Split<T> {
  const distinct = new Set(items.map(sourceOf));
  const sources = [...distinct].map((source) => [digestOf(`validation:${source}`), source] as const);
  const size = Math.min(MAX_VALIDATION, Math.ceil(sources.length * share), sources.length - 1);
  const sorted = sources.sort(([a], [b]) => (a < b ? -1 : 1));
  const held = new Set(sorted.slice(0, size).map(([, source]) => source));
  if (labelOf !== undefined) {
    const trained = new Set(items.filter((item) => !held.has(sourceOf(item))).map(labelOf));
    for (const item of items) {
      if (!held.has(sourceOf(item)) || trained.has(labelOf(item))) continue;
      held.delete(sourceOf(item));
      trained.add(labelOf(item));
    }
  }
  return {
    training: items.filter((item) => !held.has(sourceOf(item))),
    validation: items.filter((item) => held.has(sourceOf(item))),
  };
}
