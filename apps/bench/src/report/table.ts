import { summarize } from '../statistics';
import { type Outcome, samplesOf } from '../runner';

export const percent = (share: number): string => (Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : '–');

export const number = (value: number, digits = 1): string => (Number.isFinite(value) ? value.toFixed(digits) : '–');

/** Three significant digits or so: times from microseconds to minutes in one column. */
export function brief(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3);
}

/** The middle half of the samples. */
export function spread(values: readonly number[], show: (value: number) => string = brief): string {
  const { q1, q3 } = summarize(values);
  return Number.isFinite(q1) ? `${show(q1)}–${show(q3)}` : '–';
}

/** Columns as wide as they need to be; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, c) => Math.max(title.length, ...rows.map((row) => row[c].length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, c) => (c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c])))
      .join('  ')
      .trimEnd();
  return [line(head), line(widths.map((width) => '─'.repeat(width))), ...rows.map(line)].join('\n');
}

export const alive = (outcomes: readonly Outcome[]): Outcome[] => outcomes.filter(({ rounds }) => rounds.length > 0);

/** What did not run, as a whole or in parts, each with its message. */
export function failures(outcomes: readonly Outcome[]): string[] {
  return outcomes.flatMap(({ label, runtime, failure, facts, rounds }) => {
    const parts = Object.entries(facts).filter(([name]) => name.startsWith('failed: '));
    const after = rounds.length > 0 ? ` after ${rounds.length} rounds` : '';
    return [
      ...(failure === undefined ? [] : [`${label} on ${runtime} FAILED${after}: ${failure}`]),
      ...parts.map(
        ([name, message]) => `${label} on ${runtime} FAILED at ${name.slice('failed: '.length)}: ${message}`,
      ),
    ];
  });
}

/** What libraries say about themselves. */
export function about(outcomes: readonly Outcome[]): string[] {
  const lines = alive(outcomes).flatMap(({ label, facts }) =>
    facts['about'] === undefined ? [] : [`${label}: ${facts['about']}`],
  );
  return [...new Set(lines)]; // the same under each Node
}

export function peakLines(outcomes: readonly Outcome[], unit: string): string[] {
  return alive(outcomes)
    .filter((outcome) => samplesOf(outcome, 'peak').length > 0)
    .map((outcome) => {
      const peaks = samplesOf(outcome, 'peak');
      const { median } = summarize(peaks);
      return `bound beside ${outcome.label} on ${outcome.runtime}: ${number(median)} ${unit} (${spread(peaks, number)})`;
    });
}
