/** What encoding and decoding with a `tokenizer.json` need, and no more: no trainers, no other files. */
export { Encoding, type OffsetUnit, type PaddingOptions, type OffsetRange, type TruncationOptions } from './encoding';
export { TokenizerError, type TokenizerErrorCode, type UnknownToken } from './error';
export { bpe, roberta, sentencePieceBpe, unigram, wordLevel, wordPiece } from './encode-kits';
export { readTokenizer } from './read-encoder';
export type { Kit } from './kit';
export { type DecodeOptions, type EncodeOptions, type TextInput, Tokenizer, type TokenizerParts } from './tokenizer';
