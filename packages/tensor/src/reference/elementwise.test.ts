import { describe, expect, test } from 'vitest';

import { engineOf, valuesOf } from '../../test/support';
import { select, tensor, type Tensor } from '../index';

const ints = (...values: number[]): Tensor => tensor(Int32Array.from(values));
const [LOW, HIGH] = [-(2 ** 31), 2 ** 31 - 1];

// Integers and booleans are the same in both precisions.
describe.each(['float32', 'float64'] as const)('in %s', (precision) => {
  const engine = engineOf({ precision });
  const values = (x: Tensor): Promise<number[]> => valuesOf(x, engine);

  test('int32 wraps', async () => {
    expect(await values(ints(HIGH, LOW).add(ints(1, -1)))).toEqual([LOW, HIGH]);
    expect(await values(ints(LOW, HIGH).sub(ints(1, -1)))).toEqual([HIGH, LOW]);
    // Within a program, not only where it is read.
    expect(await values(ints(HIGH).add(1).cast('float32').div(2))).toEqual([LOW / 2]);
    expect(await values(ints(HIGH, 1).sum().cast('float32').div(2))).toEqual([LOW / 2]);
    expect(await values(ints(65536, 123456789, LOW).mul(ints(65536, 987654321, -1)))).toEqual([0, Math.imul(123456789, 987654321), LOW]);
    expect(await values(ints(LOW, 5).neg())).toEqual([LOW, -5]);
    expect(await values(ints(LOW, -5).abs())).toEqual([LOW, 5]);
    expect(await values(ints(HIGH, HIGH, 2).sum())).toEqual([0]);
    expect(await values(ints(LOW, 0, 7).sign())).toEqual([-1, 0, 1]);
  });

  test('casts truncate, saturate, and know NaN and −0', async () => {
    const x = tensor([1.9, -1.9, 2 ** 31, -(2 ** 40), NaN, Infinity, -0.5]);
    expect(await values(x.cast('int32'))).toEqual([1, -1, HIGH, LOW, 0, HIGH, 0]);
    expect(Object.is((await values(tensor([-0.5]).cast('int32').cast('float32')))[0], 0)).toBe(true);
    expect(await values(tensor([0, -0, NaN, 0.1]).cast('bool'))).toEqual([0, 0, 1, 1]);
    expect(await values(ints(-7, 0).cast('bool').cast('int32'))).toEqual([1, 0]);
    expect(await values(ints(16777217).cast('float32'))).toEqual([precision === 'float32' ? 16777216 : 16777217]);
  });

  test('comparisons with NaN are false except notEqual; maximum and minimum pass it on', async () => {
    const [a, b] = [tensor([NaN, 1, 0]), tensor([1, NaN, -0])];
    expect(await values(a.equal(b))).toEqual([0, 0, 1]);
    expect(await values(a.notEqual(b))).toEqual([1, 1, 0]);
    expect(await values(a.less(b).or(a.greater(b)).or(a.lessEqual(b)))).toEqual([0, 0, 1]);
    expect(await values(a.maximum(b))).toEqual([NaN, NaN, 0]);
    expect(await values(a.minimum(b))).toEqual([NaN, NaN, -0]);
    expect(await values(tensor([1, NaN, 2]).max())).toEqual([NaN]);
    expect(await values(tensor([1, NaN, 5]).argMax())).toEqual([1]);
  });

  test('booleans', async () => {
    const [a, b] = [tensor([true, true, false, false]), tensor([true, false, true, false])];
    expect(await values(a.and(b))).toEqual([1, 0, 0, 0]);
    expect(await values(a.or(b))).toEqual([1, 1, 1, 0]);
    expect(await values(a.not())).toEqual([0, 0, 1, 1]);
    expect(await values(a.equal(b))).toEqual([1, 0, 0, 1]);
    expect(await values(select(a, b, true))).toEqual([1, 0, 1, 1]);
    expect([...(await values(a.max())), ...(await values(a.min())), ...(await values(tensor([], [0], 'bool').max())), ...(await values(tensor([], [0], 'bool').min()))]).toEqual([1, 0, 0, 1]);
  });

  test('empty reductions', async () => {
    expect(await values(tensor([], [0], 'int32').max())).toEqual([LOW]);
    expect(await values(tensor([], [0], 'int32').min())).toEqual([HIGH]);
    expect(await values(tensor([], [2, 0]).min(1))).toEqual([Infinity, Infinity]);
    expect(await values(tensor([], [2, 0]).mean(1))).toEqual([NaN, NaN]);
    expect(() => tensor([], [2, 0]).argMax()).toThrow('argMax: needs a non-empty last dimension, got [2, 0]');
  });

  test('powers as ECMAScript has them', async () => {
    const base = tensor([1, 1, -1, 0, 0, -2, -2, 4, NaN]);
    const exponent = tensor([NaN, Infinity, -Infinity, 0, -1, 3, 0.5, 0.5, 0]);
    expect(await values(base.pow(exponent))).toEqual([NaN, NaN, NaN, 1, Infinity, -8, NaN, 2, 1]);
  });
});

test('each result is rounded to float32, as a device would', async () => {
  const x = tensor([1 / 3]);
  expect(await valuesOf(x.mul(3).sub(1), engineOf())).toEqual([Math.fround(Math.fround(1 / 3) * 3) - 1]);
});
