import type { Report } from '../case';
import { type Outcome, samplesOf } from '../runner';
import { median } from '../statistics';
import { type Bar, formatRatio, pairedRatio, verdictOf } from './bar';
import { about, alive, failures, number, spread, table } from './table';

const kilobytes = (bytes: string | number | undefined): string =>
  bytes === undefined ? '–' : number(Number(bytes) / 1000, 1);

/** From the start of a process to the first product, and what a page would load for it. */
export function startReport(outcomes: readonly Outcome[]): Report {
  const bars: Bar[] = [];
  const baselines = alive(outcomes).filter(({ baseline }) => baseline);
  const ours = baselines.at(0);
  const rows = alive(outcomes).map((outcome) => {
    // Each beside ours under the same Node.
    const beside = baselines.find(({ runtime }) => runtime === outcome.runtime);
    const ratio = beside && !outcome.own ? pairedRatio(outcome, 'start ms', beside, 'start ms') : null;
    if (ratio && beside === ours && outcome.label !== EMPTY)
      bars.push({ item: 'process start to first product', subject: outcome.label, ratio });
    const first = samplesOf(outcome, 'first result ms');
    const times = samplesOf(outcome, 'start ms');
    return [
      outcome.label,
      outcome.runtime,
      number(median(times), 0),
      spread(times, (ms) => number(ms, 0)),
      number(median(first), 0),
      ratio ? formatRatio(ratio) : '',
      kilobytes(outcome.facts['script bytes']),
      kilobytes(outcome.facts['script gzip']),
      kilobytes(outcome.facts['wasm bytes']),
      kilobytes(outcome.facts['wasm gzip']),
      kilobytes(Number(outcome.facts['script gzip'] ?? NaN) + Number(outcome.facts['wasm gzip'] ?? 0)),
      ratio && outcome.label !== EMPTY ? `${verdictOf(ratio)} in time` : '',
    ];
  });
  const head = [
    'start',
    'runtime',
    'process ms',
    'quartiles',
    'first result ms',
    '÷ qkv',
    'script kB',
    'gzip',
    'wasm kB',
    'gzip',
    'in all',
    'we are',
  ];
  const smaller = alive(outcomes)
    .filter((other) => ours !== undefined && !other.own && bytesOf(other) < bytesOf(ours))
    .map(({ label }) => label);
  const notes = [
    'A program that multiplies two 2×2 matrices and prints the product; bundled for a page with esbuild, minified; gzip -9.',
    'process: from spawn to exit, Node included; first result: since Node began with the program.',
    ...(smaller.length > 0 ? [`we are behind in bytes: ${smaller.join(', ')}`] : []),
    ...about(outcomes),
    ...failures(outcomes),
  ];
  return { text: `${table(head, rows)}\n${notes.join('\n')}`, bars };
}

/** A process that does nothing: what Node costs. */
export const EMPTY = 'node alone';

const bytesOf = ({ facts }: Outcome): number => Number(facts['script gzip'] ?? NaN) + Number(facts['wasm gzip'] ?? 0);
