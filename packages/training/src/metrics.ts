/** One line of the metrics: the step they belong to, and numbers by name. */
export interface MetricsRecord {
  /** Updates made. */
  readonly step: number;
  readonly [metric: string]: number;
}

/**
 * Where metrics go, in the order of the steps. Its length is saved with each checkpoint, and a run that goes on from
 * there cuts what was written behind: no step stands twice.
 */
export interface MetricsLog {
  write(record: MetricsRecord): void;
  /** Makes what was written durable, and gives the length so far. */
  sync(): Promise<number>;
  /** Forgets what stands behind this length, 0 when a run begins. */
  truncate(length: number): Promise<void>;
}
