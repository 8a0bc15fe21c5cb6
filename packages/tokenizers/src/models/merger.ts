import type { MergeTable } from './merge-table';

/** Up to this many symbols, looking at all pairs for the next merge is faster than a heap. */
const SHORT = 24;

/**
 * Merges the symbols of one piece, the merge of the lowest rank first, of equal ranks the leftmost (Sennrich et al. 2016,
 * https://aclanthology.org/P16-1162, algorithm 1): n·log n in the number of symbols. Its memory is used again.
 */
export class Merger {
  ids = new Int32Array(64);
  /** Where each symbol begins, and ends, in the text. */
  starts = new Int32Array(64);
  ends = new Int32Array(64);
  count = 0;
  private next = new Int32Array(64);
  private previous = new Int32Array(64);
  private heapRanks = new Int32Array(64);
  private heapPositions = new Int32Array(64);
  private heapMerged = new Int32Array(64);
  private heapSize = 0;
  /** Merges that dropout left out in this round, as rank, position, merged id. */
  private readonly skipped: number[] = [];

  clear(): void {
    this.count = 0;
  }

  add(id: number, start: number, end: number): void {
    const at = this.count++;
    if (at === this.ids.length) this.grow();
    this.ids[at] = id;
    this.starts[at] = start;
    this.ends[at] = end;
  }

  /** Merges what was added; afterwards there are `count` symbols, the tokens. */
  merge(merges: MergeTable): void {
    if (this.count < 2) return;
    if (this.count <= SHORT) this.mergeShort(merges);
    else this.mergeLong(merges, null, 0);
  }

  /**
   * As `merge`, but each merge is left out with probability `dropout` whenever it comes up (Provilkov et al. 2020,
   * https://aclanthology.org/2020.acl-main.170). `random` gives numbers from 0 to below 1.
   */
  mergeWithDropout(merges: MergeTable, dropout: number, random: () => number): void {
    if (this.count >= 2) this.mergeLong(merges, random, dropout);
  }

  private mergeShort(merges: MergeTable): void {
    const { ids, starts, ends, next: found } = this;
    let n = this.count;
    for (let i = 0; i + 1 < n; i++) found[i] = merges.find(ids[i], ids[i + 1]);
    for (;;) {
      let best = -1;
      let bestRank = 2 ** 31;
      for (let i = 0; i + 1 < n; i++) {
        if (found[i] < 0) continue;
        const rank = merges.rankAt(found[i]);
        if (rank < bestRank) {
          bestRank = rank;
          best = i;
        }
      }
      if (best < 0) break;
      ids[best] = merges.mergedAt(found[best]);
      ends[best] = Math.max(ends[best], ends[best + 1]);
      n--;
      for (let i = best + 1; i < n; i++) {
        ids[i] = ids[i + 1];
        starts[i] = starts[i + 1];
        ends[i] = ends[i + 1];
        found[i] = found[i + 1];
      }
      if (best > 0) found[best - 1] = merges.find(ids[best - 1], ids[best]);
      if (best + 1 < n) found[best] = merges.find(ids[best], ids[best + 1]);
    }
    this.count = n;
  }

  private mergeLong(merges: MergeTable, random: (() => number) | null, dropout: number): void {
    const { ids, next, previous, ends } = this;
    const n = this.count;
    this.heapSize = 0;
    for (let i = 0; i < n; i++) {
      next[i] = i + 1 < n ? i + 1 : -1;
      previous[i] = i - 1;
    }
    for (let i = 0; i + 1 < n; i++) this.consider(merges, i, i + 1);
    this.skipped.length = 0;
    while (this.heapSize > 0) {
      const rank = this.heapRanks[0];
      const at = this.heapPositions[0];
      const merged = this.heapMerged[0];
      this.pop();
      if (random !== null && random() < dropout) {
        this.skipped.push(rank, at, merged);
        continue;
      }
      // A merge that was left out may come up again after the next one.
      for (let i = 0; i < this.skipped.length; i += 3) {
        this.push(this.skipped[i], this.skipped[i + 1], this.skipped[i + 2]);
      }
      this.skipped.length = 0;
      // What stood here when the entry was made may have been merged since.
      if (ids[at] < 0 || next[at] < 0) continue;
      const right = next[at];
      const found = merges.find(ids[at], ids[right]);
      if (found < 0 || merges.mergedAt(found) !== merged) continue;
      ids[at] = merged;
      ends[at] = Math.max(ends[at], ends[right]);
      ids[right] = -1;
      next[at] = next[right];
      if (next[at] >= 0) previous[next[at]] = at;
      if (previous[at] >= 0) this.consider(merges, previous[at], at);
      if (next[at] >= 0) this.consider(merges, at, next[at]);
    }
    let kept = 0;
    for (let i = 0; i < n; i++) {
      if (ids[i] < 0) continue;
      ids[kept] = ids[i];
      this.starts[kept] = this.starts[i];
      ends[kept] = ends[i];
      kept++;
    }
    this.count = kept;
  }

  private consider(merges: MergeTable, left: number, right: number): void {
    const found = merges.find(this.ids[left], this.ids[right]);
    if (found >= 0) this.push(merges.rankAt(found), left, merges.mergedAt(found));
  }

  private push(rank: number, position: number, merged: number): void {
    if (this.heapSize === this.heapRanks.length) this.growHeap();
    const { heapRanks: ranks, heapPositions: positions, heapMerged: mergeds } = this;
    let at = this.heapSize++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (ranks[parent] < rank || (ranks[parent] === rank && positions[parent] <= position)) break;
      ranks[at] = ranks[parent];
      positions[at] = positions[parent];
      mergeds[at] = mergeds[parent];
      at = parent;
    }
    ranks[at] = rank;
    positions[at] = position;
    mergeds[at] = merged;
  }

  private pop(): void {
    const { heapRanks: ranks, heapPositions: positions, heapMerged: mergeds } = this;
    const n = --this.heapSize;
    const rank = ranks[n];
    const position = positions[n];
    const merged = mergeds[n];
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= n) break;
      const right = child + 1;
      if (
        right < n &&
        (ranks[right] < ranks[child] || (ranks[right] === ranks[child] && positions[right] < positions[child]))
      ) {
        child = right;
      }
      if (rank < ranks[child] || (rank === ranks[child] && position <= positions[child])) break;
      ranks[at] = ranks[child];
      positions[at] = positions[child];
      mergeds[at] = mergeds[child];
      at = child;
    }
    ranks[at] = rank;
    positions[at] = position;
    mergeds[at] = merged;
  }

  private grow(): void {
    this.ids = doubled(this.ids);
    this.starts = doubled(this.starts);
    this.ends = doubled(this.ends);
    this.next = doubled(this.next);
    this.previous = doubled(this.previous);
  }

  private growHeap(): void {
    this.heapRanks = doubled(this.heapRanks);
    this.heapPositions = doubled(this.heapPositions);
    this.heapMerged = doubled(this.heapMerged);
  }
}

function doubled(column: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * column.length);
  larger.set(column);
  return larger;
}
