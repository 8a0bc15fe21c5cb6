export { Encoding, type OffsetUnit, type PaddingOptions, type Range, type TruncationOptions } from './encoding';
export { TokenizerError, type TokenizerErrorCode, type UnknownToken } from './error';
export type { Decoder, Model, Normalizer, PartJSON, PostProcessor, PreTokenizer } from './parts';
export type { Unit } from './unit';
export type { VocabularyDecodeOptions, VocabularyEncodeOptions, VocabularyEncoding } from './vocabulary-encoding';
export { specialIds, Vocabulary, type TrainOptions, type VocabularyJSON } from './vocabulary';
