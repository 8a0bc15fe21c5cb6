import type { WordCounts } from './options';

/** Words in one array of code points, each with a 0 behind it. */
export interface PieceText {
  readonly codes: Int32Array;
  /** Where each word begins. */
  readonly start: Int32Array;
  readonly length: Int32Array;
  readonly count: Float64Array;
}

/** Lays words out in the order of their UTF-16 units, so that sums do not depend on the order of the map. */
export function pieceText(words: WordCounts): PieceText {
  const sorted = [...words.keys()].filter((word) => word !== '').sort();
  let units = 0;
  for (const word of sorted) units += word.length + 1;
  const codes = new Int32Array(units);
  const start = new Int32Array(sorted.length);
  const length = new Int32Array(sorted.length);
  let used = 0;
  for (const [w, word] of sorted.entries()) {
    start[w] = used;
    for (const character of word) codes[used++] = character.codePointAt(0)!;
    length[w] = used - start[w];
    codes[used++] = 0;
  }
  return { codes: codes.slice(0, used), start, length, count: Float64Array.from(sorted, (word) => words.get(word)!) };
}

/** The text of a piece that occurs at `start`. */
export function spellOut({ codes }: PieceText, start: number, length: number): string {
  let text = '';
  for (let i = start; i < start + length; i++) text += String.fromCodePoint(codes[i]);
  return text;
}
