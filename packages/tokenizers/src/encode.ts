/** What encoding and decoding with a `tokenizer.json` need, and no more: no trainers, no other files. */
export { Encoding, type OffsetUnit, type PaddingOptions, type Range, type TruncationOptions } from './encoding';
export { TokenizerError, type TokenizerErrorCode, type UnknownToken } from './error';
export { readTokenizer } from './read-encoder';
export { type DecodeOptions, type EncodeOptions, type TextInput, Tokenizer, type TokenizerParts } from './tokenizer';
