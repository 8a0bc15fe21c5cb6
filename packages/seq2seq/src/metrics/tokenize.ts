import { trim, words } from './text';

/**
 * How BLEU cuts texts into tokens, under the names of sacrebleu: `13a` of mteval-v13a, for languages with spaces; `intl` of
 * mteval-v14, by the classes of Unicode; `zh`, Chinese characters apart, the rest as 13a; `char`; `none`, at white space.
 */
export type BleuTokenizer = '13a' | 'intl' | 'zh' | 'char' | 'none';

export const tokenizers: Readonly<Record<BleuTokenizer, (text: string) => string[]>> = {
  '13a': (text) =>
    western(` ${unescape(text.replaceAll('<skipped>', '').replaceAll('-\n', '').replaceAll('\n', ' '))} `),
  intl: (text) =>
    words(
      text
        .replaceAll(/(\P{N})(\p{P})/gu, '$1 $2 ') // punctuation after what is not a number
        .replaceAll(/(\p{P})(\P{N})/gu, ' $1 $2') // and before
        .replaceAll(/(\p{S})/gu, ' $1 '),
    ),
  zh: (text) => western(Array.from(trim(text), (sign) => (isChinese(sign) ? ` ${sign} ` : sign)).join('')),
  char: (text) => words(Array.from(text).join(' ')),
  none: words,
};

/** &amp; comes after &quot; and before the others, so that &amp;lt; becomes <. */
export const unescape = (text: string): string =>
  text.replaceAll('&quot;', '"').replaceAll('&amp;', '&').replaceAll('&lt;', '<').replaceAll('&gt;', '>');

/** The part of mteval-v13a for languages in Latin letters. */
const western = (text: string): string[] => words(splitDigitDashes(splitPoints(splitSigns(text))));

/** All signs of ASCII but ' , - . */
export const splitSigns = (text: string): string => text.replaceAll(/([{-~[-` -&(-+:-@/])/g, ' $1 ');

/** Periods and commas, unless between digits. */
export const splitPoints = (text: string): string =>
  text.replaceAll(/([^0-9])([.,])/gu, '$1 $2 ').replaceAll(/([.,])([^0-9])/gu, ' $1 $2');

export const splitDigitDashes = (text: string): string => text.replaceAll(/([0-9])(-)/g, '$1 $2 ');

/**
 * sacrebleu means planes 2 and 3 by its ranges from U+20000 and U+2F800, but writes them with four digits and one more
 * sign; what it compares then is U+2001 to U+2A6D and U+2F81 to U+2FA1. Scores must agree, so these stand here.
 */
const chinese = [
  [0x3400, 0x4db5],
  [0x4e00, 0x9fa5],
  [0x9fa6, 0x9fbb],
  [0xf900, 0xfa2d],
  [0xfa30, 0xfa6a],
  [0xfa70, 0xfad9],
  [0x2001, 0x2a6d],
  [0x2f81, 0x2fa1],
  [0xff00, 0xffef],
  [0x2e80, 0x2eff],
  [0x3000, 0x303f],
  [0x31c0, 0x31ef],
  [0x2f00, 0x2fdf],
  [0x2ff0, 0x2fff],
  [0x3100, 0x312f],
  [0x31a0, 0x31bf],
  [0xfe10, 0xfe1f],
  [0xfe30, 0xfe4f],
  [0x2600, 0x26ff],
  [0x2700, 0x27bf],
  [0x3200, 0x33ff],
] as const;

function isChinese(sign: string): boolean {
  const code = sign.codePointAt(0)!;
  return chinese.some(([first, last]) => first <= code && code <= last);
}
