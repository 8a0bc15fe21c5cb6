import { describe, expect, test } from 'vitest';

import { Automaton, float64, idsTensor, logSoftmaxOf } from '../../test/automaton';
import { GreedyDecoder } from './greedy';
import type { Hypothesis } from './hypothesis';
import { SamplingDecoder, type SamplingOptions } from './sampling';

const engine = float64();
const base = { sourceLength: 1, startId: 1, endId: 0, maxLength: 3, engine };

/** All sequences with their probabilities, where `filter` makes the distribution that is drawn from of the logits. */
function distribution(model: Automaton, first: number, filter: (logits: number[]) => number[]): Map<string, number> {
  const found = new Map<string, number>();
  const visit = (ids: number[], logp: number): void => {
    if (ids.length === base.maxLength) return void found.set(ids.join(), Math.exp(logp));
    logSoftmaxOf(filter(model.logitsAfter(first, [base.startId, ...ids]))).forEach((x, token) => {
      if (x === -Infinity) return;
      if (token === base.endId) found.set([...ids, 'END'].join(), Math.exp(logp + x));
      else visit([...ids, token], logp + x);
    });
  };
  visit([], 0);
  return found;
}

const nameOf = ({ ids, finished }: Hypothesis): string => [...ids, ...(finished ? ['END'] : [])].join();

/** The value that χ² with so many degrees of freedom exceeds once in a thousand (Wilson and Hilferty 1931). */
const limit = (degrees: number): number => degrees * (1 - 2 / (9 * degrees) + 3.09 * Math.sqrt(2 / (9 * degrees))) ** 3;

describe('sampling', () => {
  const model = new Automaton(4, 7, 3);
  const only = (k: number) => (logits: number[]) => {
    const least = [...logits].sort((a, b) => b - a)[k - 1];
    return logits.map((x) => (x >= least ? x : -Infinity));
  };
  const cases: [string, Partial<SamplingOptions>, (logits: number[]) => number[]][] = [
    ['the model', {}, (x) => x],
    ['temperature', { temperature: 0.5 }, (logits) => logits.map((x) => x / 0.5)],
    ['temperature and top-k', { temperature: 2, topK: 2 }, (logits) => only(2)(logits.map((x) => x / 2))],
    ['forbidden', { forbidden: [2] }, (logits) => logits.map((x, id) => (id === 2 ? -Infinity : x))],
  ];
  test.each(cases)('draws from the exact distribution: %s', async (_, options, filter) => {
    const expected = distribution(model, 5, filter);
    const rows = 60;
    const decoder = new SamplingDecoder(model, { ...base, ...options, rows, samples: 2, seed: 11 });
    const counts = new Map<string, number>();
    const calls = 25;
    for (let call = 0; call < calls; call++) {
      const streams = Array.from({ length: rows }, (__, row) => call * rows + row);
      const found = await decoder.decodeAll(idsTensor(streams.map(() => [5])), { streams });
      for (const one of found.flat()) counts.set(nameOf(one), (counts.get(nameOf(one)) ?? 0) + 1);
    }
    decoder.release();
    for (const name of counts.keys()) expect(expected.has(name), `${name} is impossible`).toBe(true);
    const total = calls * rows * 2;
    // Cells of fewer than 5 expected are one.
    let [statistic, cells, rest, restCount] = [0, 0, 0, 0];
    for (const [name, p] of expected) {
      const count = counts.get(name) ?? 0;
      if (p * total < 5) {
        rest += p * total;
        restCount += count;
      } else {
        statistic += (count - p * total) ** 2 / (p * total);
        cells++;
      }
    }
    if (rest >= 5) {
      statistic += (restCount - rest) ** 2 / rest;
      cells++;
    }
    expect(cells).toBeGreaterThan(3);
    expect(statistic).toBeLessThan(limit(cells - 1));
  });

  test('score is the log-probability of the draw, the other one is the model’s', async () => {
    const decoder = new SamplingDecoder(model, { ...base, rows: 4, temperature: 0.7, topK: 3, seed: 2 });
    const found = await decoder.decode(idsTensor([[5], [6], [7], [8]]));
    decoder.release();
    for (const [row, { ids, finished, score, logProbability }] of found.entries()) {
      let [drawn, plain] = [0, 0];
      const said = [base.startId];
      for (const token of [...ids, ...(finished ? [base.endId] : [])]) {
        const logits = model.logitsAfter(5 + row, said);
        drawn += logSoftmaxOf(only(3)(logits.map((x) => x / 0.7)))[token];
        plain += logSoftmaxOf(logits)[token];
        said.push(token);
      }
      expect(Math.abs(score - drawn)).toBeLessThan(1e-10);
      expect(Math.abs(logProbability - plain)).toBeLessThan(1e-10);
    }
  });

  const sample = async (
    firsts: number[],
    streams: number[] | undefined,
    more: Partial<SamplingOptions> = {},
  ): Promise<Hypothesis[][]> => {
    const decoder = new SamplingDecoder(model, { ...base, maxLength: 8, rows: firsts.length, seed: 3, ...more });
    const found = await decoder.decodeAll(idsTensor(firsts.map((first) => [first])), { streams });
    decoder.release();
    return found;
  };

  test('one row draws alike alone, among others, at another place and with more samples', async () => {
    const [alone] = await sample([5], [77]);
    expect((await sample([9, 8, 5], [1, 2, 77]))[2]).toEqual(alone);
    expect((await sample([5, 0, 8, 5], [77, 1, 2, 78]))[0]).toEqual(alone);
    expect((await sample([6, 5], [4, 77], { samples: 3 }))[1][0]).toEqual(alone[0]);
  });

  test('the seed, the stream and the number of the sample make the difference', async () => {
    const ids = (found: Hypothesis[][]): string => found.flat().map(nameOf).join(' ');
    const firsts = Array<number>(6).fill(5);
    const first = ids(await sample(firsts, undefined));
    expect(ids(await sample(firsts, undefined))).toBe(first);
    expect(new Set(first.split(' ')).size).toBeGreaterThan(3);
    expect(ids(await sample(firsts, undefined, { seed: 4 }))).not.toBe(first);
    expect(ids(await sample(firsts, undefined, { seed: 3 + 2 ** 32 }))).not.toBe(first);
    expect(ids(await sample(firsts, [10, 11, 12, 13, 14, 15]))).not.toBe(first);
    const [many] = await sample([5], undefined, { samples: 6 });
    expect(new Set(many.map(nameOf)).size).toBeGreaterThan(3);
  });

  test('of the likeliest one is greedy decoding', async () => {
    const source = idsTensor([[5], [6], [7]]);
    const greedy = await new GreedyDecoder(model, { ...base, rows: 3, maxLength: 8 }).decode(source);
    const drawn = await sample([5, 6, 7], undefined, { topK: 1 });
    expect(drawn.map(([{ ids }]) => [...ids])).toEqual(greedy.map(({ ids }) => [...ids]));
    for (const [{ score }] of drawn) expect(score).toBe(0); // there was no choice
  });

  test('says what does not fit', async () => {
    const create = (more: Partial<SamplingOptions>): SamplingDecoder =>
      new SamplingDecoder(model, { ...base, rows: 2, ...more });
    expect(() => create({ seed: -1 })).toThrow('SamplingDecoder: seed must be an integer from 0 to 2⁵³−1, got -1');
    expect(() => create({ seed: 0.5 })).toThrow('got 0.5');
    expect(() => create({ samples: 0 })).toThrow('SamplingDecoder: samples: expected an integer of at least 1, got 0');
    expect(() => create({ temperature: 0 })).toThrow('temperature: must be positive');
    const call = create({}).decode(idsTensor([[1], [2]]), { streams: [1] });
    await expect(call).rejects.toThrow('SamplingDecoder: expected a stream for each of 2 rows, got 1');
  });
});
