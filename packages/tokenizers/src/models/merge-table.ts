/** Pairs of ids → the merge they make: an open-addressing table of four numbers an entry. */
export class MergeTable {
  /** left, right, rank, merged id of each slot; left is -1 where a slot is free. */
  private readonly slots: Int32Array;
  private readonly mask: number;

  constructor(capacity: number) {
    let size = 16;
    while (size < 2 * capacity) size *= 2;
    this.slots = new Int32Array(4 * size).fill(-1);
    this.mask = size - 1;
  }

  /** Enters a merge; the later of two for the same pair holds. */
  set(left: number, right: number, rank: number, merged: number): void {
    const at = this.slot(left, right);
    this.slots[at] = left;
    this.slots[at + 1] = right;
    this.slots[at + 2] = rank;
    this.slots[at + 3] = merged;
  }

  /** Where the merge of a pair stands, for `rankAt` and `mergedAt`; -1 if there is none. */
  find(left: number, right: number): number {
    const at = this.slot(left, right);
    return this.slots[at] === -1 ? -1 : at;
  }

  rankAt(at: number): number {
    return this.slots[at + 2];
  }

  mergedAt(at: number): number {
    return this.slots[at + 3];
  }

  private slot(left: number, right: number): number {
    const { slots, mask } = this;
    let hash = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
    hash ^= hash >>> 15;
    for (let i = hash & mask; ; i = (i + 1) & mask) {
      const at = i << 2;
      const l = slots[at];
      if (l === -1 || (l === left && slots[at + 1] === right)) return at;
    }
  }
}
