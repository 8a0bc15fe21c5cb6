import { permutation, streams } from './shuffle';

/**
 * Splits the examples 0 … n - 1 at random into named parts: `split(1000, { train: 0.9, test: 0.1 }, seed)`.
 *
 * Each example is in exactly one part; indices ascend within a part; the same arguments give the same parts. Examples
 * that belong together (variants of a word, sentences of a document) must be split as one: split the list of words.
 *
 * @throws RangeError if a fraction is not between 0 and 1 or they do not sum to 1.
 */
export function split<Part extends string>(
  n: number,
  parts: Readonly<Record<Part, number>>,
  seed: number,
): Record<Part, Int32Array> {
  const entries = Object.entries(parts) as [Part, number][];
  let sum = 0;
  for (const [name, fraction] of entries) {
    if (!(fraction >= 0 && fraction <= 1)) {
      throw new RangeError(`split: part "${name}" is ${String(fraction)}, expected a fraction from 0 to 1`);
    }
    sum += fraction;
  }
  if (Math.abs(sum - 1) > 1e-9)
    throw new RangeError(`split: the parts sum to ${sum}, expected 1; add a part for the rest`);

  const order = permutation(n, seed, streams.split, 0);
  const result = {} as Record<Part, Int32Array>;
  let start = 0;
  let upTo = 0;
  for (const [name, fraction] of entries) {
    upTo += fraction;
    // Rounding the running sum, not each part, makes the sizes add up to n.
    const end = Math.min(n, Math.round(n * upTo));
    result[name] = order.slice(start, end).sort();
    start = end;
  }
  return result;
}
