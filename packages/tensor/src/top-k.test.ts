import { expect, test } from 'vitest';

import { tensor, topK } from './index';

test('the largest elements in order, of equals the first, NaN before all', async () => {
  const x = tensor([
    [1, 3, -Infinity, 3, 2],
    [0, NaN, Infinity, -1, NaN],
  ]);
  const { values, ids } = topK(x, 4);
  expect([...(await ids.data())]).toEqual([1, 3, 4, 0, 1, 4, 2, 0]);
  expect([...(await values.data())]).toEqual([3, 3, 2, 1, NaN, NaN, Infinity, 0]);
});

test('says what k may be', () => {
  expect(() => topK(tensor([1, 2]), 3)).toThrow('topK: k must be 1 … the size of the last dimension, got 3 for [2]');
  expect(() => topK(tensor([1, 2]), 0)).toThrow('got 0 for [2]');
  expect(() => topK(tensor(Int32Array.of(1, 2)), 1)).toThrow('topK');
});
