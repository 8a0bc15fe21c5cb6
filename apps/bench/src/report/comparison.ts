import type { Report } from '../case';
import { type Outcome, samplesOf } from '../runner';
import { median, summarize } from '../statistics';
import type { Item } from '../workload.mjs';
import { type Bar, formatRatio, othersOf, pairedRatio, verdictOf } from './bar';
import { about, alive, brief, failures, number, peakLines, percent, spread, table } from './table';

export interface ComparisonOptions {
  readonly items: readonly Item[];
  /** What of an item is counted, and its unit per second. */
  readonly count: 'flops' | 'bytes';
  /** Whether the time within kernels is a column, too. */
  readonly kernels?: boolean;
}

const UNITS = { flops: 'GFLOP/s', bytes: 'GB/s' };

/** One line for each item: ours, and the others' time ÷ ours. Behind is who was faster than we in three rounds of four. */
export function comparison(outcomes: readonly Outcome[], options: ComparisonOptions): Report {
  const { count, kernels = false } = options;
  const items = options.items.filter(({ name }) => outcomes.some((outcome) => wasAsked(outcome, name)));
  const allBars: Bar[] = [];
  const parts = outcomes
    .filter(({ baseline, rounds }) => baseline && rounds.length > 0)
    .map((ours) => {
      const others = othersOf(outcomes, ours);
      const bars: Bar[] = [];
      const rows = items.map((item) => {
        const times = samplesOf(ours, `${item.name} ms`);
        const speeds = times.map((ms) => item[count] / ms / 1e6);
        const peaks = samplesOf(ours, `${item.name} peak`);
        const inside = samplesOf(ours, `${item.name} kernels`);
        const behind: string[] = [];
        const cells = others.map((other) => {
          const ratio = pairedRatio(other, `${item.name} ms`, ours, `${item.name} ms`);
          if (ratio === null)
            return `failed: ${item.name}` in other.facts || other.rounds.length === 0 ? 'FAILED' : '–';
          bars.push({ item: item.name, subject: other.label, ratio });
          if (verdictOf(ratio) === 'behind') behind.push(other.label);
          return formatRatio(ratio);
        });
        return [
          item.name,
          brief(median(times)),
          spread(times),
          number(median(speeds)),
          percent(median(speeds.map((speed, i) => speed / peaks[i]))),
          ...(kernels ? [percent(median(inside.map((ms, i) => item[count] / ms / 1e6 / peaks[i])))] : []),
          ...cells,
          behind.length > 0 ? behind.join(', ') : times.length > 0 ? '' : 'not measured',
        ];
      });
      const head = [
        `${ours.label}, ${ours.runtime}`,
        'ms',
        'quartiles',
        UNITS[count],
        'of bound',
        ...(kernels ? ['kernels'] : []),
        ...others.map(({ label }) => `${label} ÷`),
        'behind',
      ];
      if (allBars.length === 0) allBars.push(...bars); // the chart shows one Node
      return `${table(head, rows)}\n${standings(others, bars)}`;
    });
  const notes = [
    ...peakLines(outcomes, UNITS[count]),
    ...busyLines(outcomes, items),
    ...about(outcomes),
    ...failures(outcomes),
  ];
  return { text: [...parts, notes.join('\n')].join('\n\n'), bars: allBars };
}

/** Whether there is a figure or a message: some sizes are left out by default. */
const wasAsked = ({ rounds, facts }: Outcome, item: string): boolean =>
  `failed: ${item}` in facts || rounds.some((series) => `${item} ms` in series);

/** In how many items each of the others is faster, equal or slower. */
function standings(others: readonly Outcome[], bars: readonly Bar[]): string {
  const lines = alive(others).map(({ label }) => {
    const ratios = bars.filter(({ subject }) => subject === label).map(({ ratio }) => ratio);
    const count = (wanted: string): number => ratios.filter((ratio) => verdictOf(ratio) === wanted).length;
    const { q1, median: middle, q3 } = summarize(ratios.map((ratio) => ratio.median));
    return `${label}: we are behind in ${count('behind')}, even in ${count('even')}, ahead in ${count('ahead')} of ${ratios.length}; its time ÷ ours is ${middle.toFixed(2)} (${q1.toFixed(2)}–${q3.toFixed(2)} over these)`;
  });
  return lines.join('\n');
}

/** Whether those that were given threads used them: in the item that kept most cores busy. */
function busyLines(outcomes: readonly Outcome[], items: readonly Item[]): string[] {
  return alive(outcomes)
    .filter(({ threads = 1 }) => threads > 1)
    .map((outcome) => {
      const busy = items.map(({ name }) => {
        const times = samplesOf(outcome, `${name} ms`);
        const cores = median(samplesOf(outcome, `${name} cpu`).map((cpu, i) => cpu / times[i]));
        return { name, cores: Number.isFinite(cores) ? cores : 0 };
      });
      const most = busy.reduce((best, one) => (one.cores > best.cores ? one : best));
      return `${outcome.label} on ${outcome.runtime} kept at most ${number(most.cores)} cores busy (${most.name})`;
    });
}
