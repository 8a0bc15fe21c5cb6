/** What one token is: a Unicode code point, or a run of characters that are not white space. */
export type Unit = 'character' | 'word';

/** A token and its place in the text, `[start, end)` in UTF-16 units. */
export interface Piece {
  readonly token: string;
  readonly start: number;
  readonly end: number;
}

interface UnitRules {
  split(text: string): Iterable<Piece>;
  /** Gives back the text, except that words lose what white space was between them. */
  join(tokens: readonly string[]): string;
  /** Whether `split` could ever produce this token. */
  holds(token: string): boolean;
}

export const units: Record<Unit, UnitRules> = {
  character: {
    *split(text) {
      let start = 0;
      // A string iterates over code points; half a surrogate pair comes out as it is.
      for (const token of text) {
        const end = start + token.length;
        yield { token, start, end };
        start = end;
      }
    },
    join: (tokens) => tokens.join(''),
    holds: (token) => token.length > 0 && token.length === String.fromCodePoint(token.codePointAt(0)!).length,
  },
  word: {
    *split(text) {
      for (const { 0: token, index } of text.matchAll(/\S+/gu)) {
        yield { token, start: index, end: index + token.length };
      }
    },
    join: (tokens) => tokens.join(' '),
    holds: (token) => /^\S+$/u.test(token),
  },
};

/** Order of code points. JavaScript's `<` compares UTF-16 units, which puts U+10000 and above before U+E000. */
export function compareCodePoints(a: string, b: string): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    // The second half of a pair is looked at once more, on its own; by then both have it.
    const difference = a.codePointAt(i)! - b.codePointAt(i)!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
