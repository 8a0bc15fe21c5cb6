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

/** Rows of numbers for each place of an example: frames of a sound, or ids of the characters of each word. */
export interface PlaceRows {
  /** (places, size), row by row. */
  readonly values: ArrayLike<number>;
  readonly size: number;
}

/**
 * Examples with `size` numbers for each place, as one array: (indices, length, size), places beyond the end of an example
 * filled with `padValue`. `indices` says which examples, -1 for none: those of a `GridSlot`.
 *
 * @throws RangeError if an example has more places than `length` or another size than the first.
 */
export function padFrames(
  examples: readonly PlaceRows[],
  indices: ArrayLike<number>,
  length: number,
  padValue = 0,
): Float32Array {
  checkWhole('padFrames: length', length, 0, 2 ** 31 - 1);
  const size = examples[0]?.size ?? 0;
  const rows = new Float32Array(indices.length * length * size).fill(padValue); // (indices, length, size)
  for (let row = 0; row < indices.length; row++) {
    if (indices[row] < 0) continue;
    const example = examples.at(indices[row]);
    if (example === undefined)
      throw new RangeError(`padFrames: index ${indices[row]}, there are ${examples.length} examples`);
    if (example.size !== size) {
      throw new RangeError(
        `padFrames: example ${indices[row]} has ${example.size} numbers a place, the first has ${size}`,
      );
    }
    if (example.values.length > length * size) {
      const places = example.values.length / size;
      throw new RangeError(`padFrames: example ${indices[row]} has ${places} places, the length is ${length}; cut it`);
    }
    rows.set(example.values, row * length * size);
  }
  return rows;
}
