import { classesOf, JOINER } from './characters';

/**
 * Grapheme clusters of several characters, but of less than six bytes: those that SentencePiece's rules, as the Rust
 * library applies them, are asked for as a whole. Start → length in UTF-16 units; undefined for none.
 *
 * Such a cluster holds a mark or one of a few other characters that join; only the neighbourhood of these is cut into
 * clusters, which takes long.
 */
export function shortClusters(text: string): Map<number, number> | undefined {
  let clusters: Map<number, number> | undefined;
  const look = (start: number, end: number): void => {
    for (const { segment, index } of clustersOf(text.slice(start, end))) {
      if (segment.length < 2 || segment.length > 5 || bytes(segment) > 5 || Array.from(segment).length < 2) continue;
      (clusters ??= new Map<number, number>()).set(start + index, segment.length);
    }
  };
  for (let at = 0; at < text.length;) {
    const code = text.codePointAt(at)!;
    if (code === CARRIAGE_RETURN && text.charCodeAt(at + 1) === LINE_FEED) look(at, (at += 2));
    else if (code >= 0x80 && isJoiner(code)) {
      // Flags, Hangul and emoji alone make no cluster as short as that. Two characters on each side are enough to see
      // where a cluster with a joiner begins and ends.
      const start = back(text, back(text, at));
      at = endOfStretch(text, at);
      look(start, at);
    } else at += code > 0xffff ? 2 : 1;
  }
  return clusters;
}

const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;

const isJoiner = (code: number): boolean => (classesOf(code) & JOINER) !== 0;

/** Where a stretch of joiners ends, no two of which have more than two other characters between them. */
function endOfStretch(text: string, start: number): number {
  let others = 0;
  let at = start;
  while (at < text.length) {
    const code = text.codePointAt(at)!;
    if (isJoiner(code)) others = 0;
    // Nothing joins with a carriage return but the line feed after it, which is looked at for itself.
    else if (code === CARRIAGE_RETURN || ++others > 2) break;
    at += code > 0xffff ? 2 : 1;
  }
  return at;
}

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
