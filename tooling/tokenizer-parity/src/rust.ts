import { Tokenizer } from 'tokenizers';

import { type Columns, differences, type Input } from './columns';
import type { TokenizerJson } from './tokenizer-json';

type RustEncoding = Awaited<ReturnType<Tokenizer['encode']>>;

/** Tokenizers of the Rust library. */
export interface RustTokenizer {
  readonly whole: Tokenizer;
  /** Where there is truncation: the same without it, and without what comes after it. */
  readonly untruncated: Tokenizer | null;
}

export const rustTokenizer = (json: TokenizerJson): RustTokenizer => ({
  whole: Tokenizer.fromString(JSON.stringify(json)),
  untruncated:
    json.truncation === null
      ? null
      : Tokenizer.fromString(JSON.stringify({ ...json, truncation: null, padding: null, post_processor: null })),
});

/** What the Rust library makes of a batch. Its binding takes pairs one by one. */
export async function rustEncode(
  tokenizer: RustTokenizer,
  inputs: readonly Input[],
  addSpecialTokens: boolean,
): Promise<Columns[]> {
  const options = { addSpecialTokens };
  const { whole, untruncated } = tokenizer;
  const texts = inputs.filter((input): input is string => typeof input === 'string');
  const encodings =
    texts.length === inputs.length && untruncated === null
      ? await whole.encodeBatch(texts, options)
      : await Promise.all(
          inputs.map((input) =>
            typeof input === 'string' ? whole.encode(input, null, options) : whole.encode(input[0], input[1], options),
          ),
        );
  if (untruncated === null) return encodings.map(columnsOf);
  return Promise.all(encodings.map((encoding, i) => cutAfterwards(tokenizer, encoding, inputs[i], addSpecialTokens)));
}

/**
 * Versions 0.23.1 and 0.23.2 stop at the last token that could fit, and so lose what overflows, number words from there and
 * take texts for shorter than they are (huggingface/tokenizers#2091; mended in 0.23.3, of which there is no npm package).
 * Cutting all tokens afterwards, a call of its own, gives what all other versions give, but for the type ids of a second text.
 */
async function cutAfterwards(
  { whole, untruncated }: RustTokenizer,
  cut: RustEncoding,
  input: Input,
  addSpecialTokens: boolean,
): Promise<Columns> {
  const encode = (text: string): Promise<RustEncoding> => untruncated!.encode(text, null, { addSpecialTokens: false });
  if (typeof input === 'string') return columnsOf(whole.postProcess(await encode(input), null, addSpecialTokens));
  const columns = columnsOf(whole.postProcess(await encode(input[0]), await encode(input[1]), addSpecialTokens));
  const direct = columnsOf(cut);
  const asWell = { ...columns, typeIds: direct.typeIds, wordIds: direct.wordIds, overflowing: direct.overflowing };
  return {
    ...columns,
    typeIds: differences(direct, asWell).length === 0 ? direct.typeIds : null,
    overflowing: columns.overflowing.map((part) => ({ ...part, typeIds: null })),
  };
}

const orNone = (value: number | null | undefined): number => value ?? -1;

const columnsOf = (encoding: RustEncoding): Columns => ({
  ids: encoding.getIds(),
  tokens: encoding.getTokens(),
  offsets: encoding.getOffsets().flat(),
  wordIds: encoding.getWordIds().map(orNone),
  typeIds: encoding.getTypeIds(),
  specialTokensMask: encoding.getSpecialTokensMask(),
  attentionMask: encoding.getAttentionMask(),
  sequenceIds: encoding.getSequenceIds().map(orNone),
  overflowing: encoding.getOverflowing().map(columnsOf),
});
