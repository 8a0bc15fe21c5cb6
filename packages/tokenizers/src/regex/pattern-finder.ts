import type { JsonValue } from '../json';
import { isHigh, isLow, widthAt } from '../text/aligned-text';

/** A pattern as files hold it: a literal text, or a regular expression in the syntax of Oniguruma. */
export type Pattern = { readonly String: string } | { readonly Regex: string };

/** Finds the matches of a pattern, as the Rust library goes through a text. */
export class PatternFinder {
  private readonly sticky: RegExp;

  private constructor(
    readonly pattern: Pattern,
    private readonly anywhere: RegExp,
  ) {
    this.sticky = new RegExp(anywhere.source, anywhere.flags.replace('g', 'y'));
  }

  static read(json: JsonValue): PatternFinder {
    const regex = json.kit.compile(json);
    const literal = json.get('String');
    return new PatternFinder(
      literal.isNull ? { Regex: json.get('Regex').string() } : { String: literal.string() },
      regex,
    );
  }

  /** Appends where the matches in `text` begin and end, moved by `shift`. */
  find(text: string, shift: number, matches: number[]): void {
    const { anywhere, sticky } = this;
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
        anywhere.lastIndex = at;
        const match = anywhere.exec(text);
        if (match === null) return;
        start = match.index;
        end = anywhere.lastIndex;
        // Engines also try the middle of a pair, where a pattern that looks around could match.
        if (start > 0 && isLow(text.charCodeAt(start)) && isHigh(text.charCodeAt(start - 1))) {
          at = start + 1;
          continue;
        }
      }
      if (start === end && start === last) {
        at = end + (end < n ? widthAt(text, end) : 1);
        continue;
      }
      matches.push(start + shift, end + shift);
      at = last = end;
    }
  }
}
