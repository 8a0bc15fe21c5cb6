import { run, zeros } from '@qkv/tensor';
import { expect, test } from 'vitest';

import { SinusoidalPositions, sinusoidalTable } from './positions';
import { worst } from '../test/support';

test('the table has the values of the formula, odd sizes included', () => {
  for (const D of [1, 2, 7, 64, 512]) {
    const length = 600;
    const expected = Array.from({ length: length * D }, (_, i) => {
      const [p, column] = [Math.floor(i / D), i % D];
      const angle = p / 10000 ** ((column - (column % 2)) / D);
      return column % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    });
    expect(worst(sinusoidalTable(length, D), expected)).toBeLessThan(2e-12);
  }
});

test('PE(p + k) = R_k PE(p): a shift is a rotation of each pair', () => {
  const [D, k] = [16, 9];
  const table = sinusoidalTable(100, D);
  for (let p = 0; p + k < 100; p++) {
    for (let i = 0; i < D; i += 2) {
      const [sine, cosine] = [table[p * D + i], table[p * D + i + 1]];
      const [s, c] = [table[k * D + i], table[k * D + i + 1]]; // sin and cos of k·w
      expect(Math.abs(table[(p + k) * D + i] - (sine * c + cosine * s))).toBeLessThan(1e-9);
      expect(Math.abs(table[(p + k) * D + i + 1] - (cosine * c - sine * s))).toBeLessThan(1e-9);
    }
  }
});

test('the layer adds the first rows, or gives any', async () => {
  const positions = new SinusoidalPositions({ dimension: 4, maxLength: 8 });
  const table = Float32Array.from(sinusoidalTable(8, 4));
  const y = await positions.forward(zeros([2, 3, 4])).data();
  expect([...y]).toEqual([table, table].flatMap((rows) => Array.from(rows.subarray(0, 12))));
  const row = await run(() => positions.at(zeros([], 'int32').add(5)));
  expect([...(await row.data())]).toEqual(Array.from(table.slice(20, 24)));
  expect(positions.variables()).toEqual([]);
  expect(() => positions.forward(zeros([1, 9, 4]))).toThrow('SinusoidalPositions: 9 positions exceed maxLength 8');
});
