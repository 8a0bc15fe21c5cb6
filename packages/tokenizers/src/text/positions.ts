/** Entry i: how many code points, or bytes, stand before UTF-16 unit i. */
export function positions(text: string, unit: 'codePoint' | 'byte'): Int32Array {
  const table = new Int32Array(text.length + 1);
  let at = 0;
  let i = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const width = unit === 'codePoint' ? 1 : code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (let k = 0; k < character.length; k++) table[i++] = at;
    at += width;
  }
  table[i] = at;
  return table;
}
