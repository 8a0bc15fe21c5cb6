import type { Normalizer } from '../parts';
import type { AlignedText } from '../text/aligned-text';
import { TextEditor } from '../text/text-editor';

// oxlint-disable-next-line no-control-regex
const removed = /[\x01-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]/g;
const spaces = /[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;

/** The cleaning of SentencePiece's rules "nmt": control characters go, what looks like white space becomes a space. */
export const nmt = (): Normalizer => ({ normalize: clean, toJSON: () => ({ type: 'Nmt' }) });

function clean(text: AlignedText): AlignedText {
  let editor: TextEditor | undefined;
  for (const { index } of text.text.matchAll(removed)) {
    editor ??= new TextEditor(text);
    editor.keep(index);
    editor.skip(index + 1);
  }
  const kept = editor === undefined ? text : editor.finish();
  const spaced = kept.text.replace(spaces, ' ');
  return spaced === kept.text ? kept : kept.withText(spaced);
}
