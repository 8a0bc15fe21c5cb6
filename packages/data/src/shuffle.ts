import { checkWhole } from './check';
import { multiplyHigh, philox } from './philox';

/** Keeps the permutations of one seed apart. The numbers are part of what a saved cursor means: never reuse one. */
export const streams = { examples: 0, batches: 1, split: 2 } as const;

/**
 * A permutation of 0 … n - 1, the same for the same seed and epoch on every machine, every one equally likely.
 *
 * Fisher–Yates with words of Philox 4×32-10; key = seed, counter = (block, stream, epoch, 0).
 *
 * @throws RangeError if an argument is not a whole number from 0 (n, epoch: below 2^31; seed: up to 2^53 - 1).
 */
export function shuffle(n: number, seed: number, epoch: number): Int32Array {
  return permutation(n, seed, streams.examples, epoch);
}

export function permutation(n: number, seed: number, stream: number, epoch: number): Int32Array {
  checkWhole('shuffle: n', n, 0, 2 ** 31 - 1);
  checkWhole('shuffle: seed', seed, 0, Number.MAX_SAFE_INTEGER);
  checkWhole('shuffle: epoch', epoch, 0, 2 ** 31 - 1);
  const below = uniform(seed, stream, epoch);
  const order = new Int32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  for (let i = n - 1; i > 0; i--) {
    const j = below(i + 1);
    const kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
  return order;
}

/** Draws whole numbers from 0 to bound - 1 without bias (Lemire: Fast Random Integer Generation in an Interval, 2019). */
function uniform(seed: number, stream: number, epoch: number): (bound: number) => number {
  const words = new Uint32Array(4);
  const low = seed >>> 0;
  const high = Math.floor(seed / 2 ** 32);
  let drawn = 0;
  const next = (): number => {
    if (drawn % 4 === 0) philox(drawn / 4, stream, epoch, 0, low, high, words);
    return words[drawn++ % 4];
  };
  return (bound) => {
    for (;;) {
      const word = next();
      const fraction = Math.imul(word, bound) >>> 0;
      // The first 2^32 mod bound fractions would favour some results. The remainder is only needed for a small fraction.
      if (fraction >= bound || fraction >= 2 ** 32 % bound) return multiplyHigh(word, bound);
    }
  };
}
