export type { DecodeOptions, EncodeOptions, Encoding } from './encoding';
export { TokenizerError, type TokenizerErrorCode, type UnknownToken } from './error';
export type { Unit } from './unit';
export { specialIds, Vocabulary, type TrainOptions, type VocabularyJSON } from './vocabulary';
