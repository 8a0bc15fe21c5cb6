import type { Pieces } from '../text/pieces';
import { codeAt, kindsOf } from './characters';
import { splitAt, type DelimiterBehavior } from './delimiters';

/** Splits at each character of a kind. */
export function splitAtKind(pieces: Pieces, kind: number, behavior: DelimiterBehavior): Pieces {
  const { text } = pieces.text;
  const bounds: number[] = [];
  const delimiters: number[] = [];
  for (let i = 0; i < pieces.bounds.length; i += 2) {
    const [start, end] = [pieces.bounds[i], pieces.bounds[i + 1]];
    delimiters.length = 0;
    for (let at = start; at < end;) {
      const code = codeAt(text, at);
      const next = at + (code > 0xffff ? 2 : 1);
      if ((kindsOf(code) & kind) !== 0) delimiters.push(at, next);
      at = next;
    }
    splitAt(delimiters, start, end, behavior, false, bounds);
  }
  return { ...pieces, bounds };
}

/** Splits at each place where a string stands. */
export function splitAtString(pieces: Pieces, string: string, behavior: DelimiterBehavior, invert: boolean): Pieces {
  const { text } = pieces.text;
  const bounds: number[] = [];
  const delimiters: number[] = [];
  let found = -2; // the next occurrence at or after the last place looked at; -1: none
  for (let i = 0; i < pieces.bounds.length; i += 2) {
    const [start, end] = [pieces.bounds[i], pieces.bounds[i + 1]];
    delimiters.length = 0;
    for (let at = start; ; at = found + string.length) {
      if (found !== -1 && found < at) found = text.indexOf(string, at);
      if (found < 0 || found + string.length > end) break;
      delimiters.push(found, found + string.length);
    }
    splitAt(delimiters, start, end, behavior, invert, bounds);
  }
  return { ...pieces, bounds };
}
