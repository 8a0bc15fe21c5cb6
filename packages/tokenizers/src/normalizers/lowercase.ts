import type { Normalizer } from '../parts';
import type { AlignedText } from '../text/aligned-text';
import { TextEditor } from '../text/text-editor';

/** Lower case, character by character: Σ becomes σ at the end of words too. */
export const lowercase = (): Normalizer => ({ normalize: toLowercase, toJSON: () => ({ type: 'Lowercase' }) });

// The only character whose lower case is longer: i and a dot above.
const DOTTED_I = 'İ';

export function toLowercase(text: AlignedText): AlignedText {
  let result = text;
  if (text.text.includes(DOTTED_I)) {
    const editor = new TextEditor(text);
    for (let at = text.text.indexOf(DOTTED_I); at >= 0; at = text.text.indexOf(DOTTED_I, at + 1)) {
      editor.keep(at);
      editor.replace('i\u0307');
    }
    result = editor.finish();
  }
  // Sigma is the only one that the engine lowers by what stands around it.
  const lower = result.text.replaceAll('Σ', 'σ').toLowerCase();
  return lower === result.text ? result : result.withText(lower);
}
