/** @packageDocumentation Multi-head attention, masks, positions, encoder and decoder layers, key-value cache. */
export {
  attend,
  type AttendHeadsOptions,
  type AttentionFormula,
  attentionScores,
  attentionWeights,
  type HeadsOptions,
} from './attend';
export type { AttentionScore } from './attention-score';
export { Decoder, type DecoderCache, type DecoderOptions } from './decoder';
export { DecoderLayer, type DecoderLayerCache, type DecoderLayerOptions, type DecodeOptions } from './decoder-layer';
export { Encoder, type EncoderOptions } from './encoder';
export { EncoderLayer, type EncoderLayerOptions } from './encoder-layer';
export { FeedForward, type FeedForwardOptions } from './feed-forward';
export { type CachedAttention, KeyValueCache, type KeyValueCacheOptions } from './key-value-cache';
export {
  causalMask,
  documentMask,
  graphMask,
  type Mask,
  paddingMask,
  prefixMask,
  windowMask,
  type WindowMaskOptions,
  type WindowOptions,
} from './masks';
export {
  type AttendOptions,
  type CachedAttendOptions,
  MultiHeadAttention,
  type MultiHeadAttentionOptions,
} from './multi-head-attention';
export { SinusoidalPositions, type SinusoidalPositionsOptions, sinusoidalTable } from './positions';
export { type Normalization, ResidualLayer, type ResidualOptions } from './residual';
