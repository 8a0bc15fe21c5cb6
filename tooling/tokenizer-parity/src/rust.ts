import { Tokenizer } from 'tokenizers';

import type { Columns, Input } from './columns';
import type { TokenizerJson } from './tokenizer-json';

type RustEncoding = Awaited<ReturnType<Tokenizer['encode']>>;

export const rustTokenizer = (json: TokenizerJson): Tokenizer => Tokenizer.fromString(JSON.stringify(json));

/** What the Rust library makes of a batch. Its binding takes pairs one by one. */
export async function rustEncode(
  tokenizer: Tokenizer,
  inputs: readonly Input[],
  addSpecialTokens: boolean,
): Promise<RustEncoding[]> {
  const texts = inputs.filter((input): input is string => typeof input === 'string');
  if (texts.length === inputs.length) return tokenizer.encodeBatch(texts, { addSpecialTokens });
  return Promise.all(
    inputs.map((input) =>
      typeof input === 'string'
        ? tokenizer.encode(input, null, { addSpecialTokens })
        : tokenizer.encode(input[0], input[1], { addSpecialTokens }),
    ),
  );
}

const orNone = (value: number | null | undefined): number => value ?? -1;

export const rustColumns = (encoding: RustEncoding): Columns => ({
  ids: encoding.getIds(),
  tokens: encoding.getTokens(),
  offsets: encoding.getOffsets().flat(),
  wordIds: encoding.getWordIds().map(orNone),
  typeIds: encoding.getTypeIds(),
  specialTokensMask: encoding.getSpecialTokensMask(),
  attentionMask: encoding.getAttentionMask(),
  sequenceIds: encoding.getSequenceIds().map(orNone),
  overflowing: encoding.getOverflowing().map(rustColumns),
});
