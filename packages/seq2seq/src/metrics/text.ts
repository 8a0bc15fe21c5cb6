/** What Python calls white space; \s of JavaScript lacks U+001C to U+001F and U+0085, and counts U+FEFF. */
const SPACE = String.raw`\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`;
const spaces = new RegExp(`[${SPACE}]+`, 'u');
const space = new RegExp(`[${SPACE}]`, 'u');
const leading = new RegExp(`^[${SPACE}]+`, 'u');

export const words = (text: string): string[] => text.split(spaces).filter((word) => word !== '');
/** From behind, since a search for spaces that reach the end begins anew at each of them: n² steps for n within the text. */
export function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && space.test(text[end - 1])) end--;
  return text.slice(0, end);
}
export const trim = (text: string): string => trimEnd(text).replace(leading, '');

/** How often each item occurs. */
export type Counts = ReadonlyMap<string, number>;

/** Runs of `order` neighbours, joined by `sign`. */
export function countNGrams(items: readonly string[], order: number, sign: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + order <= items.length; i++) {
    const gram = items.slice(i, i + order).join(sign);
    counts.set(gram, (counts.get(gram) ?? 0) + 1);
  }
  return counts;
}

/** Σ min(a, b) over all items. */
export function countMatches(a: Counts, b: Counts): number {
  let matches = 0;
  for (const [item, count] of a) matches += Math.min(count, b.get(item) ?? 0);
  return matches;
}
