import { asOfUnicode16 } from '../regex/unicode';
import { classRanges } from '../text/class-ranges';

/** Kinds of characters, as bits. A character can be of several. */
export const LETTER = 1; // \p{L}
export const NUMBER = 2; // \p{N}
export const SPACE = 4; // White_Space, not JavaScript's \s: with U+0085, without U+FEFF
export const PUNCTUATION = 8; // BERT's: \p{P} and all of ASCII that is neither letter, digit, space nor control
export const WORD = 16; // \w of Rust
export const NUMERIC = 32; // Rust's char::is_numeric, whose Unicode is newer than that of the regexes

// What the Rust library takes as punctuation is of Unicode 8, with two characters that have since become others.
const punctuationSinceUnicode8 = classRanges(
  '61d 9fd a76 c77 c84 1b4e-1b4f 1b7d-1b7f 2e43-2e4f 2e52-2e5d 10d6e 10ead 10ed0 10f55-10f59 10f86-10f89 ' +
    '113d4-113d5 113d7-113d8 1144b-1144f 1145a-1145b 1145d 11660-1166c 116b9 1183b 11944-11946 119e2 11a3f-11a46 ' +
    '11a9a-11a9c 11a9e-11aa2 11b00-11b09 11be1 11c41-11c45 11c70-11c71 11ef7-11ef8 11f43-11f4f 11fff 12ff1-12ff2 ' +
    '16d6d-16d6f 16e97-16e9a 16fe2 1e5ff 1e95e-1e95f',
);

const classes: readonly (readonly [kind: number, characters: string])[] = [
  [LETTER, asOfUnicode16(String.raw`\p{L}`)],
  [NUMBER, asOfUnicode16(String.raw`\p{N}`)],
  [SPACE, String.raw`\p{White_Space}`],
  [
    PUNCTUATION,
    String.raw`[[\p{P}\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e\u166d\u{111c9}]--[${punctuationSinceUnicode8}]]`,
  ],
  [WORD, asOfUnicode16(String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}`)],
  [NUMERIC, String.raw`\p{N}`],
];

// Planes 0 and 1 hold all letters but rare Han, and all emoji.
const TABLE_SIZE = 0x20000;

/** The kinds of ASCII characters. */
export const ascii: Uint8Array = tabulate(0, 0x80, new Uint8Array(0x80));
let table: Uint8Array | undefined;

function tabulate(from: number, to: number, kinds: Uint8Array): Uint8Array {
  const width = from < 0x10000 ? 1 : 2;
  const text = String.fromCodePoint(...Array.from({ length: to - from }, (_, i) => from + i));
  for (const [kind, characters] of classes) {
    for (const { index, 0: run } of text.matchAll(new RegExp(`${characters}+`, 'gv'))) {
      const start = from + index / width;
      for (let code = start; code < start + run.length / width; code++) kinds[code] |= kind;
    }
  }
  return kinds;
}

function makeTable(): Uint8Array {
  const kinds = new Uint8Array(TABLE_SIZE);
  const STEP = 0x800; // small enough for arguments; no step holds halves of pairs and characters
  for (let from = 0; from < TABLE_SIZE; from += STEP) {
    if (from < 0xd800 || from >= 0xe000) tabulate(from, from + STEP, kinds);
  }
  return kinds;
}

let others: readonly (readonly [kind: number, pattern: RegExp])[] | undefined;

/** The kinds of a code point. */
export function kindsOf(code: number): number {
  if (code < 0x80) return ascii[code];
  if (code < TABLE_SIZE) return (table ??= makeTable())[code];
  others ??= classes.map(([kind, characters]) => [kind, new RegExp(characters, 'v')]);
  const character = String.fromCodePoint(code);
  let kinds = 0;
  for (const [kind, pattern] of others) if (pattern.test(character)) kinds |= kind;
  return kinds;
}

/** The code point at `at`; a pair counts as one. */
export function codeAt(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return (unit & 0xfc00) === 0xd800 ? text.codePointAt(at)! : unit;
}
