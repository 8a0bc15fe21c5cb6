import type { Normalizer } from '../parts';
import type { AlignedText } from '../text/aligned-text';
import { TextEditor } from '../text/text-editor';

/** Writes a text as its bytes in UTF-8, each as a character of GPT-2's alphabet. */
export const byteLevel = (): Normalizer => ({ normalize: toBytes, toJSON: () => ({ type: 'ByteLevel' }) });

// Bytes that are visible characters of Latin-1 stand for themselves, the others follow from U+0100 on.
const isVisible = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;

const alphabet: string[] = [];
for (let byte = 0, hidden = 0; byte < 256; byte++) {
  alphabet.push(String.fromCharCode(isVisible(byte) ? byte : 0x100 + hidden++));
}

const beyondAscii = /[^\0-\x7f]/gu;
const hiddenAscii = /[\0- \x7f]/g;
const encoder = new TextEncoder();

function toBytes(text: AlignedText): AlignedText {
  let editor: TextEditor | undefined;
  for (const { 0: character, index } of text.text.matchAll(beyondAscii)) {
    editor ??= new TextEditor(text);
    editor.keep(index);
    editor.replace(Array.from(encoder.encode(character), (byte) => alphabet[byte]).join(''));
  }
  const bytes = editor === undefined ? text : editor.finish();
  const visible = bytes.text.replace(hiddenAscii, (character) => alphabet[character.charCodeAt(0)]);
  return visible === bytes.text ? bytes : bytes.withText(visible);
}
