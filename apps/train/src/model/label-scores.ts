import type { LabelJudgement } from './labeller';

/** How well items were labelled. */
export type LabelScores = {
  readonly examples: number;
  /** Share of the items whose label is right. 0 to 1. */
  readonly accuracy: number;
  /** Mean of the labels' F1, 2PR / (P + R), over the labels that were expected or given. 0 to 1. */
  readonly macroF1: number;
};

export interface LabelRow {
  readonly label: string;
  /** How often it was expected. */
  readonly expected: number;
  readonly given: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** A label that was given in place of another. */
export interface Confusion {
  readonly expected: string;
  readonly given: string;
  readonly count: number;
}

/** Mean loss of the items whose labels training has seen, in nats; NaN if there are none. */
export function meanLoss(judgements: readonly LabelJudgement[]): number {
  const losses = judgements.flatMap(({ loss }) => (loss === undefined ? [] : [loss]));
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

export function scoreLabels(judgements: readonly LabelJudgement[]): LabelScores {
  const right = judgements.filter(({ expected, label }) => expected === label).length;
  const rows = labelRows(judgements);
  return {
    examples: judgements.length,
    accuracy: ratio(right, judgements.length),
    macroF1: ratio(
      rows.reduce((sum, { f1 }) => sum + f1, 0),
      rows.length,
    ),
  };
}

/** Precision, recall and F1 of each label, those expected most often first. */
export function labelRows(judgements: readonly LabelJudgement[]): LabelRow[] {
  const counts = new Map<string, { expected: number; given: number; right: number }>();
  const of = (label: string) => {
    if (!counts.has(label)) counts.set(label, { expected: 0, given: 0, right: 0 });
    return counts.get(label)!;
  };
  for (const { expected, label } of judgements) {
    of(expected).expected++;
    of(label).given++;
    if (expected === label) of(label).right++;
  }
  const rows = [...counts].map(([label, { expected, given, right }]) => {
    const [precision, recall] = [ratio(right, given), ratio(right, expected)];
    return { label, expected, given, precision, recall, f1: ratio(2 * right, expected + given) };
  });
  return rows.sort((a, b) => b.expected - a.expected || (a.label < b.label ? -1 : 1));
}

/** What was taken for what, the most frequent first. */
export function confusions(judgements: readonly LabelJudgement[]): Confusion[] {
  const counts = new Map<string, Confusion>();
  for (const { expected, label: given } of judgements) {
    if (expected === given) continue;
    const key = JSON.stringify([expected, given]);
    counts.set(key, { expected, given, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()].sort((a, b) => b.count - a.count);
}

/** Labels and confusions that are shown to people. */
const SHOWN_LABELS = 30;
const SHOWN_CONFUSIONS = 10;

/** A table of the labels, and the worst confusions. */
export function labelReport(judgements: readonly LabelJudgement[]): {
  readonly text: string;
  readonly fields: { readonly labels: readonly LabelRow[]; readonly confusions: readonly Confusion[] };
} {
  const rows = labelRows(judgements);
  const confused = confusions(judgements);
  const percent = (part: number): string => (100 * part).toFixed(1);
  const lines = [
    ['label', 'expected', 'given', 'precision', 'recall', 'F1'],
    ...rows
      .slice(0, SHOWN_LABELS)
      .map(({ label, expected, given, precision, recall, f1 }) => [
        label,
        String(expected),
        String(given),
        ...[precision, recall, f1].map(percent),
      ]),
  ];
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const table = lines.map((line) =>
    line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
  );
  if (rows.length > SHOWN_LABELS) table.push(`and ${rows.length - SHOWN_LABELS} rarer ones, which --json prints`);
  const worst = confused
    .slice(0, SHOWN_CONFUSIONS)
    .map(({ expected, given, count }) => `${count}× ${expected} as ${given}`);
  const text = [...table, ...(worst.length > 0 ? [`\nmost often confused: ${worst.join(', ')}`] : [])].join('\n');
  return { text, fields: { labels: rows, confusions: confused } };
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
