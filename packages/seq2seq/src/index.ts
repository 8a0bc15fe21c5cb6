/** @packageDocumentation The encoder-decoder Transformer, decoding, sequence losses and metrics. */
export { editDistance, errorRate, type Judged, mismatchRate, type Sequence } from './error-rate';
export { type AutoregressiveModel, type DecodingCache, repeatRows } from './decoding/autoregressive-model';
export { GreedyDecoder, type GreedyDecoderOptions, greedyDecode, type GreedyOptions } from './decoding/greedy';
export { sequenceLoss, type SequenceLossOptions } from './sequence-loss';
export { Transformer, type TransformerOptions } from './transformer';
export { TransformerCache } from './transformer-cache';
