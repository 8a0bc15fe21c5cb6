export { trainBpe, type BpeTrainingOptions, type TrainedBpe } from './bpe';
export type { OnProgress, TrainingProgress, WordCounts } from './options';
export { trainUnigram, type TrainedUnigram, type UnigramTrainingOptions } from './unigram';
export { trainWordLevel, type WordLevelTrainingOptions } from './word-level';
export { trainWordPiece, type WordPieceTrainingOptions } from './word-piece';
