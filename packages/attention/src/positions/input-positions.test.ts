import { grad } from '@qkv/autograd';
import { initialize } from '@qkv/nn';
import { run, zeros } from '@qkv/tensor';
import { expect, test } from 'vitest';

import { GridPositions, gridTable } from './grid-positions';
import { LearnedPositions } from './learned-positions';
import { SinusoidalPositions, sinusoidalTable } from './sinusoidal-positions';
import { worst } from '../../test/support';

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

test('a learned table: its rows, its gradient, its name in the state', async () => {
  const positions = new LearnedPositions({ dimension: 3, maxLength: 4 });
  initialize(positions, { seed: 1 });
  const table = await positions.weight.data();
  const y = await positions.forward(zeros([2, 2, 3])).data();
  expect([...y]).toEqual([...table.slice(0, 6), ...table.slice(0, 6)]);
  expect(worst(table, Array(12).fill(0))).toBeLessThan(0.1);
  const dTable = await run(() => grad(positions.forward(zeros([2, 2, 3])).sum(), positions.weight));
  expect([...(await dTable.data())]).toEqual([2, 2, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0]);
  expect([...positions.namedParameters().keys()]).toEqual(['weight']);
  expect(() => positions.forward(zeros([1, 5, 3]))).toThrow('LearnedPositions: 5 positions exceed maxLength 4');
  expect(() => positions.forward(zeros([1, 2, 1]))).toThrow(
    'LearnedPositions: expected a last dimension of 3, got [1, 2, 1]',
  );
  const late = positions.at(zeros([1], 'int32').add(4));
  await expect(late.data()).rejects.toThrow(/id 4 .*LearnedPositions: position below maxLength 4/);
});

test('a grid: the columns of a row of cells differ in x, the rows in y', () => {
  const [height, width, D] = [3, 5, 8];
  const table = gridTable(height, width, D);
  const expected = Array.from({ length: height * width * D }, (_, at) => {
    const [cell, column] = [Math.floor(at / D), at % D];
    const p = column < D / 2 ? cell % width : Math.floor(cell / width);
    const angle = p / 10000 ** ((column % (D / 4)) / (D / 4));
    return column % (D / 2) < D / 4 ? Math.sin(angle) : Math.cos(angle);
  });
  expect(worst(table, expected)).toBeLessThan(1e-12);
  expect(() => new GridPositions({ height, width, dimension: 6 })).toThrow(
    'GridPositions: dimension 6 must be a multiple of 4',
  );
  expect(() => new GridPositions({ height, width, dimension: D }).forward(zeros([1, 16, D]))).toThrow(
    'GridPositions: 16 positions exceed maxLength 15',
  );
});
