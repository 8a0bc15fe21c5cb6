/** @packageDocumentation Optimisers and schedules: AdamW, SGD, Noam, cosine, clipping. */
export { Adam, type AdamOptions, AdamW } from './adam';
export { biasCorrection } from './bias-correction';
export { clipFactor, globalNorm } from './clip';
export { Optimizer, type OptimizerOptions, type UpdateContext, type UpdateReport } from './optimizer';
export { type AnnealingOptions, cosine, linear, noam, type NoamOptions, type Schedule } from './schedules';
export { SGD, type SGDOptions } from './sgd';
