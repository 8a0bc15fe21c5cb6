import type { Normalizer } from '../parts';
import type { AlignedText } from '../text/aligned-text';
import { TextEditor } from '../text/text-editor';
import { classesOf, CONTROL, IDEOGRAPH, isAscii } from './characters';
import { toLowercase } from './lowercase';
import { removeAccents } from './unicode-forms';

export interface BertNormalizerOptions {
  /** Take out control characters, make all white space spaces. Default true. */
  readonly cleanText?: boolean;
  /** Put spaces around ideographs, so that each becomes a word. Default true. */
  readonly handleChineseChars?: boolean;
  /** Take out accents. Default null: if the text is lowercased. */
  readonly stripAccents?: boolean | null;
  /** Default true. */
  readonly lowercase?: boolean;
}

/** What BERT does to a text first: clean it, set ideographs apart, take out accents, lower its case. */
export function bertNormalizer(options: BertNormalizerOptions = {}): Normalizer {
  const { cleanText = true, handleChineseChars = true, stripAccents = null, lowercase = true } = options;
  const strips = stripAccents ?? lowercase;
  return {
    normalize(text) {
      let result = text;
      if (unclean.test(text.text)) {
        result = clean(text, cleanText, handleChineseChars);
        if (strips && !isAscii(result.text)) result = removeAccents(result);
      }
      return lowercase ? toLowercase(result) : result;
    },
    toJSON: () => ({
      type: 'BertNormalizer',
      clean_text: cleanText,
      handle_chinese_chars: handleChineseChars,
      strip_accents: stripAccents,
      lowercase,
    }),
  };
}

const unclean = /[^ -~]/;
// All white space but for those that have gone as control characters.
const whiteSpace = /[\t\n\r\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/g;

/** Takes out what must go, and sets ideographs apart, in one pass. */
function clean(text: AlignedText, cleanText: boolean, handleChineseChars: boolean): AlignedText {
  const source = text.text;
  const classes = (cleanText ? CONTROL : 0) | (handleChineseChars ? IDEOGRAPH : 0);
  let editor: TextEditor | undefined;
  for (let at = 0; at < source.length;) {
    const code = source.codePointAt(at)!;
    const next = at + (code > 0xffff ? 2 : 1);
    const found = classesOf(code) & classes;
    if (found !== 0) {
      editor ??= new TextEditor(text);
      editor.keep(at);
      if ((found & CONTROL) !== 0) editor.skip(next);
      else editor.replace(` ${source.slice(at, next)} `); // all three have the origin of the character
    }
    at = next;
  }
  const result = editor === undefined ? text : editor.finish();
  const spaced = cleanText ? result.text.replace(whiteSpace, ' ') : result.text;
  return spaced === result.text ? result : result.withText(spaced);
}
