// GPT-2's alphabet writes each byte as one printable character: those of Latin-1 that can be seen stand for themselves,
// the others for U+0100, U+0101, … in their order.
const characters: string[] = [];
const bytes = new Map<string, number>();
for (let byte = 0, next = 0x100; byte < 256; byte++) {
  const seen = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  characters.push(String.fromCharCode(seen ? byte : next++));
  bytes.set(characters[byte], byte);
}

/** The character that stands for each byte. */
export const byteCharacters: readonly string[] = characters;

/** Text in which each character is a byte → text in GPT-2's alphabet. */
export function fromBinary(binary: string): string {
  let text = '';
  for (let i = 0; i < binary.length; i++) text += characters[binary.charCodeAt(i)];
  return text;
}

/** Text in GPT-2's alphabet → text in which each character is a byte; undefined if a character is not of it. */
export function toBinary(text: string): string | undefined {
  let binary = '';
  for (const character of text) {
    const byte = bytes.get(character);
    if (byte === undefined) return undefined;
    binary += String.fromCharCode(byte);
  }
  return binary;
}
