export { bpeFilesToTokenizerJson, readBpeFiles, writeBpeFiles, type BpeFiles, type BpeFilesOptions } from './bpe-files';
export { readSentencePiece, writeSentencePiece, type SentencePieceModel } from './sentencepiece';
export { tokenizerJsonToSentencePiece } from './sentencepiece-from-json';
export { sentencePieceToTokenizerJson } from './sentencepiece-json';
export {
  readTiktoken,
  tiktokenToTokenizerJson,
  writeTiktoken,
  type TiktokenOptions,
  type TiktokenRanks,
} from './tiktoken';
export { tiktokenPresets } from './tiktoken-presets';
export {
  readWordPieceFile,
  wordPieceToTokenizerJson,
  writeWordPieceFile,
  type WordPieceOptions,
  type WordPieceVocab,
} from './wordpiece-file';
