/** Columns of short texts are cut from one block after the other: an allocation for each would be most of the work. */
let block = new Int32Array(0);
let used = 0;
const BLOCK = 4096;

/** Room for ids, starts, ends and word ids of `n` tokens, all 0. */
export function newColumns(n: number): Int32Array {
  if (4 * n > BLOCK / 8) return new Int32Array(4 * n);
  if (used + 4 * n > block.length) {
    block = new Int32Array(BLOCK);
    used = 0;
  }
  used += 4 * n;
  return block.subarray(used - 4 * n, used);
}
