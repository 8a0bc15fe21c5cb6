import type { Report } from '../case';
import { type Outcome, samplesOf } from '../runner';
import { median } from '../statistics';
import { alive, failures, number, spread, table } from './table';

/** What the machine can do at most, beside which everything else is to be read. */
export function machineReport(outcomes: readonly Outcome[]): Report {
  const rows = alive(outcomes).flatMap((outcome) =>
    Object.keys(outcome.rounds[0])
      .filter((name) => / (GFLOP|GB)\/s$/.test(name))
      .map((name) => {
        const samples = samplesOf(outcome, name);
        const unit = name.split(' ').at(-1)!;
        return [
          name.slice(0, -unit.length - 1),
          outcome.runtime,
          number(median(samples)),
          spread(samples, number),
          unit,
        ];
      }),
  );
  const head = ['peak', 'runtime', 'median', 'quartiles', ''];
  return { text: [table(head, rows), ...failures(outcomes)].join('\n'), bars: [] };
}
