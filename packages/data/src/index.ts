export { chooseGrid, type GridCell, type PairLengths } from './grid';
export { GridBatches, type GridBatch, type GridBatchesOptions, type Loader, type SequencePair } from './grid-batches';
export { GridSchedule, type Cursor, type FilledCell, type GridScheduleOptions, type GridSlot } from './grid-schedule';
export { padFrames, padSequences } from './padding';
export { PairsError, parsePairs, type TextPair } from './parse-pairs';
export { shuffle } from './shuffle';
export { split } from './split';
export { DataFormatError } from './format-error';
export { formatConllu } from './format-conllu';
export { parseConllu } from './parse-conllu';
export type { ConlluDependency, ConlluEmptyNode, ConlluRange, ConlluSentence, ConlluWord } from './conllu';
export { parseColumns, type TaggedSentence } from './parse-columns';
export { parseLabelledLines, type LabelledLinesOptions, type LabelledText } from './parse-labelled-lines';
export type { TextOptions } from './text-lines';
export { adjacencyMatrix, featureMatrix, parseGraph, type GraphData } from './parse-graph';
export { mixDown, parseWav, WavError, type Waveform, type SampleFormat } from './parse-wav';
export { writeWav } from './write-wav';
export { RealFft, type Spectrum } from './fft';
export { hertzToMel, melFilters, melToHertz, type MelFiltersOptions, type MelScale } from './mel';
export { deltas, mfcc, type MfccOptions } from './mfcc';
export {
  logMelSpectrogram,
  powerSpectrogram,
  type Frames,
  type LogMelOptions,
  type SpectrogramOptions,
} from './spectrogram';
export { windowFunction, type WindowName } from './window-function';
