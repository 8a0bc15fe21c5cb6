/** @packageDocumentation The training loop: it is given a step, and knows no model. */
export { averageCheckpoints, type AverageCheckpointsOptions, averageStateDicts } from './average-checkpoints';
export { type CheckpointStore, type CheckpointFile, CheckpointError, checkpointFormat } from './checkpoint';
export { fit, type FitEvents, type FitOptions, type FitResult, type Report } from './fit';
export { type MetricsLog, type MetricsRecord } from './metrics';
export { type Progress, TrainingError } from './progress';
export { trainingStep, type TrainingStep, type TrainingStepOptions } from './training-step';
export { type Validation } from './validation';
export { encodeEvent, encodeFileVersion } from './tensorboard';
