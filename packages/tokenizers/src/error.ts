/** A stretch of text that the vocabulary does not hold, `[start, end)` in UTF-16 units. */
export interface UnknownToken {
  readonly token: string;
  readonly start: number;
  readonly end: number;
}

/** What went wrong, for programs; the message says it for people. */
export type TokenizerErrorCode =
  | 'unknown-token'
  | 'invalid-id'
  | 'invalid-vocabulary'
  | 'invalid-option'
  | 'invalid-file'
  | 'unsupported';

/** The only error thrown on bad input: one line that says what is wrong and how to mend it. */
export class TokenizerError extends Error {
  override readonly name = 'TokenizerError';
  readonly code: TokenizerErrorCode;
  /** Every unknown token, if that is what went wrong. */
  readonly unknown: readonly UnknownToken[];

  constructor(code: TokenizerErrorCode, message: string, unknown: readonly UnknownToken[] = []) {
    super(message);
    this.code = code;
    this.unknown = unknown;
  }
}

const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u;
const MAX_SHOWN = 40;

/** Text made safe for one line of a terminal: what cannot be seen stands as its code point, at most 40 are shown. */
export function show(text: string): string {
  const characters = [...text];
  const shown = characters.slice(0, MAX_SHOWN).map((character) => {
    // A combining mark on its own would sit on its neighbour.
    const visible = printable.test(character) && (characters.length > 1 || !/\p{M}/u.test(character));
    return visible ? character : codePoint(character);
  });
  return shown.join('') + (characters.length > MAX_SHOWN ? '…' : '');
}

/** `U+1F600` */
export const codePoint = (character: string): string =>
  `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
