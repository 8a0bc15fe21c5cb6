import type { Merges, Vocab } from '../vocabularies';

export interface NaiveBpeOptions {
  readonly merges: number;
  readonly prefix?: string;
  readonly suffix?: string;
}

/**
 * A small vocabulary for compositions that no package has one for: byte-pair encoding as its paper has it, recounting
 * everything for each merge.
 */
export function naiveBpe(
  words: readonly string[],
  { merges: wanted, prefix = '', suffix = '' }: NaiveBpeOptions,
): { vocab: Vocab; merges: Merges } {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const split = Array.from(counts, ([word, count]) => {
    const letters = [...word];
    return {
      count,
      tokens: letters.map((c, i) => (i > 0 ? prefix : '') + c + (i === letters.length - 1 ? suffix : '')),
    };
  });
  const vocab: Vocab = {};
  const add = (token: string): void => {
    vocab[token] ??= Object.keys(vocab).length;
  };
  for (const { tokens } of split) tokens.forEach(add);
  const merges: Merges = [];
  while (merges.length < wanted) {
    const pairs = new Map<string, number>();
    for (const { tokens, count } of split) {
      for (let i = 0; i + 1 < tokens.length; i++) {
        const pair = `${tokens[i]} ${tokens[i + 1]}`;
        pairs.set(pair, (pairs.get(pair) ?? 0) + count);
      }
    }
    if (pairs.size === 0) break;
    const [best] = [...pairs].reduce((a, b) => (b[1] > a[1] || (b[1] === a[1] && b[0] < a[0]) ? b : a));
    const [left, right] = best.split(' ');
    const merged = left + right.slice(prefix.length);
    merges.push([left, right]);
    add(merged);
    for (const entry of split) {
      const { tokens } = entry;
      for (let i = 0; i + 1 < tokens.length; i++) {
        if (tokens[i] === left && tokens[i + 1] === right) tokens.splice(i, 2, merged);
      }
    }
  }
  return { vocab, merges };
}
