/** @packageDocumentation Multi-head attention, masks, positions, encoder and decoder layers, key-value cache. */
export { Decoder, type DecoderCache, type DecoderOptions } from './decoder';
export { DecoderLayer, type DecoderLayerCache, type DecoderLayerOptions, type DecodeOptions } from './decoder-layer';
export { Encoder, type EncoderOptions } from './encoder';
export { EncoderLayer, type EncoderLayerOptions } from './encoder-layer';
export { FeedForward, type FeedForwardOptions } from './feed-forward';
export { KeyValueCache, type KeyValueCacheOptions } from './key-value-cache';
export { causalMask, paddingMask } from './masks';
export {
  type AttendOptions,
  type CachedAttendOptions,
  MultiHeadAttention,
  type MultiHeadAttentionOptions,
} from './multi-head-attention';
export { SinusoidalPositions, type SinusoidalPositionsOptions, sinusoidalTable } from './positions';
export { type Normalization, ResidualLayer, type ResidualOptions } from './residual';
