import type { PieceText } from './piece-text';
import { commonPrefixes, suffixArray } from './suffix-array';

/** Piece 0, which stands for any character that no piece covers. */
export const UNKNOWN = 0;

/** Pieces with the logarithms of their probabilities; each is known by a place where it occurs. Piece 0 has none. */
export interface Pieces {
  readonly start: Int32Array;
  readonly length: Int32Array;
  readonly score: Float64Array;
}

/** A string that occurs at `suffixes[left]` … `suffixes[right - 1]`. */
interface Substring {
  readonly left: number;
  readonly right: number;
  readonly length: number;
}

export interface Seeds {
  readonly pieces: Pieces;
  /** Calls back for every place where a piece of two or more characters occurs, shorter pieces first. */
  readonly forEachOccurrence: (visit: (piece: number, start: number, length: number) => void) => void;
}

/**
 * What training begins with: all characters, then the strings of two and more that are followed by different
 * characters, by how many characters they cover in the words, each word counted once.
 */
export function unigramSeeds(text: PieceText, maxLength: number, seedSize: number): Seeds {
  const { codes } = text;
  const suffixes = suffixArray(codes, maxLength + 1);
  const substrings = repeated(codes, suffixes, maxLength);
  const covered = ({ left, right, length }: Substring): number => (right - left) * length;
  // Equals from the last to the first in order of code points, which is that of the suffix array, as in Rust.
  substrings.sort((a, b) => covered(b) - covered(a) || b.left - a.left || b.length - a.length);

  const characters = countCharacters(text).sort((a, b) => b.count - a.count || b.code - a.code);
  substrings.length = Math.min(substrings.length, Math.max(1, seedSize - characters.length));

  const size = 1 + characters.length + substrings.length;
  const pieces = { start: new Int32Array(size), length: new Int32Array(size), score: new Float64Array(size) };
  let sum = 0;
  const add = (piece: number, start: number, length: number, weight: number): void => {
    pieces.start[piece] = start;
    pieces.length[piece] = length;
    pieces.score[piece] = weight;
    sum += weight;
  };
  for (const [i, { start, count }] of characters.entries()) add(1 + i, start, 1, count);
  const first = 1 + characters.length;
  for (const [i, s] of substrings.entries()) add(first + i, suffixes[s.left], s.length, covered(s));

  const logSum = Math.log(sum);
  for (let piece = 1; piece < size; piece++) pieces.score[piece] = Math.log(pieces.score[piece]) - logSum;
  pieces.score[UNKNOWN] = NaN;

  const forEachOccurrence: Seeds['forEachOccurrence'] = (visit) => {
    const byLength = [...substrings.keys()].sort((a, b) => substrings[a].length - substrings[b].length);
    for (const i of byLength) {
      const { left, right, length } = substrings[i];
      for (let place = left; place < right; place++) visit(first + i, suffixes[place], length);
    }
  };
  return { pieces, forEachOccurrence };
}

/**
 * The strings of 2 to `maxLength` characters, inside words, that occur more than once and are followed by more than
 * one thing: the inner nodes of the suffix tree, from the suffix array by a stack (Abouelhoda et al. 2004).
 */
function repeated(codes: Int32Array, suffixes: Int32Array, maxLength: number): Substring[] {
  const n = codes.length;
  const common = commonPrefixes(codes, suffixes, maxLength + 1);
  const found: Substring[] = [];
  const close = (left: number, right: number, length: number): void => {
    if (length < 2 || length > maxLength) return;
    const start = suffixes[left];
    for (let i = start; i < start + length; i++) if (codes[i] === 0) return;
    found.push({ left, right, length });
  };
  const lefts = [0];
  const lengths = [0];
  for (let i = 1; i <= n; i++) {
    const length = i < n ? common[i] : 0;
    let left = i - 1;
    while (lengths.at(-1)! > length) {
      left = lefts.pop()!;
      close(left, i, lengths.pop()!);
    }
    if (lengths.at(-1)! < length) {
      lefts.push(left);
      lengths.push(length);
    }
  }
  return found;
}

function countCharacters({ codes, start, length, count }: PieceText): { code: number; start: number; count: number }[] {
  const characters = new Map<number, { code: number; start: number; count: number }>();
  for (let w = 0; w < start.length; w++) {
    for (let i = start[w]; i < start[w] + length[w]; i++) {
      const code = codes[i];
      if (code === 0) continue;
      const character = characters.get(code);
      if (character === undefined) characters.set(code, { code, start: i, count: count[w] });
      else character.count += count[w];
    }
  }
  return [...characters.values()];
}
