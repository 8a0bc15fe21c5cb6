/** A sequence of ids, of words, or of characters: those of a string are its code points. */
export type Sequence = ArrayLike<number | string>;

const items = (sequence: Sequence): Sequence => (typeof sequence === 'string' ? Array.from(sequence) : sequence);

/** The fewest insertions, deletions and substitutions that turn `from` into `to` (Levenshtein 1966). */
export function editDistance(from: Sequence, to: Sequence): number {
  const [a, b] = [items(from), items(to)];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min(row[j] + (a[i] === b[j] ? 0 : 1), row[j + 1] + 1, next[j] + 1));
    }
    row = next;
  }
  return row[b.length];
}

/** One result, beside all answers that count as right. */
export interface Judged {
  readonly hypothesis: Sequence;
  readonly references: readonly Sequence[];
}

/**
 * Σ edit distance / Σ reference length, each to the nearest reference (the first of equally near ones): PER over phonemes,
 * WER over the words of a sentence, CER over characters. Where all references are empty it is 1 if anything was said, as
 * for TER, else 0.
 */
export function errorRate(results: Iterable<Judged>): number {
  let errors = 0;
  let length = 0;
  for (const { hypothesis, references } of results) {
    const distances = references.map((reference) => editDistance(hypothesis, reference));
    const least = Math.min(...distances);
    const nearest = references[distances.indexOf(least)];
    if (nearest === undefined) throw new RangeError('errorRate: a result has no reference');
    errors += least;
    length += items(nearest).length;
  }
  return length === 0 ? Math.min(1, errors) : errors / length;
}

/** Part of the results that equal none of their references: WER where a result is one word. */
export function mismatchRate(results: Iterable<Judged>): number {
  let wrong = 0;
  let count = 0;
  for (const { hypothesis, references } of results) {
    count++;
    if (!references.some((reference) => editDistance(hypothesis, reference) === 0)) wrong++;
  }
  return count === 0 ? 0 : wrong / count;
}
