import type { Outcome } from '../runner';
import { median, ratios, summarize, type Summary } from '../statistics';

/** How another does beside qkv: its time ÷ ours, from turns that followed each other. */
export interface Bar {
  readonly item: string;
  readonly subject: string;
  readonly ratio: Summary;
}

/** Whether half of all rounds, and more, say the same. */
export type Verdict = 'ahead' | 'even' | 'behind';

export function verdictOf({ q1, q3 }: Summary): Verdict {
  if (q1 > 1) return 'ahead';
  return q3 < 1 ? 'behind' : 'even';
}

export const roundMedians = ({ rounds }: Outcome, name: string): number[] =>
  rounds.map((series) => median(series[name] ?? []));

/** Other ÷ baseline, round by round, over the rounds that both took part in. Null where one of them has none. */
export function pairedRatio(other: Outcome, otherName: string, baseline: Outcome, name: string): Summary | null {
  const [numerators, denominators] = [roundMedians(other, otherName), roundMedians(baseline, name)];
  const rounds = Math.min(numerators.length, denominators.length);
  const values = ratios(numerators.slice(0, rounds), denominators.slice(0, rounds)).filter(Number.isFinite);
  return values.length === 0 ? null : summarize(values);
}

/** `1.25 (1.20–1.31)`: median and quartiles. */
export function formatRatio({ median: middle, q1, q3 }: Summary): string {
  return `${middle.toFixed(2)} (${q1.toFixed(2)}–${q3.toFixed(2)})`;
}

/** Those that are compared with a baseline: under the same Node, or under none, which go with the first. */
export function othersOf(outcomes: readonly Outcome[], baseline: Outcome): Outcome[] {
  const baselines = outcomes.filter((outcome) => outcome.baseline);
  const nodes = new Set(baselines.map(({ runtime }) => runtime));
  return outcomes.filter(
    (outcome) =>
      outcome !== baseline &&
      (outcome.runtime === baseline.runtime || (baseline === baselines[0] && !nodes.has(outcome.runtime))),
  );
}
