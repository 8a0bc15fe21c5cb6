/*
 * Classes of characters as the Rust library knows them. Its tables are older than those of JavaScript engines: what
 * Unicode added later is taken out here, whatever the engine's version, so that the same text gives the same tokens.
 */
import { classRanges } from '../text/class-ranges';

// Marks that Unicode added after version 9.
const NEW_MARKS = classRanges(
  '7fd 897-89f 8ca-8d3 9fe afa-aff b55 c04 c3c cf3 d00 d3b-d3c d81 eba ece 1715 180f 1abf-1add 1ae0-1aeb 1cf7 ' +
    '1df6-1dfa a82c a8ff 10d24-10d27 10d69-10d6d 10eab-10eac 10efa-10eff 10f46-10f50 10f82-10f85 11070 11073-11074 ' +
    '110c2 11145-11146 111c9 111ce-111cf 11241 1133b 113b8-113c0 113c2 113c5 113c7-113ca 113cc-113d0 113d2 ' +
    '113e1-113e2 1145e 1182c-1183a 11930-11935 11937-11938 1193b-1193e 11940 11942-11943 119d1-119d7 119da-119e0 ' +
    '119e4 11a01-11a0a 11a33-11a39 11a3b-11a3e 11a47 11a51-11a5b 11a8a-11a99 11b60-11b67 11d31-11d36 11d3a ' +
    '11d3c-11d3d 11d3f-11d45 11d47 11d8a-11d8e 11d90-11d91 11d93-11d97 11ef3-11ef6 11f00-11f01 11f03 11f34-11f3a ' +
    '11f3e-11f42 11f5a 13440 13447-13455 1611e-1612f 16f4f 16f7f-16f87 16fe4 16ff0-16ff1 1cf00-1cf2d 1cf30-1cf46 ' +
    '1e08f 1e130-1e136 1e2ae 1e2ec-1e2ef 1e4ec-1e4ef 1e5ee-1e5ef 1e6e3 1e6e6 1e6ee-1e6ef 1e6f5',
);

// Marks that version 9 added, or made non-spacing after version 8.
const NEW_NONSPACING_MARKS = classRanges(
  '8d4-8e1 1885-1886 1dfb a8c5 a9bd 1123e 11438-1143f 11442-11444 11446 11c30-11c36 11c38-11c3d 11c3f 11c92-11ca7 ' +
    '11caa-11cb0 11cb2-11cb3 11cb5-11cb6 1e000-1e006 1e008-1e018 1e01b-1e021 1e023-1e024 1e026-1e02a 1e944-1e94a',
);

// Characters added after version 9 that decompose today, and those that begin what newer characters decompose to.
const NEW_DECOMPOSABLE = classRanges(
  '32ff a7f1-a7f4 ab69 105c9 105d2 105da 105e4 10781-10785 10787-107b0 107b2-107ba 11382-11385 1138b 1138e ' +
    '11390-11391 16d63 16d67-16d6a 1ccd6-1ccf9 1e030-1e06d 1f16c 1fbf0-1fbf9',
);

const NEW_FORMAT = classRanges('890-891 8e2 110cd 13430-1343f');

/** What StripAccents takes out: marks of Unicode 9; two that have since become letters are among them. */
export const MARK = 1;
/** What BertNormalizer takes out as accents: non-spacing marks of Unicode 8; two have since become spacing ones. */
export const NONSPACING_MARK = 2;
/** What BertNormalizer takes out as control characters, and with them U+FFFD. */
export const CONTROL = 4;
/** White space of Unicode. JavaScript's `\s` has U+FEFF too, and not U+0085. */
export const WHITE_SPACE = 8;
/** Ideographs that BertNormalizer puts spaces around: the blocks of the original BERT, newer ones left out. */
export const IDEOGRAPH = 16;
/** Characters that Unicode normalisation takes for starters without a decomposition. */
export const INERT = 32;
/** What may join with its neighbours into one grapheme cluster of less than six bytes of UTF-8. */
export const JOINER = 64;

const patterns: readonly (readonly [number, RegExp])[] = [
  [MARK, new RegExp(`(?![${NEW_MARKS}])\\p{M}|[\\u1cf2\\u1cf3]`, 'u')],
  [NONSPACING_MARK, new RegExp(`(?![${NEW_MARKS}${NEW_NONSPACING_MARKS}])\\p{Mn}|[\\u1734\\u{1171e}]`, 'u')],
  [CONTROL, new RegExp(`(?![${NEW_FORMAT}\\t\\n\\r])[\\p{Cc}\\p{Cf}\\p{Co}\\ufffd]`, 'u')],
  [WHITE_SPACE, /\p{White_Space}/u],
  [
    IDEOGRAPH,
    /[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/u,
  ],
  [INERT, new RegExp(`[${NEW_MARKS}${NEW_DECOMPOSABLE}]`, 'u')],
  // Marks, joiners, and letters and signs of format that join what follows them.
  [
    JOINER,
    new RegExp(
      '[\\p{M}\\p{Emoji_Modifier}' +
        classRanges(
          '200c 200d e33 eb3 ff9e ff9f 600-605 6dd 70f 890 891 8e2 d4e 110bd 110cd 111c2 111c3 113d1 1193f 11941 ' +
            '11a3a 11a84-11a89 11d46 11f02 e0020-e007f',
        ) +
        ']',
      'u',
    ),
  ],
];

/** Page → the classes of its 256 characters, made when first asked for. */
const pages: (Uint8Array | undefined)[] = [];

/** The classes of a character, as the sum of the constants above. */
export function classesOf(code: number): number {
  return (pages[code >> 8] ??= makePage(code & ~255))[code & 255];
}

/** Whether a text has a character of one of the classes. */
export function hasClasses(text: string, classes: number): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.codePointAt(at)!;
    if ((classesOf(code) & classes) !== 0) return true;
    if (code > 0xffff) at++;
  }
  return false;
}

function makePage(first: number): Uint8Array {
  const page = new Uint8Array(256);
  for (let i = 0; i < 256; i++) {
    const character = String.fromCodePoint(first + i);
    for (const [bit, pattern] of patterns) if (pattern.test(character)) page[i] |= bit;
  }
  return page;
}

const nonAscii = /[^\0-\x7f]/;

/** Whether a text is ASCII alone: the quickest test to pass by what concerns other characters only. */
export const isAscii = (text: string): boolean => !nonAscii.test(text);
