import type { Normalizer } from '../parts';
import type { AlignedText } from '../text/aligned-text';
import { TextEditor } from '../text/text-editor';
import { isAscii } from './characters';

/** Writes a text as its bytes in UTF-8, each as a character of GPT-2's alphabet. */
export const byteLevel = (): Normalizer => ({ normalize: toBytes, toJSON: () => ({ type: 'ByteLevel' }) });

// Bytes that are visible characters of Latin-1 stand for themselves, the others follow from U+0100 on.
const isVisible = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;

const alphabet: string[] = [];
for (let byte = 0, hidden = 0; byte < 256; byte++) {
  alphabet.push(String.fromCharCode(isVisible(byte) ? byte : 0x100 + hidden++));
}

// The space is by far the most frequent, and goes first.
// oxlint-disable-next-line no-control-regex
const hiddenAscii = /[\0-\x1f\x7f]/g;

function toBytes(text: AlignedText): AlignedText {
  const bytes = isAscii(text.text) ? text : writeOut(text);
  const visible = bytes.text.replace(/ /g, 'Ġ').replace(hiddenAscii, (character) => alphabet[character.charCodeAt(0)]);
  return visible === bytes.text ? bytes : bytes.withText(visible);
}

function writeOut(text: AlignedText): AlignedText {
  const source = text.text;
  const editor = new TextEditor(text);
  for (let at = 0; at < source.length;) {
    const code = source.codePointAt(at)!;
    if (code >= 0x80) {
      editor.keep(at);
      editor.replace(bytesOf(code));
    }
    at += code > 0xffff ? 2 : 1;
  }
  return editor.finish();
}

function bytesOf(code: number): string {
  const last = alphabet[0x80 | (code & 63)];
  if (code < 0x800) return alphabet[0xc0 | (code >> 6)] + last;
  const before = alphabet[0x80 | ((code >> 6) & 63)] + last;
  if (code < 0x10000) return alphabet[0xe0 | (code >> 12)] + before;
  return alphabet[0xf0 | (code >> 18)] + alphabet[0x80 | ((code >> 12) & 63)] + before;
}
