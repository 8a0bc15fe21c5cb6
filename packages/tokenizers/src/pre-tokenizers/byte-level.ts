import { byteToChar } from '../bytes';
import { ByteLevelPart, readByteLevel } from '../byte-level-part';
import type { JsonValue } from '../json';
import type { PreTokenizer } from '../parts';
import { AlignedText } from '../text/aligned-text';
import type { Pieces } from '../text/pieces';
import { ascii, codeAt, kindsOf, LETTER, NUMBER, SPACE } from './characters';
import { prependToPieces } from './prepend';

/** Has the text read as bytes, cut into words, numbers, other characters and white space as GPT-2 does. */
export class ByteLevel extends ByteLevelPart implements PreTokenizer {
  static read(json: JsonValue): ByteLevel {
    return new ByteLevel(readByteLevel(json));
  }

  split(pieces: Pieces): Pieces {
    let result = pieces;
    if (this.addPrefixSpace) {
      const { text } = pieces.text;
      result = prependToPieces(pieces, ' ', (start) => text.charCodeAt(start) !== 0x20);
    }
    if (!this.useRegex) return { ...result, byteLevel: true };
    const bounds: number[] = [];
    for (let i = 0; i < result.bounds.length; i += 2) {
      splitAsGpt2(result.text.text, result.bounds[i], result.bounds[i + 1], bounds);
    }
    return { text: result.text, bounds, byteLevel: true };
  }
}

const GROUP = LETTER | NUMBER | SPACE; // 0: none of these

/**
 * Appends the pieces of `text.slice(start, end)` by GPT-2's pattern, which matches everywhere:
 * `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
 */
export function splitAsGpt2(text: string, start: number, end: number, bounds: number[]): void {
  let at = start;
  while (at < end) {
    let unit = text.charCodeAt(at);
    let next = unit === 0x27 ? contractionEnd(text, at, end) : 0;
    if (next === 0) {
      next = at;
      if (unit === 0x20 && at + 1 < end) {
        unit = text.charCodeAt(at + 1);
        // One space belongs to what follows; more white space takes all of it but the last.
        if ((groupAt(text, at + 1, unit) & SPACE) === 0) next = at + 1;
      }
      const group = groupAt(text, next, unit);
      do {
        next += (unit & 0xfc00) === 0xd800 ? 2 : 1;
        if (next >= end) break;
        unit = text.charCodeAt(next);
      } while (groupAt(text, next, unit) === group);
      // No white space is astral, so that its last character is one unit.
      if (group === SPACE && next < end && next - at > 1) next--;
    }
    bounds.push(at, next);
    at = next;
  }
}

const groupAt = (text: string, at: number, unit: number): number =>
  (unit < 0x80 ? ascii[unit] : kindsOf(codeAt(text, at))) & GROUP;

/** Where the contraction ends that begins with the apostrophe at `at`, or 0. */
function contractionEnd(text: string, at: number, end: number): number {
  if (at + 1 >= end) return 0;
  const first = text[at + 1];
  if (first === 's' || first === 't' || first === 'm' || first === 'd') return at + 2;
  if (at + 2 >= end) return 0;
  const second = text[at + 2];
  const two = ((first === 'r' || first === 'v') && second === 'e') || (first === 'l' && second === 'l');
  return two ? at + 3 : 0;
}

const asciiAsBytes = Array.from({ length: 0x80 }, (_, byte) => byteToChar[byte]);

/**
 * The same pieces with their bytes written out in GPT-2's alphabet, for models and pre-tokenizers that read text.
 * Each byte has the origin of its character.
 */
export function materializeBytes(pieces: Pieces): Pieces {
  if (!pieces.byteLevel) return pieces;
  const { text } = pieces.text;
  if (/^[!-~]*$/.test(text)) return { ...pieces, byteLevel: false };
  let length = 0;
  for (let i = 0; i < text.length; i++) length += unitBytes(text.charCodeAt(i));
  const chunks: string[] = [];
  if (length === text.length) {
    for (let i = 0; i < length; i++) chunks.push(asciiAsBytes[text.charCodeAt(i)]);
    return { ...pieces, text: pieces.text.withText(chunks.join('')), byteLevel: false };
  }
  const starts = new Int32Array(length);
  const ends = new Int32Array(length);
  const bounds: number[] = [];
  const encoder = new TextEncoder();
  let written = 0;
  let bound = 0;
  for (let at = 0; at < text.length;) {
    while (pieces.bounds[bound] === at) bounds[bound++] = written;
    const code = codeAt(text, at);
    const [from, to] = [pieces.text.startOf(at), pieces.text.endOf(at)];
    const bytes = code < 0x80 ? [code] : encoder.encode(String.fromCodePoint(code));
    for (const byte of bytes) {
      chunks.push(byteToChar[byte]);
      starts[written] = from;
      ends[written++] = to;
    }
    at += code > 0xffff ? 2 : 1;
  }
  while (bound < pieces.bounds.length) bounds[bound++] = written;
  return {
    text: AlignedText.aligned(chunks.join(''), pieces.text.base, starts, ends),
    bounds,
    byteLevel: false,
  };
}

/** Bytes of UTF-8 that a UTF-16 unit takes; each half of a pair half of the four. */
const unitBytes = (unit: number): number => (unit < 0x80 ? 1 : unit < 0x800 || (unit & 0xf800) === 0xd800 ? 2 : 3);
