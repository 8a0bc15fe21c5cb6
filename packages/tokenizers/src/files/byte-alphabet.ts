import { byteToChar, charToByte } from '../bytes';

/** Text in which each character is a byte → text in GPT-2's alphabet. */
export function fromBinary(binary: string): string {
  let text = '';
  for (let i = 0; i < binary.length; i++) text += byteToChar[binary.charCodeAt(i)];
  return text;
}

/** Text in GPT-2's alphabet → text in which each character is a byte; undefined if a character is not of it. */
export function toBinary(text: string): string | undefined {
  let binary = '';
  for (let i = 0; i < text.length; i++) {
    const byte = charToByte[text.charCodeAt(i)] ?? -1;
    if (byte < 0) return undefined;
    binary += String.fromCharCode(byte);
  }
  return binary;
}
