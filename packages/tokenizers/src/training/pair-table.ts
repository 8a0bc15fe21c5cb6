const FIRST_SIZE = 1 << 12;

/** Numbers pairs of symbols 0, 1, … in the order they are first seen, and counts them. */
export class PairTable {
  size = 0;
  left = new Int32Array(FIRST_SIZE);
  right = new Int32Array(FIRST_SIZE);
  count = new Float64Array(FIRST_SIZE);
  /** Open addressing, at most half full; 0 is an empty slot, n + 1 stands for pair n. */
  private slots = new Int32Array(2 * FIRST_SIZE);

  /** The number of a pair; a new one counts 0. */
  indexOf(left: number, right: number): number {
    const mask = this.slots.length - 1;
    let slot = hash(left, right) & mask;
    for (;;) {
      const index = this.slots[slot] - 1;
      if (index < 0) break;
      if (this.left[index] === left && this.right[index] === right) return index;
      slot = (slot + 1) & mask;
    }
    const index = this.size++;
    this.slots[slot] = index + 1;
    this.left[index] = left;
    this.right[index] = right;
    if (this.size === this.left.length) this.grow();
    return index;
  }

  private grow(): void {
    const size = 2 * this.size;
    this.left = grown(this.left, size);
    this.right = grown(this.right, size);
    const count = new Float64Array(size);
    count.set(this.count);
    this.count = count;
    this.slots = new Int32Array(2 * size);
    const mask = this.slots.length - 1;
    for (let index = 0; index < this.size; index++) {
      let slot = hash(this.left[index], this.right[index]) & mask;
      while (this.slots[slot] !== 0) slot = (slot + 1) & mask;
      this.slots[slot] = index + 1;
    }
  }
}

function hash(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}

/** A longer copy, filled up with zeros. */
export function grown(array: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(length);
  longer.set(array);
  return longer;
}
