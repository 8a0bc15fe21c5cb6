import type { Bar } from './report/bar';
import type { Effort, Entry, Outcome } from './runner';
import type { Surroundings } from './surroundings';

export interface Report {
  /** For the terminal. */
  readonly text: string;
  /** For the chart. */
  readonly bars: readonly Bar[];
}

/** What is measured together: subjects that take turns. Several cases may report on one measurement. */
export interface Measurement {
  readonly entries: (surroundings: Surroundings) => readonly Entry[] | Promise<readonly Entry[]>;
  readonly quick: Effort;
  readonly full: Effort;
  /** Seconds that warming up takes, roughly; for the time that is left. */
  readonly warmUp: number;
}

export interface Case {
  readonly name: string;
  readonly title: string;
  readonly measurement: Measurement;
  readonly report: (outcomes: readonly Outcome[]) => Report;
  /** Left out unless everything is asked for, or it by its name. */
  readonly optional?: boolean;
}
