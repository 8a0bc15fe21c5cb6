import { MergeQueue } from './merge-queue';
import { grown, PairTable } from './pair-table';
import type { SymbolWords } from './symbol-words';

const NONE = -1;

// What Rust makes of a count below 0. There are such where one token has two lengths, one of them too long to be
// merged: with maxTokenLength, when a prefix or suffix is also spelled by the text.
const UNSIGNED = 2 ** 53;

/** A pair of symbols and how often it occurs. */
export interface FrequentPair {
  readonly left: number;
  readonly right: number;
  readonly count: number;
}

/**
 * Words whose most frequent pairs are merged one by one (Sennrich et al. 2016, algorithm 1), in the order of the Rust
 * trainer. After Rust, the count of a pair stays when it is merged, and the words in which a pair came up later wait
 * in an entry of their own: both show where two ways lead to the same token.
 */
export class PairMerger {
  private readonly table = new PairTable();
  private readonly queue = new MergeQueue(this.table);
  /** For each symbol in a word, of how many it was made. */
  private readonly lengths: Int32Array;

  // Lists of words: word, and where its list goes on.
  private listed = new Int32Array(1 << 12);
  private next = new Int32Array(1 << 12);
  private listSize = 0;
  /** For each pair, the words in which it came up since the queue was last fed. */
  private fresh = new Int32Array(1 << 12).fill(NONE);
  /** The pairs that have such words. */
  private readonly risen: number[] = [];

  constructor(
    private readonly words: SymbolWords,
    private readonly maxLength: number,
    progress: (words: number) => void,
  ) {
    const { start, length, symbols, count } = words;
    this.lengths = new Int32Array(symbols.length).fill(1);
    for (let w = 0; w < start.length; w++) {
      const end = start[w] + length[w];
      for (let i = start[w] + 1; i < end; i++) this.rise(symbols[i - 1], symbols[i], count[w], w);
      progress(w);
    }
    this.feedQueue();
  }

  /** The pair to be merged next, undefined if none is left. */
  top(): FrequentPair | undefined {
    const { queue, table } = this;
    while (queue.size > 0) {
      const pair = queue.topPair;
      const counted = table.count[pair];
      const count = counted < 0 ? UNSIGNED + counted : counted;
      if (queue.topCount === count) return { left: table.left[pair], right: table.right[pair], count };
      queue.recount(count);
    }
    return undefined;
  }

  /** Puts one symbol in the place of the top pair. */
  merge(symbol: number): void {
    const { left, right } = this.table;
    const pair = this.queue.topPair;
    const first = left[pair];
    const second = right[pair];
    let node = this.queue.topWords;
    this.queue.pop();
    for (; node !== NONE; node = this.next[node]) this.mergeIn(this.listed[node], first, second, symbol);
    this.feedQueue();
  }

  private mergeIn(w: number, first: number, second: number, merged: number): void {
    const { symbols } = this.words;
    const { lengths, maxLength } = this;
    const start = this.words.start[w];
    const end = start + this.words.length[w];
    const count = this.words.count[w];
    let from = start;
    while (from + 1 < end && (symbols[from] !== first || symbols[from + 1] !== second)) from++;
    if (from + 1 >= end) return;
    let to = from;
    while (from < end) {
      if (symbols[from] !== first || from + 1 === end || symbols[from + 1] !== second) {
        symbols[to] = symbols[from];
        lengths[to++] = lengths[from++];
        continue;
      }
      const length = lengths[from] + lengths[from + 1];
      if (to > start) {
        const before = symbols[to - 1];
        this.fall(before, first, count);
        if (lengths[to - 1] + length < maxLength) this.rise(before, merged, count, w);
      }
      from += 2;
      if (from < end) {
        const after = symbols[from];
        this.fall(second, after, count);
        if (lengths[from] + length < maxLength) this.rise(merged, after, count, w);
      }
      symbols[to] = merged;
      lengths[to++] = length;
    }
    this.words.length[w] = to - start;
  }

  private fall(left: number, right: number, count: number): void {
    const pair = this.table.indexOf(left, right);
    this.table.count[pair] -= count;
  }

  private rise(left: number, right: number, count: number, w: number): void {
    const pair = this.table.indexOf(left, right);
    this.table.count[pair] += count;
    if (pair >= this.fresh.length) {
      const { length } = this.fresh;
      this.fresh = grown(this.fresh, 2 * length).fill(NONE, length);
    }
    const head = this.fresh[pair];
    if (head === NONE) this.risen.push(pair);
    else if (this.listed[head] === w) return;
    if (this.listSize === this.listed.length) {
      this.listed = grown(this.listed, 2 * this.listSize);
      this.next = grown(this.next, 2 * this.listSize);
    }
    this.listed[this.listSize] = w;
    this.next[this.listSize] = head;
    this.fresh[pair] = this.listSize++;
  }

  private feedQueue(): void {
    for (const pair of this.risen) {
      const count = this.table.count[pair];
      if (count > 0) this.queue.push(pair, count, this.fresh[pair]);
      this.fresh[pair] = NONE;
    }
    this.risen.length = 0;
  }
}
