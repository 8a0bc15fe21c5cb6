import { describe, expect, test } from 'vitest';

import { median, quantile, ratios, summarize } from './statistics';

describe('statistics', () => {
  test('the median of an even number of samples is between the middle two', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
    expect(median([])).toBeNaN();
  });

  test('sorts as numbers and leaves its input alone', () => {
    const values = [100, 9, 20];
    expect(median(values)).toBe(20);
    expect(values).toEqual([100, 9, 20]);
  });

  test('quartiles are those of numpy.percentile', () => {
    // numpy.percentile([1, 2, 4, 8, 16, 32], [25, 50, 75]) → 2.5, 6, 14
    expect(summarize([32, 1, 16, 2, 8, 4])).toEqual({ q1: 2.5, median: 6, q3: 14, samples: 6 });
    expect(quantile([10, 20], 0)).toBe(10);
    expect(quantile([10, 20], 1)).toBe(20);
    expect(quantile([0, 10], 0.3)).toBeCloseTo(3, 12);
  });

  test('ratios are taken round by round, not between medians', () => {
    // A machine that halves its speed in the second round changes neither ratio.
    expect(ratios([300, 600], [100, 200])).toEqual([3, 3]);
    expect(() => ratios([1], [1, 2])).toThrow('1 numerators for 2 denominators');
  });
});
