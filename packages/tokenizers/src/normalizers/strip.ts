import type { Normalizer } from '../parts';
import { TextEditor } from '../text/text-editor';
import { classesOf, isAscii, MARK, WHITE_SPACE } from './characters';
import { removeClasses } from './edits';

export interface StripOptions {
  /** At the beginning. Default true. */
  readonly left?: boolean;
  /** At the end. Default true. */
  readonly right?: boolean;
}

/** Takes white space off the ends. */
export function strip(options: StripOptions = {}): Normalizer {
  const { left = true, right = true } = options;
  return {
    normalize(text) {
      const source = text.text;
      let start = 0;
      let end = source.length;
      if (left) while (start < end && isWhiteSpace(source.charCodeAt(start))) start++;
      if (right) while (end > start && isWhiteSpace(source.charCodeAt(end - 1))) end--;
      if (start === 0 && end === source.length) return text;
      // A slice forgets where the text began, which is the origin of what may be inserted there.
      if (start === 0 && end > 0 && text.startOf(0) === text.base) return text.slice(0, end);
      const editor = new TextEditor(text);
      editor.skip(start);
      editor.keep(end);
      editor.skip(source.length);
      return editor.finish();
    },
    toJSON: () => ({ type: 'Strip', strip_left: left, strip_right: right }),
  };
}

// All white space is of one unit.
const isWhiteSpace = (unit: number): boolean => (classesOf(unit) & WHITE_SPACE) !== 0;

/** Takes out combining marks; put NFD or NFKD before it, so that accents are such. */
export const stripAccents = (): Normalizer => ({
  normalize: (text) => (isAscii(text.text) ? text : removeClasses(text, MARK)),
  toJSON: () => ({ type: 'StripAccents' }),
});
