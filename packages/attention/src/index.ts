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
export { Decoder, type DecoderCache, type DecoderOptions, type Memory } from './decoder';
export { DecoderLayer, type DecoderLayerCache, type DecoderLayerOptions, type DecodeOptions } from './decoder-layer';
export { DropPath, type DropPathOptions } from './drop-path';
export { Encoder, type EncoderOptions } from './encoder';
export { EncoderLayer, type EncoderLayerOptions, type StepOptions } from './encoder-layer';
export { FeedForward, type FeedForwardOptions } from './feed-forward';
export { type CachedAttention, KeyValueCache, type KeyValueCacheOptions } from './key-value-cache';
export type { LayerAttentionOptions, LayerOptions } from './layer-options';
export { LayerScale, type LayerScaleOptions } from './layer-scale';
export { LayerStack, type LayerStackOptions } from './layer-stack';
export {
  causalMask,
  documentMask,
  graphMask,
  type Mask,
  paddingMask,
  prefixMask,
  windowMask,
  type WindowMaskOptions,
} from './masks';
export {
  type AttendOptions,
  type CachedAttendOptions,
  MultiHeadAttention,
  type MultiHeadAttentionOptions,
} from './multi-head-attention';
export { createNorm, type Norm, type NormName } from './norm';
export { type AttentionNormalization, normalizeScores } from './normalize-scores';
export { AlibiPositions, type AlibiPositionsOptions, alibiSlopes } from './positions/alibi-positions';
export type { AttentionPositions } from './positions/attention-positions';
export {
  BucketedRelativePositions,
  type BucketedRelativePositionsOptions,
} from './positions/bucketed-relative-positions';
export { ClippedRelativePositions, type ClippedRelativePositionsOptions } from './positions/clipped-relative-positions';
export { GridPositions, type GridPositionsOptions, gridTable } from './positions/grid-positions';
export type { InputPositions } from './positions/input-positions';
export { LearnedPositions, type LearnedPositionsOptions } from './positions/learned-positions';
export { RotaryPositions, type RotaryPositionsOptions } from './positions/rotary-positions';
export {
  SinusoidalPositions,
  type SinusoidalPositionsOptions,
  sinusoidalTable,
} from './positions/sinusoidal-positions';
export { type Normalization, ResidualLayer, type ResidualOptions } from './residual';
export { TransparentAttention, type TransparentAttentionOptions } from './transparent-attention';
