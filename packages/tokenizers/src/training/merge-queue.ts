import { grown, type PairTable } from './pair-table';

const FIRST_SIZE = 1 << 12;

/**
 * Merges to be done, the most frequent pair first, equals by their symbols' ids. A binary heap, in which counts may
 * be out of date: whoever takes the top compares it with the table and puts it back if it has changed.
 */
export class MergeQueue {
  size = 0;
  private pairs = new Int32Array(FIRST_SIZE);
  private counts = new Float64Array(FIRST_SIZE);
  private words = new Int32Array(FIRST_SIZE);

  constructor(private readonly table: PairTable) {}

  get topPair(): number {
    return this.pairs[0];
  }

  get topCount(): number {
    return this.counts[0];
  }

  /** Where the list of the words begins in which the top is to be merged. */
  get topWords(): number {
    return this.words[0];
  }

  push(pair: number, count: number, words: number): void {
    if (this.size === this.pairs.length) {
      this.pairs = grown(this.pairs, 2 * this.size);
      this.words = grown(this.words, 2 * this.size);
      const counts = new Float64Array(2 * this.size);
      counts.set(this.counts);
      this.counts = counts;
    }
    let hole = this.size++;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!this.precedes(pair, count, parent)) break;
      this.move(parent, hole);
      hole = parent;
    }
    this.fill(hole, pair, count, words);
  }

  pop(): void {
    const last = --this.size;
    if (last > 0) this.sink(this.pairs[last], this.counts[last], this.words[last]);
  }

  /** Brings the count of the top up to date, and the top to where it belongs. */
  recount(count: number): void {
    this.sink(this.pairs[0], count, this.words[0]);
  }

  /** Puts an element in the place of the top. */
  private sink(pair: number, count: number, words: number): void {
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= this.size) break;
      if (child + 1 < this.size && this.precedes(this.pairs[child + 1], this.counts[child + 1], child)) child++;
      if (this.precedes(pair, count, child)) break;
      this.move(child, hole);
      hole = child;
    }
    this.fill(hole, pair, count, words);
  }

  private precedes(pair: number, count: number, other: number): boolean {
    if (count !== this.counts[other]) return count > this.counts[other];
    const { left, right } = this.table;
    const otherPair = this.pairs[other];
    if (left[pair] !== left[otherPair]) return left[pair] < left[otherPair];
    return right[pair] < right[otherPair];
  }

  private move(from: number, to: number): void {
    this.fill(to, this.pairs[from], this.counts[from], this.words[from]);
  }

  private fill(at: number, pair: number, count: number, words: number): void {
    this.pairs[at] = pair;
    this.counts[at] = count;
    this.words[at] = words;
  }
}
