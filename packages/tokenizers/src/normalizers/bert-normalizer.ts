import type { Normalizer } from '../parts';
import type { AlignedText } from '../text/aligned-text';
import { TextEditor } from '../text/text-editor';
import { control, ideograph, isAscii, nonspacingMark } from './characters';
import { removeAll } from './edits';
import { toLowercase } from './lowercase';
import { toForm } from './unicode-forms';

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
      if (cleanText) result = clean(result);
      const ascii = isAscii(result.text);
      if (handleChineseChars && !ascii) result = spaceIdeographs(result);
      if (strips && !ascii) result = removeAll(toForm(result, 'NFD'), accents);
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

const accents = new RegExp(nonspacingMark, 'gu');
const controls = new RegExp(control, 'gu');
const ideographs = new RegExp(ideograph, 'gu');
const unclean = /[^ -~]/;
// Those that are control characters as well have been taken out before, but for three.
const spaces = /[\t\n\r\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/g;

function clean(text: AlignedText): AlignedText {
  if (!unclean.test(text.text)) return text;
  const kept = removeAll(text, controls);
  const spaced = kept.text.replace(spaces, ' ');
  return spaced === kept.text ? kept : kept.withText(spaced);
}

function spaceIdeographs(text: AlignedText): AlignedText {
  let editor: TextEditor | undefined;
  for (const { 0: character, index } of text.text.matchAll(ideographs)) {
    editor ??= new TextEditor(text);
    editor.keep(index);
    editor.replace(` ${character} `); // all three have the origin of the character
  }
  return editor === undefined ? text : editor.finish();
}
