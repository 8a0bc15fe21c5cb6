import { checkWhole } from './check';

/**
 * Sequences of ids as the rows of one array, each filled up with `padId` on the right: shape (sequences, length).
 *
 * @throws RangeError if a sequence is longer than `length` or holds something that is not an int32.
 */
export function padSequences(sequences: readonly ArrayLike<number>[], length: number, padId = 0): Int32Array {
  checkWhole('padSequences: length', length, 0, 2 ** 31 - 1);
  checkWhole('padSequences: padId', padId, -(2 ** 31), 2 ** 31 - 1);
  const rows = new Int32Array(sequences.length * length).fill(padId); // (rows, length)
  sequences.forEach((sequence, row) => {
    if (sequence.length > length) {
      throw new RangeError(`padSequences: sequence ${row} has ${sequence.length} ids, the length is ${length}; cut it`);
    }
    copyIds(sequence, rows, row * length, () => `padSequences: sequence ${row}`);
  });
  return rows;
}

/** Copies ids and checks them: an Int32Array would turn NaN, 1.5 or 2^32 into some other id without a word. */
export function copyIds(source: ArrayLike<number>, target: Int32Array, at: number, name: () => string): void {
  for (let i = 0; i < source.length; i++) {
    const id = source[i];
    if ((id | 0) !== id) throw new RangeError(`${name()}: id ${String(id)} at position ${i} is not an int32`);
    target[at + i] = id;
  }
}
