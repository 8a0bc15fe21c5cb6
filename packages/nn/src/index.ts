/** @packageDocumentation Modules and layers: Linear, Embedding, LayerNorm, Dropout, activations, losses, initialisers, capture. */
export { activation, type ActivationName } from './activation';
export { capture, type Captured, type CapturedValue, type CapturePaths, patch, type Patch } from './capture';
export { expectLastDimension, expectSize } from './check';
export { crossEntropy, type CrossEntropyOptions } from './cross-entropy';
export { Dropout, type DropoutOptions } from './dropout';
export { binaryCrossEntropyWithLogits, meanSquaredError } from './element-losses';
export { Embedding, type EmbeddingOptions } from './embedding';
export { type Initializer, kaimingUniform, normal, ones, uniform, xavierUniform, zeros } from './initializers';
export { LayerNorm, type LayerNormOptions } from './layer-norm';
export { Linear, type LinearOptions } from './linear';
export { Loss } from './loss';
export { initialize, Module } from './module';
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
