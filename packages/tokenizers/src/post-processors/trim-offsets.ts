import type { Encoding } from '../encoding';

const SPACE = /[\u0120\p{White_Space}]/u; // U+0120 is a space in GPT-2's alphabet

/** Takes spaces at the beginning and the end of tokens out of their ranges. */
export function trimOffsets(encoding: Encoding, addPrefixSpace: boolean): Encoding {
  const starts = encoding.starts.slice();
  const ends = encoding.ends.slice();
  encoding.tokens.forEach((token, i) => {
    let leading = 0;
    while (leading < token.length && SPACE.test(token[leading])) leading++;
    let trailing = 0;
    while (trailing < token.length && SPACE.test(token[token.length - 1 - trailing])) trailing++;
    if (leading > 0) {
      // The space that was put before the text takes no room in it.
      const isFirst = i === 0 || starts[i] === 0;
      const room = isFirst && addPrefixSpace && leading === 1 ? 0 : leading;
      starts[i] = Math.min(starts[i] + room, ends[i]);
    }
    if (trailing > 0 && ends[i] >= trailing) ends[i] = Math.max(ends[i] - trailing, starts[i]);
  });
  return encoding
    .withRanges(starts, ends)
    .with({ overflowing: encoding.overflowing.map((part) => trimOffsets(part, addPrefixSpace)) });
}
