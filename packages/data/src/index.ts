export { chooseGrid, type GridCell, type PairLengths } from './grid';
export {
  GridBatches,
  type Cursor,
  type FilledCell,
  type GridBatch,
  type GridBatchesOptions,
  type Loader,
  type SequencePair,
} from './grid-batches';
export { padSequences } from './padding';
export { PairsError, parsePairs, type TextPair } from './parse-pairs';
export { shuffle } from './shuffle';
export { split } from './split';
