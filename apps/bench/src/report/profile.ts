import type { Report } from '../case';
import { type Outcome, samplesOf } from '../runner';
import { median } from '../statistics';
import type { StepFacts } from '../subjects/profile';
import { MODELS, stepFlops } from '../workload.mjs';
import { alive, failures, number, peakLines, percent, table } from './table';

const GFLOP = stepFlops(MODELS.step) / 1e9;

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

export function profileReport(outcomes: readonly Outcome[]): Report {
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
      table([`Node ${outcome.runtime}`, ...columns], [...byKernel.map(row), total]),
      table(['by kernel and shape', ...columns], byShape.filter((entry) => entry[1].best > all.best / 2000).map(row)),
    ].join('\n\n');
  });
  const notes = [...peakLines(outcomes, 'GFLOP/s'), ...failures(outcomes)];
  return { text: [...parts, notes.join('\n')].join('\n\n'), bars: [] };
}
