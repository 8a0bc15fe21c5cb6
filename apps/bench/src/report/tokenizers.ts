import type { Report } from '../case';
import { type Outcome, samplesOf } from '../runner';
import { median } from '../statistics';
import { TOKENIZING, TRAINING } from '../workload.mjs';
import { type Bar, formatRatio, othersOf, pairedRatio, verdictOf } from './bar';
import { about, alive, brief, failures, number, spread, table } from './table';

/** Encoding in megabytes per second, training in seconds, each beside the others; and how a long word grows. */
export function tokenizersReport(outcomes: readonly Outcome[]): Report {
  const bars: Bar[] = [];
  const parts = alive(outcomes)
    .filter(({ baseline }) => baseline)
    .map((ours, index) => {
      const others = othersOf(outcomes, ours);
      const beside = (item: string): string[] => {
        const behind: string[] = [];
        const cells = others.map((other) => {
          const ratio = pairedRatio(other, `${item} ms`, ours, `${item} ms`);
          if (ratio === null) return '–';
          if (index === 0) bars.push({ item, subject: other.label, ratio });
          if (verdictOf(ratio) === 'behind') behind.push(other.label);
          return formatRatio(ratio);
        });
        return [...cells, behind.join(', ')];
      };
      const head = (first: string, unit: string): string[] => [
        first,
        unit,
        'quartiles',
        ...others.map(({ label }) => `${label} ÷`),
        'behind',
      ];
      const encoding = TOKENIZING.tokenizers.map((name) => {
        const speeds = samplesOf(ours, `${name} ms`).map((ms) => 1000 / ms);
        return [name, number(median(speeds), 2), spread(speeds, (x) => number(x, 2)), ...beside(name)];
      });
      const training = Object.keys(TRAINING).map((name) => {
        const seconds = samplesOf(ours, `${name} ms`).map((ms) => ms / 1000);
        return [name, brief(median(seconds)), spread(seconds), ...beside(name)];
      });
      const times = TOKENIZING.words.map((length) => median(samplesOf(ours, `word of ${length} ms`)));
      const growth = TOKENIZING.words.map((length, i) => [
        `${length / 1024} kB`,
        brief(times[i]),
        i === 0 ? '' : number(times[i] / times[i - 1], 2),
      ]);
      return [
        table(head(`encode ${ours.facts['megabytes']} MB, ${ours.runtime}`, 'MB/s'), encoding),
        table(head('train', 's'), training),
        table(['one word without spaces, GPT-2', 'ms', '× the half'], growth),
      ].join('\n\n');
    });
  const notes = [...differentTokens(outcomes), ...about(outcomes), ...failures(outcomes)];
  return { text: [...parts, notes.join('\n')].join('\n\n'), bars };
}

/** Speeds compare only if all found the same tokens in the first lines. */
function differentTokens(outcomes: readonly Outcome[]): string[] {
  return TOKENIZING.tokenizers.flatMap((name) => {
    const counts = alive(outcomes).flatMap(({ label, facts }) => {
      const count = facts[`tokens ${name}`];
      return count === undefined ? [] : [`${label} ${count}`];
    });
    const distinct = new Set(counts.map((count) => count.split(' ').at(-1)));
    return distinct.size > 1 ? [`${name}: the libraries find different numbers of tokens: ${counts.join(', ')}`] : [];
  });
}
