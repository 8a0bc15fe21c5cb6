import type { JsonValue } from '../json';

/** What becomes of the delimiters at which a text is split. */
export type DelimiterBehavior = 'Removed' | 'Isolated' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous';

const behaviors = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const;

export const readBehavior = (json: JsonValue): DelimiterBehavior => json.oneOf(behaviors);

/**
 * Appends the pieces of `[start, end)`, in which delimiters stand at `delimiters`: start 0, end 0, start 1, end 1, …
 * An empty delimiter is one as well: the text is cut there.
 */
export function splitAt(
  delimiters: readonly number[],
  start: number,
  end: number,
  behavior: DelimiterBehavior,
  invert: boolean,
  bounds: number[],
): void {
  if (behavior === 'Isolated') {
    let at = start;
    for (const next of delimiters) at = push(bounds, at, next);
    push(bounds, at, end);
    return;
  }
  // All of the text as segments: those between delimiters that are not empty, and the delimiters.
  const segments: number[] = [];
  const isDelimiter: boolean[] = [];
  let at = start;
  const add = (to: number, delimiter: boolean) => {
    segments.push(at, to);
    isDelimiter.push(delimiter !== invert);
    at = to;
  };
  for (let i = 0; i < delimiters.length; i += 2) {
    if (delimiters[i] > at) add(delimiters[i], false);
    add(delimiters[i + 1], true);
  }
  if (end > at) add(end, false);
  joinSegments(segments, isDelimiter, behavior, bounds);
}

function joinSegments(
  segments: readonly number[],
  isDelimiter: readonly boolean[],
  behavior: DelimiterBehavior,
  bounds: number[],
): void {
  const n = isDelimiter.length;
  let start = segments[0];
  for (let i = 0; i < n; i++) {
    // Whether the segment after this one belongs to the same piece.
    const next = i + 1 < n;
    let joined = false;
    if (next && behavior === 'Contiguous') joined = isDelimiter[i] === isDelimiter[i + 1];
    else if (next && behavior === 'MergedWithPrevious') joined = isDelimiter[i + 1] && !isDelimiter[i];
    else if (next && behavior === 'MergedWithNext') joined = isDelimiter[i] && !isDelimiter[i + 1];
    if (joined) continue;
    if (behavior !== 'Removed' || !isDelimiter[i]) push(bounds, start, segments[2 * i + 1]);
    start = segments[2 * i + 1];
  }
}

function push(bounds: number[], start: number, end: number): number {
  if (start < end) bounds.push(start, end);
  return end;
}
