import { join } from 'node:path';

import { describeSpec } from '../data/codec-option';
import { writeOutput } from '../output';
import { kindOf, type RunConfig } from '../run/config';
import { drawCurves } from '../run/curves';
import { files } from '../run/folder';
import type { Scores } from '../run/kind';
import { readMetrics } from '../run/metrics';
import { percent } from '../run/scores';
import { readSummary, type RunSummary } from '../run/summary';
import { requireConfig } from '../run/weights';
import { formatSeconds } from '../terminal/progress';
import type { OutputMode } from '../terminal/reporter';

export interface CompareOptions {
  /** Where to draw the curves of all runs over each other. */
  readonly curves?: string;
  readonly mode: OutputMode;
}

interface Row {
  readonly run: string;
  readonly config: RunConfig;
  /** Undefined while it has not ended. */
  readonly summary: RunSummary | undefined;
  /** Updates in the metrics. */
  readonly steps: number;
}

/** `compare`: runs side by side, and the settings in which they differ. */
export async function compare(runs: readonly string[], { curves, mode }: CompareOptions): Promise<void> {
  const rows = await Promise.all(runs.map(readRun));
  const settings = differing(rows);
  if (mode === 'json') {
    for (const { run, summary, config, steps } of rows) {
      const changed = Object.fromEntries(settings.map((name) => [name, valueOf(config, name) ?? null]));
      console.log(JSON.stringify({ run, steps, ...summary, settings: changed }));
    }
  } else {
    console.log(table(rows, settings));
  }
  if (curves === undefined) return;
  const metrics = runs.map((run) => ({ name: run, records: readMetrics(join(run, files.metrics)) }));
  await writeOutput(curves, await drawCurves(metrics));
  if (mode === 'text') console.log(`\ncurves in ${curves}`);
}

async function readRun(run: string): Promise<Row> {
  const config = await requireConfig(run);
  const steps = readMetrics(join(run, files.metrics)).at(-1)?.step ?? 0;
  return { run, config, summary: await readSummary(run), steps };
}

/** A setting by its name; what the data are, and what texts are made of, counts as settings, too. */
const settingsOf = ({ recipe, data }: RunConfig): Record<string, unknown> => {
  const specs = Object.entries(kindOf(data).specsOf(data)).map(([name, spec]) => [name, describeSpec(spec)]);
  return { task: data.task, ...Object.fromEntries(specs), ...recipe };
};

const valueOf = (config: RunConfig, name: string): unknown => settingsOf(config)[name];

function differing(rows: readonly Row[]): string[] {
  const names = new Set(rows.flatMap(({ config }) => Object.keys(settingsOf(config))));
  return [...names].filter((name) => new Set(rows.map(({ config }) => valueOf(config, name))).size > 1);
}

function table(rows: readonly Row[], settings: readonly string[]): string {
  const tests = [...new Set(rows.flatMap(({ summary }) => Object.keys(summary?.tests ?? {})))];
  const columns: readonly (readonly [string, (row: Row) => string])[] = [
    ['run', ({ run }) => run],
    ['parameters', ({ summary }) => summary?.parameters.toLocaleString('en') ?? '–'],
    ['updates', ({ summary, steps }) => (summary?.steps ?? steps).toLocaleString('en')],
    ['time', ({ summary }) => (summary === undefined ? 'not ended' : formatSeconds(summary.trainingSeconds))],
    ['validation', ({ summary, config }) => describe(summary?.validation, config)],
    ...tests.map((test) => [test, ({ summary, config }: Row) => describe(summary?.tests?.[test], config)] as const),
    ...settings.map((name) => [name, ({ config }: Row) => String(valueOf(config, name) ?? '–')] as const),
  ];
  const cells = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, cell]) => cell(row)))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i].length)));
  return cells
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function describe(scores: Scores | undefined, { data }: RunConfig): string {
  if (scores === undefined) return '–';
  const { metrics } = kindOf(data).judging;
  return Object.entries(metrics)
    .map(([name, { label, short = label }]) => `${short} ${percent(scores[name])}`)
    .join(' ');
}
