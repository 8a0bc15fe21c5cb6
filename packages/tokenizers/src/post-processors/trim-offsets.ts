import type { Encoding } from '../encoding';
import { widthAt } from '../text/aligned-text';

const SPACE = /[\u0120\p{White_Space}]/u; // U+0120 is a space in GPT-2's alphabet

/** Takes spaces at the beginning and the end of tokens out of their ranges. */
export function trimOffsets(encoding: Encoding, addPrefixSpace: boolean): Encoding {
  const starts = encoding.starts.slice();
  const ends = encoding.ends.slice();
  const texts = encoding.textsOfTokens();
  encoding.tokens.forEach((token, i) => {
    let leading = 0;
    while (leading < token.length && SPACE.test(token[leading])) leading++;
    let trailing = 0;
    while (trailing < token.length && SPACE.test(token[token.length - 1 - trailing])) trailing++;
    if (leading > 0) {
      // The space that was put before the text takes no room in it.
      const isFirst = i === 0 || starts[i] === 0;
      const room = isFirst && addPrefixSpace && leading === 1 ? 0 : leading;
      starts[i] = Math.min(forward(texts[i], starts[i], room), ends[i]);
    }
    if (trailing > 0 && ends[i] >= trailing) ends[i] = Math.max(back(texts[i], ends[i], trailing), starts[i]);
  });
  return encoding
    .withRanges(starts, ends)
    .with({ overflowing: encoding.mapOverflowing((part) => trimOffsets(part, addPrefixSpace)) });
}

/** A space that was put before a text has the range of its first character, which may be a surrogate pair. */
function forward(text: string, at: number, characters: number): number {
  for (let i = 0; i < characters; i++) at += widthAt(text, at);
  return at;
}

function back(text: string, at: number, characters: number): number {
  for (let i = 0; i < characters; i++) at -= at > 1 && widthAt(text, at - 2) === 2 ? 2 : 1;
  return at;
}
