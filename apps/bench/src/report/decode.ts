import type { Report } from '../case';
import { type Outcome, samplesOf } from '../runner';
import { median } from '../statistics';
import { DECODE_LENGTHS, DECODE_ROWS, DECODED } from '../workload.mjs';
import { type Bar, formatRatio, pairedRatio, verdictOf } from './bar';
import { alive, brief, failures, number, spread, table } from './table';

/** Decoding with the cache beside recomputation: whole, and token by token. */
export function decodeReport(outcomes: readonly Outcome[]): Report {
  const bars: Bar[] = [];
  const parts = alive(outcomes).map((outcome, index) => {
    const whole = DECODE_ROWS.map((B) => {
      const get = (name: string): number[] => samplesOf(outcome, `B=${B} ${name}`);
      const [cached, plain, host] = ['tokens/s with cache', 'tokens/s without cache', 'JavaScript µs'].map(get);
      return [
        `batch ${B}, ${DECODED(B)} tokens each`,
        number(median(cached), 0),
        spread(cached, (x) => number(x, 0)),
        number(median(plain), 0),
        spread(plain, (x) => number(x, 0)),
        number(median(cached) / median(plain), 2),
        number(median(host), 0),
        spread(host, (x) => number(x, 0)),
      ];
    });
    const lengths = DECODE_ROWS.flatMap((B) =>
      DECODE_LENGTHS.filter((length) => samplesOf(outcome, `B=${B} ms with cache at ${length}`).length > 0).map(
        (length) => {
          const [cached, plain] = ['with', 'without'].map((kind) => `B=${B} ms ${kind} cache at ${length}`);
          const ratio = pairedRatio(outcome, plain, outcome, cached);
          if (ratio && index === 0) bars.push({ item: `batch ${B}, token ${length}`, subject: 'without cache', ratio });
          return [
            `batch ${B}, token ${length}`,
            brief(median(samplesOf(outcome, cached))),
            spread(samplesOf(outcome, cached)),
            brief(median(samplesOf(outcome, plain))),
            spread(samplesOf(outcome, plain)),
            ratio ? formatRatio(ratio) : '–',
            ratio && verdictOf(ratio) === 'behind' ? 'the cache loses' : '',
          ];
        },
      ),
    );
    const title = `${outcome.label}, ${outcome.runtime}`;
    const speeds = ['tokens/s', 'quartiles', 'without cache', 'quartiles', 'times', 'JavaScript µs/step', 'quartiles'];
    const times = ['ms/token', 'quartiles', 'without cache', 'quartiles', 'times', ''];
    return [table([title, ...speeds], whole), table(['time of a token', ...times], lengths), growth(outcome)].join(
      '\n\n',
    );
  });
  return { text: [...parts, ...failures(outcomes)].join('\n\n'), bars };
}

/** Whether a token at the end costs more than one at the beginning. */
function growth(outcome: Outcome): string {
  return DECODE_ROWS.map((B) => {
    const lengths = DECODE_LENGTHS.filter(
      (length) => samplesOf(outcome, `B=${B} ms with cache at ${length}`).length > 0,
    );
    const [first, last] = [lengths[0], lengths.at(-1)];
    const ratio = pairedRatio(outcome, `B=${B} ms with cache at ${last}`, outcome, `B=${B} ms with cache at ${first}`);
    return `batch ${B}: with the cache, token ${last} takes ${ratio ? formatRatio(ratio) : '–'} times as long as token ${first}`;
  }).join('\n');
}
