import { type Progress, TrainingError } from './progress';

/** Judging a model on data that it is not fitted to. */
export interface Validation {
  /** Steps between validations; one more is made at the end. */
  readonly every: number;
  /** Judges the model as it is: metrics by name. What the signal interrupts may reject or give anything: it counts nothing. */
  run(signal?: AbortSignal): Promise<Readonly<Record<string, number>>>;
  /** Which of the metrics decides what is best. */
  readonly metric: string;
  /** Whether low values are good, as with losses and error rates, or high ones; `min` by default. */
  readonly mode?: 'min' | 'max';
  /** Ends the run after this many validations in a row without improvement; never by default. */
  readonly patience?: number;
  /** By how much the metric must improve to count; 0 by default: any improvement. */
  readonly minimumDelta?: number;
}

/** Whether the weights of this step are judged. */
export const isDue = ({ every }: Validation, step: number, steps: number): boolean =>
  step > 0 && (step % every === 0 || step === steps);

/** The progress after a validation. */
export function judge(validation: Validation, progress: Progress, metrics: Readonly<Record<string, number>>): Progress {
  const { metric, mode = 'min', patience = Infinity, minimumDelta = 0 } = validation;
  const value = metrics[metric];
  if (value === undefined) {
    throw new TrainingError(
      `fit: the validation gave no '${metric}', but ${Object.keys(metrics).join(', ') || 'nothing'}`,
    );
  }
  const { step, best } = progress;
  const gain = best === null ? Infinity : mode === 'min' ? best.value - value : value - best.value;
  // NaN is never better, and the first finite value always is.
  const improved = Number.isFinite(value) && (minimumDelta > 0 && best !== null ? gain >= minimumDelta : gain > 0);
  const stale = improved ? 0 : progress.stale + 1;
  return {
    ...progress,
    validated: step,
    best: improved ? { step, value } : best,
    stale,
    stoppedEarly: stale >= patience,
  };
}
