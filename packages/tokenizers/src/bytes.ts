/**
 * The alphabet in which GPT-2 writes bytes: each byte is one character that can be seen. Visible characters of
 * Latin-1 stand for their own byte, the other 68 bytes are U+0100, U+0101, … in order: a space is Ġ, a newline Ċ.
 */
export const byteToChar: readonly string[] = Object.freeze(
  (() => {
    let next = 0x100;
    return Array.from({ length: 256 }, (_, byte) => {
      const visible = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
      return String.fromCharCode(visible ? byte : next++);
    });
  })(),
);

/** Entry c: the byte that character c of the alphabet stands for, or -1. Characters beyond the end stand for none. */
export const charToByte: Int16Array = (() => {
  const bytes = new Int16Array(0x144).fill(-1);
  for (const [byte, character] of byteToChar.entries()) bytes[character.charCodeAt(0)] = byte;
  return bytes;
})();
