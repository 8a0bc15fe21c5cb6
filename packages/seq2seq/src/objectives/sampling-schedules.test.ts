import { full, type Tensor } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { exponentialDecay, inverseSigmoidDecay, linearDecay } from './sampling-schedules';
import { valueOf } from '../../test/formulas';

describe('schedules of sampling', () => {
  const at = (schedule: (step: Tensor) => Tensor, step: number): Promise<number> =>
    valueOf(() => schedule(full([], step)));

  test('are those of the paper', async () => {
    for (const i of [0, 1, 7, 50, 400]) {
      const expected = [Math.min(1, Math.max(0.25, 1.5 - 0.01 * i)), 0.98 ** i, 20 / (20 + Math.exp(i / 20))].map(
        (gold) => 1 - gold,
      );
      const got = await Promise.all(
        [
          linearDecay({ offset: 1.5, slope: 0.01, floor: 0.25 }),
          exponentialDecay({ base: 0.98 }),
          inverseSigmoidDecay({ k: 20 }),
        ].map((schedule) => at(schedule, i)),
      );
      got.forEach((value, k) => expect(Math.abs(value - expected[k])).toBeLessThan(1e-12));
    }
    expect(await at(inverseSigmoidDecay({ k: 2 }), 1e6)).toBe(1);
  });

  test('refuse what is no decay', () => {
    expect(() => linearDecay({ slope: -1 })).toThrow('linearDecay: slope must not be below 0, got -1');
    expect(() => linearDecay({ slope: 1, offset: NaN })).toThrow('linearDecay: offset must be a number, got NaN');
    expect(() => linearDecay({ slope: 1, floor: 2 })).toThrow('linearDecay: floor must be in [0, 1], got 2');
    expect(() => exponentialDecay({ base: 0 })).toThrow('exponentialDecay: base must be in (0, 1], got 0');
    expect(() => inverseSigmoidDecay({ k: 0.5 })).toThrow('inverseSigmoidDecay: k must be at least 1, got 0.5');
  });
});
