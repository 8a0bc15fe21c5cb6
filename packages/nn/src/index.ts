/** @packageDocumentation Modules and layers: Linear, Embedding, LayerNorm, Dropout, activations, losses, initialisers, capture. */
export { activation, type ActivationName } from './activation';
export { capture, type Captured, type CapturedValue, type CapturePaths, patch, type Patch } from './capture';
export { expectLastDimension, expectSize } from './check';
export { Conv1d, type Conv1dOptions } from './conv1d';
export { Conv2d, type Conv2dOptions } from './conv2d';
export type { ConvolutionOptions } from './convolution';
export { crossEntropy, type CrossEntropyOptions } from './cross-entropy';
export { distillation, type DistillationOptions } from './distillation';
export { Dropout, type DropoutOptions } from './dropout';
export { binaryCrossEntropyWithLogits, meanSquaredError } from './element-losses';
export { Embedding, type EmbeddingOptions } from './embedding';
export { GRU, type GRUState } from './gru';
export { type Initializer, kaimingUniform, normal, ones, uniform, xavierUniform, zeros } from './initializers';
export { LayerNorm, type LayerNormOptions } from './layer-norm';
export { Linear, type LinearOptions } from './linear';
export { Loss } from './loss';
export { LSTM, type LSTMState } from './lstm';
export { initialize, Module } from './module';
export {
  averagePool1d,
  averagePool2d,
  globalAveragePool,
  globalMaxPool,
  maxPool1d,
  maxPool2d,
  type PoolOptions,
} from './pooling';
export type { RecurrentInputs, RecurrentOptions, RecurrentOutput, RecurrentState } from './recurrent';
export { modulePaths } from './module-paths';
export { RMSNorm, type RMSNormOptions } from './rms-norm';
export {
  type LoadableEntry,
  loadStateDict,
  type StateEntry,
  stateDict,
  type Stateful,
  type StateOptions,
} from './state-dict';
export { isTapped, tap } from './tap';
export { isModule } from './tree';
export { WindowNetwork, type WindowNetworkOptions } from './window-network';
