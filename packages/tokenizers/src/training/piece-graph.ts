import type { PieceText } from './piece-text';
import type { Seeds } from './unigram-seeds';

/**
 * Which pieces begin at each place of a text, shorter ones first: the lattices of all words and, as every piece is
 * known by a place in the text, of all pieces. Built once; pieces only get fewer.
 */
export class PieceGraph {
  /** The arcs that begin at place i are `first[i]` … `first[i + 1] - 1`. */
  readonly first: Int32Array;
  readonly piece: Int32Array;
  readonly length: Int32Array;

  constructor(
    readonly text: PieceText,
    { pieces, forEachOccurrence }: Seeds,
  ) {
    const { codes } = text;
    const characters = new Map<number, number>();
    for (let piece = 1; piece < pieces.length.length && pieces.length[piece] === 1; piece++) {
      characters.set(codes[pieces.start[piece]], piece);
    }
    const first = new Int32Array(codes.length + 1);
    for (let i = 0; i < codes.length; i++) if (codes[i] !== 0) first[i + 1]++;
    forEachOccurrence((_, start) => first[start + 1]++);
    for (let i = 0; i < codes.length; i++) first[i + 1] += first[i];

    this.piece = new Int32Array(first[codes.length]);
    this.length = new Int32Array(first[codes.length]);
    const next = first.slice();
    const add = (piece: number, start: number, length: number): void => {
      this.piece[next[start]] = piece;
      this.length[next[start]++] = length;
    };
    for (let i = 0; i < codes.length; i++) if (codes[i] !== 0) add(characters.get(codes[i])!, i, 1);
    forEachOccurrence(add);
    this.first = first;
  }

  /** Gives pieces their new numbers; those whose number is negative are gone. */
  renumber(numbers: Int32Array): void {
    const { first, piece, length } = this;
    let from = 0;
    let to = 0;
    for (let i = 0; i + 1 < first.length; i++) {
      const end = first[i + 1];
      first[i] = to;
      for (; from < end; from++) {
        const number = numbers[piece[from]];
        if (number < 0) continue;
        piece[to] = number;
        length[to++] = length[from];
      }
    }
    first[first.length - 1] = to;
  }
}
