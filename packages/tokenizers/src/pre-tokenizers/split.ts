import type { JsonValue } from '../json';
import type { PreTokenizer } from '../parts';
import { compilePattern } from '../regex';
import { widthAt } from '../text/aligned-text';
import type { Pieces } from '../text/pieces';
import { readBehavior, splitAt, type DelimiterBehavior } from './delimiters';

/** A pattern as files hold it: a literal text, or a regular expression in the syntax of Oniguruma. */
export type Pattern = { readonly String: string } | { readonly Regex: string };

/** Cuts a text at the matches of a pattern. */
export class Split implements PreTokenizer {
  private readonly finder: RegExp;
  private readonly sticky: RegExp;

  private constructor(
    private readonly pattern: Pattern,
    regex: RegExp,
    readonly behavior: DelimiterBehavior,
    /** Whether what does not match is the delimiter. */
    readonly invert: boolean,
  ) {
    this.finder = regex;
    this.sticky = new RegExp(regex.source, regex.flags.replace('g', 'y'));
  }

  static read(json: JsonValue): Split {
    const pattern = json.get('pattern');
    const regex = compilePattern(pattern);
    const string = pattern.get('String');
    return new Split(
      string.isNull ? { Regex: pattern.get('Regex').string() } : { String: string.string() },
      regex,
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
      this.findMatches(piece, start, matches);
      splitAt(matches, start, end, this.behavior, this.invert, bounds);
    }
    return { ...pieces, bounds };
  }

  /** Appends where the matches in `text` begin and end, moved by `shift`. */
  private findMatches(text: string, shift: number, matches: number[]): void {
    const { finder, sticky } = this;
    const n = text.length;
    let at = 0;
    let last = -1; // where the last match ended; an empty one is not taken there
    while (at <= n) {
      // Most patterns match everywhere, and test() makes no objects, unlike exec().
      let start = at;
      let end: number;
      sticky.lastIndex = at;
      if (sticky.test(text)) {
        end = sticky.lastIndex;
      } else {
        finder.lastIndex = at;
        const match = finder.exec(text);
        if (match === null) return;
        start = match.index;
        end = finder.lastIndex;
      }
      if (start === end && start === last) {
        at = end + (end < n ? widthAt(text, end) : 1);
        continue;
      }
      matches.push(start + shift, end + shift);
      at = last = end;
    }
  }

  toJSON() {
    return { type: 'Split', pattern: this.pattern, behavior: this.behavior, invert: this.invert };
  }
}
