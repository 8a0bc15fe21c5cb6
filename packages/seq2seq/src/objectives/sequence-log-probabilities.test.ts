import { constant, run, zeros } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { sequenceLogProbabilities } from './sequence-log-probabilities';
import { engine, forAll, int, numbers } from '../../test/formulas';

describe('log-probabilities of sequences', () => {
  test('are the sums of those of their tokens', async () => {
    await forAll(async ({ B: N, T, S: V, seed }) => {
      const logits = numbers(N * T * V, seed);
      const targets = Array.from({ length: N * T }, (_, i) => (i * 5 + seed) % V);
      const expected = Array.from({ length: N }, (_, n) => {
        let sum = 0;
        for (let t = 0; t < T; t++) {
          const row = logits.subarray((n * T + t) * V, (n * T + t + 1) * V);
          const target = targets[n * T + t];
          if (target !== 0) sum += row[target] - Math.log(row.reduce((total, x) => total + Math.exp(x), 0));
        }
        return sum;
      });
      const got = await run(() => sequenceLogProbabilities(constant(logits, [N, T, V]), int(targets, [N, T])), {
        engine,
      });
      (await got.data()).forEach((value, n) => expect(Math.abs(value - expected[n])).toBeLessThan(1e-12));
    });
    expect(() => sequenceLogProbabilities(zeros([2, 3]), zeros([2, 3], 'int32'))).toThrow(
      'sequenceLogProbabilities: expected logits (N, T, V) and targets (N, T), got [2, 3] and [2, 3]',
    );
    expect(() => sequenceLogProbabilities(zeros([2, 3, 4]), zeros([3, 2], 'int32'))).toThrow(
      'sequenceLogProbabilities: expected logits (N, T, V) and targets (N, T), got [2, 3, 4] and [3, 2]',
    );
  });
});
