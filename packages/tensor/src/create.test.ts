import { describe, expect, test } from 'vitest';

import { valuesOf } from '../test/support';
import { arange, concat, constant, full, isTensor, oneHot, pad, scatterAdd, select, stack, tensor, type Tensor, zeros } from './index';

describe('tensor', () => {
  test('from numbers, nested lists and typed arrays', async () => {
    const made = [tensor(3), tensor([[1, 2], [3, 4], [5, 6]]), tensor([true, false]), tensor(Int32Array.of(1, 2), [1, 2]), tensor(Uint8Array.of(1, 0)), tensor([]), tensor([[], []])];
    expect(made.map(({ shape, dtype }) => [shape, dtype])).toEqual([
      [[], 'float32'],
      [[3, 2], 'float32'],
      [[2], 'bool'],
      [[1, 2], 'int32'],
      [[2], 'bool'],
      [[0], 'float32'],
      [[2, 0], 'float32'],
    ]);
    expect(await valuesOf(made[1]!)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await made[3]!.data()).toEqual(Int32Array.of(1, 2));
    for (const wrong of [1.9, NaN, 3e10]) {
      expect(() => tensor([1, wrong], [2], 'int32')).toThrow(`element 1 is ${wrong}, which is no int32`);
    }
    expect(await tensor([5, 0], [2], 'bool').data()).toEqual(Uint8Array.of(1, 0));
    expect(await tensor(Uint8Array.of(7, 0, 1), [3], 'bool').data()).toEqual(Uint8Array.of(1, 0, 1));
    expect(await tensor(Float32Array.of(-0.5, -0, NaN), [3], 'bool').data()).toEqual(Uint8Array.of(1, 0, 0));
  });

  test('a large mask needs no room beside its own', () => {
    const rows = 2 ** 14 - 1; // a list of its values would end the process
    expect(tensor(new Uint8Array(rows * rows), [rows, rows], 'bool').shape).toEqual([rows, rows]);
  });

  test('keeps a shape of its own', () => {
    const shape = [2, 3];
    const made = [tensor([1, 2, 3, 4, 5, 6]).reshape(shape), full(shape, 1), tensor([1]).expand(shape)];
    shape[0] = 4;
    expect(made.map((x) => x.shape)).toEqual([[2, 3], [2, 3], [2, 3]]);
  });

  test('a −1 that cannot be worked out', () => {
    for (const shape of [[3, -1], [-1, -1], [0, -1]]) expect(() => tensor([1, 2, 3, 4]).reshape(shape)).toThrow('cannot be worked out');
  });

  test('copies what it is given', async () => {
    const given = Float32Array.of(1, 2);
    const x = tensor(given);
    given.fill(0);
    expect(await valuesOf(x)).toEqual([1, 2]);
  });

  test('refuses what has no shape', () => {
    expect(() => tensor([[1, 2], [3]])).toThrow('tensor: nested lists have unequal lengths');
    expect(() => tensor([1, [2]] as never)).toThrow('nested lists have unequal');
    expect(() => tensor([[1], 2] as never)).toThrow('nested lists have unequal depth');
    expect(() => tensor(Float32Array.of(1, 2, 3), [2, 2])).toThrow('tensor: 3 values do not fill [2, 2]');
    expect(() => tensor([1], [1.5] as never)).toThrow('a dimension must be a non-negative integer, got [1.5]');
  });
});

describe('numbers beside tensors', () => {
  test('take the type of the tensor, or throw', async () => {
    const ints = tensor(Int32Array.of(1, 2));
    expect(await ints.add(3).data()).toEqual(Int32Array.of(4, 5));
    expect(await ints.add(-(2 ** 31)).data()).toEqual(Int32Array.of(-(2 ** 31) + 1, -(2 ** 31) + 2));
    for (const wrong of [0.5, 2 ** 31, -(2 ** 31) - 1, NaN, Infinity]) {
      expect(() => ints.add(wrong), String(wrong)).toThrow(`the number ${wrong} cannot be used beside int32; cast the tensor to float32 first`);
      expect(() => full([2], wrong, 'int32')).toThrow('cannot be used beside int32');
      expect(() => pad(ints, [1], [1], wrong)).toThrow('cannot be used beside int32');
    }
    expect(() => full([2], 2, 'bool')).toThrow('the number 2 cannot be used beside bool');
    expect(await full([2], 1, 'bool').data()).toEqual(Uint8Array.of(1, 1));
    expect(Object.is((await tensor(Int32Array.of(5)).mul(-0).cast('float32').data())[0], 0)).toBe(true);
    expect(() => (ints as Tensor).add({} as never)).toThrow('expected a tensor, a Variable or a number, got object');
  });
});

test('joining, padding, choosing, scattering', async () => {
  const x = tensor([[1, 2], [3, 4]]);
  expect(await valuesOf(concat([x, x.add(10)], -1))).toEqual([1, 2, 11, 12, 3, 4, 13, 14]);
  expect(await valuesOf(concat([x, zeros([0, 2]), x.slice([1])]))).toEqual([1, 2, 3, 4, 3, 4]);
  expect(await valuesOf(stack([x, x.neg()], 1))).toEqual([1, 2, -1, -2, 3, 4, -3, -4]);
  expect(await valuesOf(pad(x, [1, 0], [0, 1], 9))).toEqual([9, 9, 9, 1, 2, 9, 3, 4, 9]);
  expect(await valuesOf(select(x.greater(2), x, -1))).toEqual([-1, -1, 3, 4]);
  expect(await valuesOf(scatterAdd(tensor(Int32Array.of(2, 0, 2)), tensor([1, 2, 4]), 3))).toEqual([2, 0, 5]);
  expect(await valuesOf(oneHot(tensor(Int32Array.of(1, 5, -1)), 3))).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 0]);
  expect(await valuesOf(arange(3, 'float32').mul(arange(3, 'float32')))).toEqual([0, 1, 4]);
  expect(() => concat([x, zeros([1, 3])])).toThrow('concat: along axis 0, float32 [1, 3] does not fit float32 [2, 2]');
  expect(() => stack([x, zeros([2])])).toThrow('stack: [2] does not fit [2, 2]');
  expect(() => concat([])).toThrow('concat: needs at least one tensor');
  expect([isTensor(x), isTensor(constant(1)), isTensor({}), isTensor(null), isTensor(3)]).toEqual([true, true, false, false, false]);
});
