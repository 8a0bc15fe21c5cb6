/** @packageDocumentation Optimisers and schedules: AdamW, SGD, Noam, cosine, clipping, averages of weights, accumulation. */
export { Adam, type AdamOptions, AdamW } from './adam';
export { biasCorrection } from './bias-correction';
export { clipFactor, globalNorm } from './clip';
export { ExponentialMovingAverage, type ExponentialMovingAverageOptions } from './exponential-moving-average';
export { GradientAccumulator } from './gradient-accumulator';
export { Optimizer, type OptimizerOptions, type UpdateContext, type UpdateReport } from './optimizer';
export {
  type AnnealingOptions,
  constant,
  cosine,
  inverseSquareRoot,
  linear,
  noam,
  type NoamOptions,
  type Schedule,
  type WarmupOptions,
} from './schedules';
export { SGD, type SGDOptions } from './sgd';
export type { TorchParameterGroup, TorchRules, TorchState, TorchStateOptions, TorchTensor } from './torch-layout';
export { loadTorchState, type LoadTorchStateOptions, toTorchState } from './torch-state';
export {
  flattenTorchState,
  type TorchStateFile,
  type TorchStateTensors,
  unflattenTorchState,
} from './torch-state-file';
