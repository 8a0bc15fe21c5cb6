import { median, ratios, summarize } from './statistics';
import { LAYOUTS, SHAPES } from './subjects/gemm';
import type { StepFacts } from './subjects/profile';
import { type Outcome, samplesOf } from './runner';
import { stepFlops } from './workload.mjs';

const GFLOP = stepFlops() / 1e9;
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const number = (value: number, digits = 1): string => (Number.isFinite(value) ? value.toFixed(digits) : '–');
/** The middle half of the samples. */
const spread = (values: readonly number[], digits = 1): string => {
  const { q1, q3 } = summarize(values);
  return `${number(q1, digits)}–${number(q3, digits)}`;
};

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

const failed = (outcomes: readonly Outcome[]): string[] =>
  outcomes
    .filter(({ failure }) => failure !== undefined)
    .map(({ label, node, failure }) => `${label} on Node ${node} FAILED: ${failure}`);

const alive = (outcomes: readonly Outcome[]): Outcome[] => outcomes.filter(({ rounds }) => rounds.length > 0);

export function peakLines(outcomes: readonly Outcome[]): string {
  return alive(outcomes)
    .filter((outcome) => samplesOf(outcome, 'peak').length > 0)
    .map((outcome) => {
      const peaks = samplesOf(outcome, 'peak');
      return `bound on Node ${outcome.node}, ${outcome.facts['numerics']}: ${number(median(peaks))} GFLOP/s (${spread(peaks)})`;
    })
    .join('\n');
}

export function gemmReport(outcomes: readonly Outcome[]): string {
  const parts = alive(outcomes).map((outcome) => {
    const bound = Math.max(...samplesOf(outcome, 'peak'));
    const rows = SHAPES.flatMap((shape) =>
      LAYOUTS.map((layout) => {
        const size = shape.join('×');
        const name = `${layout} ${size}`;
        const speeds = samplesOf(outcome, `${name} GFLOP/s`);
        const byCpu = samplesOf(outcome, `${name} share by CPU time`);
        const beside = samplesOf(outcome, `NN ${size} share by CPU time`);
        return [
          name,
          number(median(speeds)),
          spread(speeds),
          percent(median(samplesOf(outcome, `${name} share`))),
          percent(median(samplesOf(outcome, `${name} share of kernels`))),
          percent(median(byCpu)),
          percent(Math.max(...speeds) / bound),
          number(median(ratios(byCpu, beside)), 3),
        ];
      }),
    );
    const notes = Object.entries(outcome.facts).filter(([fact]) => fact.startsWith('more than'));
    const head = [`Node ${outcome.node}`, 'GFLOP/s', 'quartiles', 'of bound', 'kernels', 'by CPU time', 'best', '÷ NN'];
    return [table(head, rows), ...notes.map(([fact, steps]) => `${fact}: ${steps}`)].join('\n');
  });
  return [...parts, ...failed(outcomes)].join('\n\n');
}

const roundMedians = ({ rounds }: Outcome, name: string): number[] =>
  rounds.map((series) => median(series[name] ?? []));

export function stepReport(outcomes: readonly Outcome[]): string {
  const ours = alive(outcomes).filter(({ label }) => label === 'qkv');
  const rows = alive(outcomes).flatMap((outcome) => {
    const own = ours.find(({ node }) => node === outcome.node);
    const peaks = own === undefined ? [] : roundMedians(own, 'peak');
    const kinds = outcome.label === 'qkv' ? ['re-traced', 'frozen'] : ['step'];
    return kinds.map((kind) => {
      const times = samplesOf(outcome, `${kind} ms`);
      const rounds = roundMedians(outcome, `${kind} ms`);
      const cpu = median(samplesOf(outcome, `${kind} cpu`));
      const comparable = own !== undefined && own.rounds.length === outcome.rounds.length;
      const share = comparable ? rounds.map((ms, i) => (GFLOP / ms) * (1000 / peaks[i])) : [];
      const quotient = comparable ? median(ratios(rounds, roundMedians(own, 're-traced ms'))) : NaN;
      const cpuQuotient = comparable
        ? median(ratios(roundMedians(outcome, `${kind} cpu`), roundMedians(own, 're-traced cpu')))
        : NaN;
      return [
        kind === 'step' ? outcome.label : `${outcome.label} ${kind}`,
        outcome.node,
        number(median(times)),
        spread(times),
        number(cpu),
        number((1000 * GFLOP) / median(times)),
        percent(median(share)),
        percent((1000 * GFLOP) / cpu / median(peaks)),
        number(quotient, 2),
        number(cpuQuotient, 2),
      ];
    });
  });
  const head = [
    'training step',
    'Node',
    'ms',
    'quartiles',
    'CPU ms',
    'GFLOP/s',
    'of bound',
    'by CPU time',
    '÷ qkv',
    'by CPU',
  ];
  const plans = ours.slice(0, 1).map(({ facts }) => `plan: ${facts['plan']}`);
  const losses = alive(outcomes).map(
    ({ label, node, facts }) => `${label} ${node} ${Number(facts['first loss']).toFixed(3)}`,
  );
  return [
    table(head, rows),
    '',
    `model: ${number(GFLOP, 2)} GFLOP (products only, backward = 2 × forward); GFLOP/s and shares count these`,
    ...plans,
    `first loss (ln 10 = 2.303, give or take): ${losses.join(', ')}`,
    ...failed(outcomes),
  ].join('\n');
}

export function traceReport(outcomes: readonly Outcome[]): string {
  const rows = alive(outcomes)
    .filter(({ label }) => label === 'qkv')
    .flatMap((outcome) =>
      ['re-traced', 'frozen'].map((kind) => {
        const step = median(samplesOf(outcome, `${kind} ms`));
        const trace = samplesOf(outcome, `${kind} trace`);
        const rest = median(samplesOf(outcome, `${kind} rest`));
        return [
          kind,
          outcome.node,
          number(median(trace), 2),
          spread(trace, 2),
          percent(median(trace) / step),
          number(rest, 2),
          percent((median(trace) + rest) / step),
        ];
      }),
    );
  const head = ['host work', 'Node', 'trace ms', 'quartiles', 'of step', 'queue, copies ms', 'JavaScript in all'];
  return table(head, rows);
}

/** Steps that are shown in one line. */
interface Group extends StepFacts {
  readonly count: number;
  /** Sum of the medians of its steps. */
  readonly ms: number;
  /** Sum of their shortest times: an interruption only ever adds. */
  readonly best: number;
}

function groupBy(steps: readonly Group[], nameOf: (step: Group) => string): [string, Group][] {
  const groups = new Map<string, Group>();
  for (const step of steps) {
    const name = nameOf(step);
    const sum = groups.get(name) ?? { ...step, count: 0, flops: 0, bytes: 0, ms: 0, best: 0 };
    groups.set(name, {
      ...sum,
      count: sum.count + step.count,
      flops: sum.flops + step.flops,
      bytes: sum.bytes + step.bytes,
      ms: sum.ms + step.ms,
      best: sum.best + step.best,
    });
  }
  return [...groups].sort(([, a], [, b]) => b.best - a.best);
}

export function profileReport(outcomes: readonly Outcome[]): string {
  const parts = alive(outcomes).map((outcome) => {
    const bound = Math.max(...samplesOf(outcome, 'peak')); // the best, as the times that it is compared with
    const facts = JSON.parse(String(outcome.facts['steps'])) as StepFacts[];
    const steps = facts.map((step, i): Group => {
      const times = samplesOf(outcome, `step ${i}`);
      return { ...step, count: 1, ms: median(times), best: Math.min(...times) };
    });
    const [[, all]] = groupBy(steps, () => 'all');
    const row = ([name, group]: [string, Group]): string[] => {
      // Instructions of element-wise programs are not comparable with multiply-adds.
      const products = group.kernel.startsWith('matmul') || group.kernel.startsWith('attention');
      const speed = group.flops / group.best / 1e6;
      return [
        name.length > 72 ? `${name.slice(0, 71)}…` : name,
        String(group.count),
        number(group.ms, 2),
        number(group.best, 2),
        percent(group.best / all.best),
        products ? number(speed) : '',
        products ? percent(speed / bound) : '',
        number(group.bytes / group.best / 1e6),
      ];
    };
    const columns = ['steps', 'ms', 'best', 'share', 'GFLOP/s', 'of bound', 'GB/s'];
    const byKernel = groupBy(steps, ({ kernel }) => kernel);
    const byShape = groupBy(steps, ({ kernel, shapes }) => `${kernel} ${shapes}`);
    const whole = (1000 * GFLOP) / all.best;
    const total = [
      'all',
      `${all.count}`,
      number(all.ms, 2),
      number(all.best, 2),
      '',
      number(whole),
      percent(whole / bound),
      '',
    ];
    return [
      table([`Node ${outcome.node}`, ...columns], [...byKernel.map(row), total]),
      table(['by kernel and shape', ...columns], byShape.filter((entry) => entry[1].best > all.best / 2000).map(row)),
    ].join('\n\n');
  });
  return [...parts, ...failed(outcomes)].join('\n\n');
}
