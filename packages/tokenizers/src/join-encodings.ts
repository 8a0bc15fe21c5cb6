import { newColumns } from './columns';
import { Encoding, type EncodingSource, type Overflow, type RareColumns, type SequenceRange } from './encoding';
import { TokenizerError } from './error';

const MAX_PARTS = 100_000;

/**
 * One encoding of several, in order. Each overflowing part of one is joined to the whole and to each overflowing part of
 * the others, as the Rust library does it.
 */
export function joinEncodings(encodings: readonly Encoding[], source: EncodingSource): Encoding {
  if (encodings.length === 1) return encodings[0];
  if (encodings.every(({ overflows }) => !overflows)) return concatenate(encodings, source, []);
  return encodings.reduce((joined, next) => joinTwo(joined, next, source));
}

function joinTwo(left: Encoding, right: Encoding, source: EncodingSource): Encoding {
  return concatenate(
    [left, right],
    source,
    left.overflows || right.overflows ? () => combine(left, right, source) : [],
  );
}

function combine(left: Encoding, right: Encoding, source: EncodingSource): Encoding[] {
  if ((1 + left.overflowing.length) * (1 + right.overflowing.length) > MAX_PARTS) {
    throw new TokenizerError(
      'invalid-option',
      `truncation: the pair has more than ${MAX_PARTS} overflowing parts; make maxLength larger, or cut one text only`,
    );
  }
  const parts: Encoding[] = [];
  for (const part of left.overflowing) {
    parts.push(joinTwo(part, right, source));
    for (const other of right.overflowing) parts.push(joinTwo(part, other, source));
  }
  for (const other of right.overflowing) parts.push(joinTwo(left, other, source));
  return parts;
}

function concatenate(encodings: readonly Encoding[], source: EncodingSource, overflowing: Overflow): Encoding {
  let n = 0;
  for (const encoding of encodings) n += encoding.length;
  const columns = newColumns(n);
  const rare: RareColumns = {};
  let texts: Map<number, string> | undefined;
  const ranges: SequenceRange[] = [];
  let at = 0;
  for (const encoding of encodings) {
    const parts = Encoding.parts(encoding);
    const { length } = encoding;
    const { typeIds, specialTokensMask, attentionMask } = parts.rare;
    for (let column = 0; column < 4; column++) {
      for (let i = 0; i < length; i++) columns[column * n + at + i] = parts.columns[column * length + i];
    }
    if (typeIds !== undefined) (rare.typeIds ??= new Int32Array(n)).set(typeIds, at);
    if (specialTokensMask !== undefined) (rare.specialTokensMask ??= new Uint8Array(n)).set(specialTokensMask, at);
    if (attentionMask !== undefined) (rare.attentionMask ??= new Uint8Array(n).fill(1)).set(attentionMask, at);
    for (const [i, text] of parts.texts) {
      if (source.nameOf(encoding.ids[i]) !== text) (texts ??= new Map<number, string>()).set(at + i, text);
    }
    for (const [sequence, start, end] of parts.ranges) ranges.push([sequence, at + start, at + end]);
    at += length;
  }
  return new Encoding(columns, source, texts, ranges, rare, overflowing);
}
