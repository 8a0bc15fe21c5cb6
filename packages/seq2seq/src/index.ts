/** @packageDocumentation The encoder-decoder Transformer, decoding, sequence losses and metrics. */
export { editDistance, errorRate, type Judged, mismatchRate, type Sequence } from './error-rate';
export { type AutoregressiveModel, type DecodingCache, repeatRows } from './decoding/autoregressive-model';
export { GreedyDecoder, type GreedyDecoderOptions, greedyDecode, type GreedyOptions } from './decoding/greedy';
export { sequenceLoss, type SequenceLossOptions } from './sequence-loss';
export { CausalCache } from './models/causal-cache';
export {
  type CausalForwardOptions,
  CausalTransformer,
  type CausalTransformerOptions,
} from './models/causal-transformer';
export { CharacterEncoder, type CharacterEncoderOptions } from './models/character-encoder';
export {
  ConvolutionalEncoder,
  type ConvolutionalEncoderOptions,
  ConvolutionalLayer,
  type ConvolutionalLayerOptions,
} from './models/convolutional-encoder';
export type { EncoderKind, SequenceEncoder } from './models/encoder-kinds';
export {
  EncoderModel,
  type EncodeOptions,
  type EncoderModelOptions,
  type EncoderOutputs,
  type Pooling,
} from './models/encoder-model';
export type { ModelOptions, PositionKind } from './models/model-options';
export type { PaddingOptions } from './models/padding';
export { transformerPresets } from './models/presets';
export {
  RecurrentEncoder,
  type RecurrentEncoderOptions,
  RecurrentLayer,
  type RecurrentLayerOptions,
} from './models/recurrent-encoder';
export { SequenceClassifier, type SequenceClassifierOptions } from './models/sequence-classifier';
export { TokenClassifier, type TokenClassifierOptions } from './models/token-classifier';
export {
  type CrossAttentionWiring,
  type DecodeTargetOptions,
  Transformer,
  type TransformerOptions,
} from './transformer';
export { TransformerCache } from './transformer-cache';
