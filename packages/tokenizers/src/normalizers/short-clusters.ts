/**
 * Grapheme clusters of several characters, but of less than six bytes: those that SentencePiece's rules, as the Rust
 * library applies them, are asked for as a whole. Start → length in UTF-16 units; undefined for none.
 *
 * Such a cluster holds a mark or one of a few other characters that join; only the neighbourhood of these is cut into
 * clusters, which takes long.
 */
export function shortClusters(text: string): Map<number, number> | undefined {
  let clusters: Map<number, number> | undefined;
  for (const { 0: stretch, index } of text.matchAll(stretches)) {
    const start = stretch === '\r\n' ? index : back(text, back(text, index));
    for (const { segment, index: at } of clustersOf(text.slice(start, index + stretch.length))) {
      if (segment.length < 2 || segment.length > 5 || bytes(segment) > 5 || Array.from(segment).length < 2) continue;
      clusters ??= new Map();
      clusters.set(start + at, segment.length);
    }
  }
  return clusters;
}

// Marks, joiners, and letters and signs of format that what follows them joins. Flags, Hangul and emoji without these
// make no cluster as short as that. Two characters on each side are enough to see where a cluster ends.
const joiner =
  '[\\p{M}\\u200c\\u200d\\u0e33\\u0eb3\\uff9e\\uff9f\\p{Emoji_Modifier}\\u0600-\\u0605\\u06dd\\u070f\\u0890\\u0891' +
  '\\u08e2\\u0d4e\\u{110bd}\\u{110cd}\\u{111c2}\\u{111c3}\\u{1193f}\\u{11941}\\u{11a3a}\\u{11a84}-\\u{11a89}' +
  '\\u{11d46}\\u{11f02}\\u{e0020}-\\u{e007f}]';
const stretches = new RegExp(`\\r\\n|(?:${joiner}+[^\\r${joiner.slice(1)}{0,2})+`, 'gu');

let segmenter: Intl.Segmenter | undefined;

function clustersOf(text: string): Iterable<{ segment: string; index: number }> {
  segmenter ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  return segmenter.segment(text);
}

/** Where the character before `at` begins. */
function back(text: string, at: number): number {
  if (at === 0) return 0;
  return at > 1 && text.codePointAt(at - 2)! > 0xffff ? at - 2 : at - 1;
}

function bytes(text: string): number {
  let sum = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    sum += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return sum;
}
