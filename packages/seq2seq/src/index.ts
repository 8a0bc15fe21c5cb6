/** @packageDocumentation The encoder-decoder Transformer, decoding, sequence losses and metrics. */
export { editDistance, errorRate, type Judged, mismatchRate, type Sequence } from './metrics/error-rate';
export { type AutoregressiveModel, type DecodingCache, repeatRows } from './decoding/autoregressive-model';
export { GreedyDecoder, greedyDecode, type GreedyOptions } from './decoding/greedy';
export { BeamDecoder, type BeamOptions } from './decoding/beam';
export type { StopRule } from './decoding/beam-group';
export type { Hypothesis } from './decoding/hypothesis';
export {
  type ConstraintOptions,
  type DecodingContext,
  forbidRepeatedNgrams,
  forbidTokens,
  type LogitProcessor,
  minimumLength,
  repetitionPenalty,
} from './decoding/logit-processors';
export { SamplingDecoder, type SamplingCall, type SamplingOptions } from './decoding/sampling';
export { keepMinP, keepTopK, keepTopP, temperature } from './decoding/sampling-filters';
export { type DecodeCall, type DecoderOptions, type Search, SequenceDecoder } from './decoding/sequence-decoder';
export { MaskPredictDecoder, type MaskPredictOptions } from './non-autoregressive/mask-predict';
export {
  type MaskedLosses,
  type MaskedLossOptions,
  type NonAutoregressiveOptions,
  NonAutoregressiveTransformer,
} from './non-autoregressive/non-autoregressive-transformer';
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
export { type CrossAttentionWiring, Transformer, type TransformerOptions } from './transformer';
export { TransformerCache } from './transformer-cache';
export {
  type Candidates,
  CandidateSampler,
  type CandidateSamplerOptions,
  type Judge,
} from './objectives/candidate-sampler';
export { guidedAttentionLoss, type GuidedAttentionOptions } from './objectives/guided-attention';
export { minimumRiskLoss, type MinimumRiskOptions } from './objectives/minimum-risk';
export {
  exponentialDecay,
  inverseSigmoidDecay,
  linearDecay,
  type LinearDecayOptions,
  type SamplingSchedule,
} from './objectives/sampling-schedules';
export { scheduledSampling, type ScheduledSamplingOptions } from './objectives/scheduled-sampling';
export { selfCriticalLoss, type SelfCriticalOptions } from './objectives/self-critical';
export { sequenceLogProbabilities } from './objectives/sequence-log-probabilities';
export { CopyMechanism, type CopyMechanismOptions } from './copy/copy-mechanism';
export { CopyCache, CopyTransformer, type CopyTransformerOptions } from './copy/copy-transformer';
export { ExtendedVocabulary, type ExtendedVocabularyOptions } from './copy/extended-vocabulary';
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
