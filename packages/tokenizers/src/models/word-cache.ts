import type { TokenSink } from '../token-sink';

// As many pieces as the text of a long book has, of lengths that recur.
const MAX_PIECES = 1 << 15;
const MAX_LENGTH = 64;

/** Pieces that were tokenized before, by their text: most words of a text are among a few thousand. */
export class WordCache {
  /** A piece that is one token is its id alone; others are id, start, end of each token, relative to the piece. */
  private pieces = new Map<string, number | number[]>();
  /** Those of the time before `pieces` was begun; what is asked for again moves over, the rest is forgotten. */
  private older = new Map<string, number | number[]>();

  /** Appends the tokens of a known piece that begins at `start`; false if it is not known. */
  replay(piece: string, start: number, end: number, sink: TokenSink): boolean {
    const known = this.pieces.get(piece) ?? this.takeOlder(piece);
    if (known === undefined) return false;
    if (typeof known === 'number') {
      sink.push(known, start, end);
      return true;
    }
    for (let i = 0; i < known.length; i += 3) sink.push(known[i], start + known[i + 1], start + known[i + 2]);
    return true;
  }

  /** Remembers that the tokens of the sink from `from` on are those of `piece`, which begins at `start`. */
  remember(piece: string, start: number, sink: TokenSink, from: number): void {
    if (piece.length > MAX_LENGTH) return;
    const count = sink.length - from;
    if (count === 1 && sink.starts[from] === start && sink.ends[from] === start + piece.length) {
      this.keep(piece, sink.ids[from]);
      return;
    }
    const tokens: number[] = [];
    for (let i = from; i < from + count; i++) {
      tokens.push(sink.ids[i], sink.starts[i] - start, sink.ends[i] - start);
    }
    this.keep(piece, tokens);
  }

  private takeOlder(piece: string): number | number[] | undefined {
    const known = this.older.get(piece);
    if (known !== undefined) this.keep(piece, known);
    return known;
  }

  private keep(piece: string, tokens: number | number[]): void {
    if (this.pieces.size >= MAX_PIECES) {
      this.older = this.pieces;
      this.pieces = new Map();
    }
    this.pieces.set(piece, tokens);
  }
}
