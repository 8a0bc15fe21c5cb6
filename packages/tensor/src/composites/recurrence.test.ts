import { describe, expect, test } from 'vitest';

import { gru, lstm, type Tensor, zeros } from '../index';

// Values and gradients: packages/autograd/src/composites.test.ts, packages/nn/src/recurrent.test.ts, and PyTorch's goldens.

const of = (...shape: number[]): Tensor => zeros(shape);

describe('recurrences say what does not fit', () => {
  test('shapes', () => {
    expect(lstm(of(2, 3, 16), of(16, 4), of(2, 4), of(2, 4)).cell.shape).toEqual([2, 3, 4]);
    expect(gru(of(2, 3, 12), of(12, 4), of(12), of(2, 4)).shape).toEqual([2, 3, 4]);
    const expected = 'lstm: expected (B, T, 4·H), (4·H, H) and states (B, H), with T ≥ 1; got ';
    expect(() => lstm(of(2, 3, 12), of(12, 4), of(2, 4), of(2, 4))).toThrow(
      `${expected}[2, 3, 12] [12, 4] [2, 4] [2, 4]`,
    );
    expect(() => lstm(of(2, 3, 16), of(4, 16), of(2, 4), of(2, 4))).toThrow(expected);
    expect(() => lstm(of(2, 3, 16), of(16, 4), of(2, 4), of(3, 4))).toThrow(expected);
    expect(() => lstm(of(2, 0, 16), of(16, 4), of(2, 4), of(2, 4))).toThrow(expected);
    expect(() => lstm(of(3, 16), of(16, 4), of(2, 4), of(2, 4))).toThrow(expected);
    expect(() => gru(of(2, 3, 16), of(16, 4), of(16), of(2, 4))).toThrow('gru: expected (B, T, 3·H)');
    expect(() => gru(of(2, 3, 12), of(12, 4), of(4), of(2, 4))).toThrow('gru: expected a bias of [12], got [4]');
  });

  test('masks', () => {
    const gates = [of(2, 3, 12), of(12, 4), of(12), of(2, 4)] as const;
    expect(() => gru(...gates, { mask: zeros([3, 2], 'bool') })).toThrow('gru: expected a mask of [2, 3], got [3, 2]');
    expect(() => gru(...gates, { mask: of(2, 3) })).toThrow('gru: mask: expected bool, got float32');
  });
});
