import type { JsonValue } from '../json';
import type { PreTokenizer } from '../parts';
import { PatternFinder } from '../regex/pattern-finder';
import type { Pieces } from '../text/pieces';
import { readBehavior, splitAt, type DelimiterBehavior } from './delimiters';

/** Cuts a text at the matches of a pattern. */
export class Split implements PreTokenizer {
  private constructor(
    private readonly finder: PatternFinder,
    readonly behavior: DelimiterBehavior,
    /** Whether what does not match is the delimiter. */
    readonly invert: boolean,
  ) {}

  static read(json: JsonValue): Split {
    return new Split(
      PatternFinder.read(json.get('pattern')),
      readBehavior(json.get('behavior')),
      json.get('invert').boolean(),
    );
  }

  split(pieces: Pieces): Pieces {
    const { text } = pieces.text;
    const bounds: number[] = [];
    const matches: number[] = [];
    for (let i = 0; i < pieces.bounds.length; i += 2) {
      const start = pieces.bounds[i];
      const end = pieces.bounds[i + 1];
      matches.length = 0;
      // Cut out, so that the pattern looks neither behind nor beyond the piece.
      const piece = start === 0 && end === text.length ? text : text.slice(start, end);
      this.finder.find(piece, start, matches);
      splitAt(matches, start, end, this.behavior, this.invert, bounds);
    }
    return { ...pieces, bounds };
  }

  toJSON() {
    return { type: 'Split', pattern: this.finder.pattern, behavior: this.behavior, invert: this.invert };
  }
}
