import type { Report } from '../case';
import { type Outcome, samplesOf } from '../runner';
import { alive, failures, number, table } from './table';

const MIB = 2 ** 20;

/** Peak memory of the processes that took the training step; ours beside what torch keeps from forward to backward. */
export function memoryReport(outcomes: readonly Outcome[]): Report {
  const living = alive(outcomes);
  const bytes = ({ facts }: Outcome, name: string): string =>
    facts[name] === undefined ? '–' : number(Number(facts[name]) / MIB);
  const rows = living.map((outcome) => {
    const before = Number(outcome.facts['RSS before']);
    const peak = Math.max(...samplesOf(outcome, 'peak RSS'));
    return [
      outcome.label,
      outcome.runtime,
      number(peak, 0),
      number(peak - before, 0),
      bytes(outcome, 'arena bytes'),
      bytes(outcome, 'variable bytes'),
      bytes(outcome, 'saved bytes'),
    ];
  });
  const head = [
    'MiB',
    'runtime',
    'peak RSS',
    'above an empty process',
    'arena',
    'weights and state',
    'saved activations',
  ];
  return { text: [table(head, rows), arenaLine(living), ...failures(outcomes)].join('\n'), bars: [] };
}

/** Our arena beside what torch keeps from forward to backward. */
export function arenaLine(outcomes: readonly Outcome[]): string {
  const arena = outcomes.find(({ own }) => own)?.facts['arena bytes'];
  const saved = outcomes.find(({ facts }) => facts['saved bytes'] !== undefined)?.facts['saved bytes'];
  if (arena === undefined || saved === undefined) return 'arena ÷ activations that torch saves: not measured';
  return `arena ÷ activations that torch saves: ${number(Number(arena) / Number(saved), 2)} (the arena is all that a step needs beside weights and state; torch needs more than what it saves)`;
}
