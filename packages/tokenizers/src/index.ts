export type { AddedToken } from './added-tokens';
export { DecodeStream, decodeStream, type DecodeStreamOptions } from './decode-stream';
export { Encoding, type OffsetUnit, type PaddingOptions, type OffsetRange, type TruncationOptions } from './encoding';
export { TokenizerError, type TokenizerErrorCode, type UnknownToken } from './error';
export { BPE, type BpeOptions } from './models/bpe';
export { nBest, sampling } from './models/lattice';
export { type Chooser, type Segmentation, Unigram, type UnigramOptions } from './models/unigram';
export type { Vocab } from './models/vocab';
export { WordLevel, type WordLevelOptions } from './models/word-level';
export { WordPiece, type WordPieceOptions } from './models/word-piece';
export * as decoders from './decoders';
export * as files from './files';
export type { AddedTokenJSON, TokenizerJSON } from './files/tokenizer-json';
export * as normalizers from './normalizers';
export * as postProcessors from './post-processors';
export * as preTokenizers from './pre-tokenizers';
export type { Decoder, Model, Normalizer, PartJSON, PostProcessor, PreTokenizer } from './parts';
export { tokenizerPresets, type TokenizerPreset, trainTokenizer, type TrainTokenizerOptions } from './train-tokenizer';
export { piecesOf } from './pieces-of';
export { readTokenizer } from './read-tokenizer';
export { readTokenizerFile, type ReadTokenizerFileOptions, type TiktokenEncoding } from './read-tokenizer-file';
export { type DecodeOptions, type EncodeOptions, type TextInput, Tokenizer, type TokenizerParts } from './tokenizer';
export { AlignedText } from './text/aligned-text';
export type { Pieces } from './text/pieces';
export { TextEditor } from './text/text-editor';
export type { TokenSink } from './token-sink';
export {
  type BpeTrainingOptions,
  type OnProgress,
  trainBpe,
  type TrainedBpe,
  type TrainedUnigram,
  type TrainingProgress,
  trainUnigram,
  trainWordLevel,
  trainWordPiece,
  type UnigramTrainingOptions,
  type WordCounts,
  type WordLevelTrainingOptions,
  type WordPieceTrainingOptions,
} from './training';
export type { Unit } from './unit';
export type { VocabularyDecodeOptions, VocabularyEncodeOptions, VocabularyEncoding } from './vocabulary-encoding';
export { specialIds, Vocabulary, type TrainOptions, type VocabularyJSON } from './vocabulary';
