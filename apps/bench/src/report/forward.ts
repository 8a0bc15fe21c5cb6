import type { Report } from '../case';
import { type Outcome, samplesOf } from '../runner';
import { quantile, summarize } from '../statistics';
import { FORWARD } from '../workload.mjs';
import { comparison } from './comparison';
import { alive, brief, spread, table } from './table';

/** The comparison, and a table of single-input latency by itself: there the rare case matters, too. */
export function forwardReport(outcomes: readonly Outcome[]): Report {
  const { text, bars } = comparison(outcomes, { items: FORWARD, count: 'flops' });
  const one = FORWARD.at(-1)!;
  const rows = alive(outcomes).map((outcome) => {
    const times = samplesOf(outcome, `${one.name} ms`);
    const { median, samples } = summarize(times);
    return [
      outcome.label,
      outcome.runtime,
      brief(median),
      spread(times),
      brief(quantile(times, 0.9)),
      brief(Math.max(...times)),
      String(samples),
    ];
  });
  const head = [`latency of one, mean of ${one.calls}`, 'runtime', 'ms', 'quartiles', '90 %', 'slowest', 'samples'];
  return { text: `${table(head, rows)}\n\n${text}`, bars };
}
