/** @packageDocumentation The encoder-decoder Transformer, decoding, sequence losses and metrics. */
export { editDistance, errorRate, type Judged, mismatchRate, type Sequence } from './metrics/error-rate';
export { GreedyDecoder, type GreedyDecoderOptions, greedyDecode, type GreedyOptions } from './greedy';
export { sequenceLoss, type SequenceLossOptions } from './sequence-loss';
export { Transformer, type TransformerOptions } from './transformer';
export { TransformerCache } from './transformer-cache';
export { Bleu, type BleuOptions, type BleuScore } from './metrics/bleu';
export { ChrF, type ChrFOptions } from './metrics/chrf';
export { type MetricScore, type Segment, SegmentMetric } from './metrics/segment-metric';
export { Ter, type TerOptions, type TerScore } from './metrics/ter';
export type { BleuTokenizer } from './metrics/tokenize';
export {
  type ConfidenceInterval,
  confidenceInterval,
  type PairedTest,
  pairedTest,
  type PairedTestOptions,
  type ResamplingOptions,
} from './metrics/significance';
