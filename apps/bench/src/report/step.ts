import type { Report } from '../case';
import { type Outcome, samplesOf } from '../runner';
import { median } from '../statistics';
import { type Model, stepFlops } from '../workload.mjs';
import { type Bar, formatRatio, othersOf, pairedRatio, roundMedians, verdictOf } from './bar';
import { arenaLine } from './memory';
import { about, alive, brief, failures, number, peakLines, percent, spread, table } from './table';

/** Below this many cores at work, two threads are one. */
const BUSY = 1.15;

/** Ways in which a subject takes the step; peers have one. */
const kindsOf = ({ own, rounds }: Outcome): string[] =>
  own ? ['re-traced', 'frozen'].filter((kind) => rounds.some((series) => `${kind} ms` in series)) : ['step'];

const nameOf = ({ label, own }: Outcome, kind: string): string => (own ? `${label}, ${kind}` : label);

/** Another's step as a ratio to each of ours that is compared with: one thread, and two. */
export function stepReport(outcomes: readonly Outcome[], model: Model): Report {
  const gflop = stepFlops(model) / 1e9;
  const bars: Bar[] = [];
  const notes: string[] = [];
  const parts = outcomes
    .filter(({ baseline, rounds }) => baseline && rounds.length > 0)
    .map((first, index) => {
      const others = othersOf(outcomes, first);
      const ours = [first, ...others.filter((outcome) => outcome.own && outcome.rounds.length > 0)];
      const peaks = roundMedians(first, 'peak');
      const rows = [first, ...others].flatMap((outcome) => {
        if (outcome.rounds.length === 0) return [[outcome.label, outcome.runtime, ...Array(9).fill('–'), 'FAILED']];
        return kindsOf(outcome).map((kind) => {
          const times = samplesOf(outcome, `${kind} ms`);
          const cpu = roundMedians(outcome, `${kind} cpu`);
          const rounds = roundMedians(outcome, `${kind} ms`);
          const ratios = ours.map((own) => pairedRatio(outcome, `${kind} ms`, own, 're-traced ms'));
          // Fair against fair: our line of as many threads, or of the most that we have.
          const rival = ours.findIndex(({ threads }) => threads === outcome.threads);
          const ratio = ratios.at(rival);
          if (index === 0 && ratio && !outcome.own)
            bars.push({ item: `training step, ${ours.at(rival)!.label} = 1`, subject: outcome.label, ratio });
          const busy = median(cpu.map((ms, i) => ms / rounds[i]));
          // Threads that had no cores lose to anybody.
          const starved = busy < 0.75 * (outcome.threads ?? 1);
          const judged = ratio && !outcome.own ? verdictOf(ratio) : '';
          const verdict = judged === 'ahead' && starved ? 'unclear' : judged;
          return [
            nameOf(outcome, kind),
            outcome.runtime,
            brief(median(times)),
            spread(times),
            number(median(cpu)),
            number(busy),
            number((1000 * gflop) / median(times)),
            percent(median(rounds.slice(0, peaks.length).map((ms, i) => (1000 * gflop) / ms / peaks[i]))),
            percent(median(cpu.slice(0, peaks.length).map((ms, i) => (1000 * gflop) / ms / peaks[i]))),
            ...[0, 1].map((i) => (ratios[i] ? formatRatio(ratios[i]) : '–')),
            verdict,
          ];
        });
      });
      for (const own of ours.slice(1)) notes.push(...scaling(own, first));
      const head = [
        'training step',
        'runtime',
        'ms',
        'quartiles',
        'CPU ms',
        'cores busy',
        'GFLOP/s',
        'of bound',
        'by CPU time',
      ];
      return table([...head, ...[0, 1].map((i) => (ours[i] ? `÷ ${ours[i].label}` : '–')), 'we are'], rows);
    });
  const plans = outcomes.filter(({ own, rounds }) => own && rounds.length > 0).slice(0, 1);
  const living = alive(outcomes);
  const losses = living.map(({ label, facts }) => `${label} ${Number(facts['first loss']).toFixed(3)}`);
  const text = [
    ...parts,
    [
      `model: ${number(gflop, 2)} GFLOP (products only, backward = 2 × forward); GFLOP/s and shares of one core's bound count these`,
      ...plans.map(({ facts }) => `plan: ${facts['plan']}`),
      ...notes,
      arenaLine(outcomes),
      `parameters: ${living.map(({ label, facts }) => `${label} ${facts['parameters']}`).join(', ')}`,
      `first loss (ln 10 = 2.303, give or take): ${losses.join(', ')}`,
      ...peakLines(plans, 'GFLOP/s'),
      ...about(outcomes),
      ...failures(outcomes),
    ].join('\n'),
  ].join('\n\n');
  return { text, bars };
}

/** What more threads gain, or that they were never there. */
function scaling(many: Outcome, one: Outcome): string[] {
  return kindsOf(many).map((kind) => {
    const ratio = pairedRatio(one, `${kind} ms`, many, `${kind} ms`);
    const busy = median(roundMedians(many, `${kind} cpu`).map((cpu, i) => cpu / roundMedians(many, `${kind} ms`)[i]));
    const idle = busy < BUSY ? `; it kept ${busy.toFixed(1)} cores busy, so it has no threads here` : '';
    return `${many.threads} threads over 1, ${kind}, on ${many.runtime}: ${ratio ? formatRatio(ratio) : '–'} times as fast${idle}`;
  });
}

/** What JavaScript costs in our step. */
export function traceReport(outcomes: readonly Outcome[]): Report {
  const rows = alive(outcomes)
    .filter(({ own }) => own)
    .flatMap((outcome) =>
      kindsOf(outcome).map((kind) => {
        const step = median(samplesOf(outcome, `${kind} ms`));
        const trace = samplesOf(outcome, `${kind} trace`);
        const rest = samplesOf(outcome, `${kind} rest`);
        return [
          nameOf(outcome, kind),
          outcome.runtime,
          number(median(trace), 2),
          spread(trace, (ms) => number(ms, 2)),
          percent(median(trace) / step),
          number(median(rest), 2),
          spread(rest, (ms) => number(ms, 2)),
          percent((median(trace) + median(rest)) / step),
        ];
      }),
    );
  const head = [
    'host work',
    'runtime',
    'trace ms',
    'quartiles',
    'of step',
    'queue, copies ms',
    'quartiles',
    'JavaScript in all',
  ];
  return { text: table(head, rows), bars: [] };
}
