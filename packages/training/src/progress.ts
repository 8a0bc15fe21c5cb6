import type { Cursor } from '@qkv/data';

/** Where a run stands: what a checkpoint keeps beside the Variables. */
export interface Progress {
  /** Updates made. */
  readonly step: number;
  /** The next batch to come. */
  readonly cursor: Cursor;
  /** The step of the last validation; 0 before the first. */
  readonly validated: number;
  /** The best validation so far. */
  readonly best: { readonly step: number; readonly value: number } | null;
  /** Validations since the best one. */
  readonly stale: number;
  /** Whether the run has ended because validations stopped improving. */
  readonly stoppedEarly: boolean;
  /** Counters of compiled functions, by name: their random numbers depend on them. */
  readonly counters: Readonly<Record<string, number>>;
  /** Lengths of the metrics logs, by name. */
  readonly logs: Readonly<Record<string, number>>;
}

/** A run that cannot go on; the last checkpoint is as it was. */
export class TrainingError extends Error {
  override readonly name = 'TrainingError';
}

export const beginning: Progress = {
  step: 0,
  cursor: { epoch: 0, batch: 0 },
  validated: 0,
  best: null,
  stale: 0,
  stoppedEarly: false,
  counters: {},
  logs: {},
};

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isCounts = (value: unknown): boolean => isRecord(value) && Object.values(value).every(isCount);

const rules: { readonly [K in keyof Progress]: (value: unknown) => boolean } = {
  step: isCount,
  cursor: (value) => isRecord(value) && isCount(value.epoch) && isCount(value.batch),
  validated: isCount,
  best: (value) => value === null || (isRecord(value) && isCount(value.step) && Number.isFinite(value.value)),
  stale: isCount,
  stoppedEarly: (value) => typeof value === 'boolean',
  counters: isCounts,
  logs: isCounts,
};

/** What a checkpoint says of its progress, checked. Gives the name of the first field that is not as it should be. */
export function parseProgress(text: string): Progress | { readonly wrong: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { wrong: 'progress' };
  }
  if (!isRecord(value)) return { wrong: 'progress' };
  const wrong = Object.entries(rules).find(([name, holds]) => !holds(value[name]))?.[0];
  return wrong === undefined ? (value as unknown as Progress) : { wrong: `progress.${wrong}` };
}
