/**
 * Where the suffixes of a text begin, in the order of their first `depth` symbols, by radix doubling (Manber & Myers
 * 1993): what is sorted by k symbols gets sorted by 2k.
 */
export function suffixArray(text: Int32Array, depth: number): Int32Array {
  const n = text.length;
  const ranks = new Int32Array(n);
  let classes = rankSymbols(text, ranks);
  const sorted = new Int32Array(n);
  const bySecond = new Int32Array(n);
  const nextRanks = new Int32Array(n);
  for (let i = 0; i < n; i++) bySecond[i] = i;
  sortByRank(bySecond, ranks, classes, sorted);

  for (let k = 1; k < depth && classes < n; k *= 2) {
    // By symbols k to 2k: first the suffixes that have none, then the others in the order of what follows them.
    let next = 0;
    for (let i = Math.max(0, n - k); i < n; i++) bySecond[next++] = i;
    for (let i = 0; i < n; i++) if (sorted[i] >= k) bySecond[next++] = sorted[i] - k;
    sortByRank(bySecond, ranks, classes, sorted);

    classes = 0;
    for (let i = 0; i < n; i++) {
      const here = sorted[i];
      const before = sorted[i - 1];
      if (i > 0) {
        const same = ranks[here] === ranks[before] && rankAt(ranks, here + k) === rankAt(ranks, before + k);
        if (!same) classes++;
      }
      nextRanks[here] = classes;
    }
    classes++;
    ranks.set(nextRanks);
  }
  return sorted;
}

/** How many symbols, at most `cap`, each suffix has in common with the one before it in order; 0 for the first. */
export function commonPrefixes(text: Int32Array, suffixes: Int32Array, cap: number): Int32Array {
  const n = text.length;
  const common = new Int32Array(n);
  for (let i = 1; i < n; i++) {
    const a = suffixes[i - 1];
    const b = suffixes[i];
    const limit = Math.min(cap, n - Math.max(a, b));
    let length = 0;
    while (length < limit && text[a + length] === text[b + length]) length++;
    common[i] = length;
  }
  return common;
}

const rankAt = (ranks: Int32Array, i: number): number => (i < ranks.length ? ranks[i] : -1);

/** Writes the rank of each symbol among those that occur; gives their number. */
function rankSymbols(text: Int32Array, ranks: Int32Array): number {
  const symbols = [...new Set(text)].sort((a, b) => a - b);
  const rankOf = new Map(symbols.map((symbol, rank) => [symbol, rank]));
  for (let i = 0; i < text.length; i++) ranks[i] = rankOf.get(text[i])!;
  return symbols.length;
}

/** A counting sort that keeps the order of equals. */
function sortByRank(items: Int32Array, ranks: Int32Array, classes: number, sorted: Int32Array): void {
  const place = new Int32Array(classes + 1);
  for (let i = 0; i < ranks.length; i++) place[ranks[i] + 1]++;
  for (let rank = 0; rank < classes; rank++) place[rank + 1] += place[rank];
  for (const item of items) sorted[place[ranks[item]]++] = item;
}
