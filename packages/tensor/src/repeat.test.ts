import { expect, test } from 'vitest';

import { valuesOf as values, variableOf } from '../test/support';
import { compile, constant, debug, run, tensor, type Tensor, writeAt } from './index';

test('a repetition ends after so many times, or when the result is not 0', async () => {
  const w = variableOf('w', [0]);
  const step = compile((limit: Tensor) => {
    w.assign(w.value.add(1));
    return limit.lessEqual(w.value).min();
  });
  expect(await step.repeat(5, tensor([100]))).toBe(5);
  expect(await values(w)).toEqual([5]);
  expect(await step.repeat(50, tensor([8]))).toBe(3);
  expect(await values(w)).toEqual([8]);
});

test('what must not be repeated says why', async () => {
  const w = variableOf('w', [0]);
  await expect(compile(() => void w.assign(w.value.add(1))).repeat(3)).rejects.toThrow('must return one scalar, int32 or bool');
  await expect(compile(() => w.value.sum()).repeat(3)).rejects.toThrow('must return one scalar, int32 or bool');
  const step = compile(() => w.value.sum().cast('int32'));
  for (const times of [0, -1, 1.5, NaN, 2 ** 31]) await expect(step.repeat(times)).rejects.toThrow(`positive number of times, below 2³¹, got ${times}`);
  const inside: Promise<unknown>[] = [];
  await run(() => void inside.push(step.repeat(2).catch((error: Error) => error.message)));
  expect(await inside[0]).toMatch('outside run(fn)');
});

test('a frozen repetition is checked again, as a frozen call is; a failed one leaves the step alone', async () => {
  let captured = 1;
  const w = variableOf('w', [0]);
  const step = compile(() => {
    w.assign(w.value.add(captured));
    return w.value.sum().less(0);
  }, { frozen: true });
  expect(await step.repeat(2)).toBe(2);
  captured = 100;
  await expect(step.repeat(2)).rejects.toThrow('a frozen function changed since it was traced');
  expect(step.step).toBe(2);
  expect(await values(w)).toEqual([2]);
});

test('debug mode looks for NaN in a repetition, and measures a profile', async () => {
  const w = variableOf('w', [0]);
  const step = compile(() => {
    w.assign(w.value.div(w.value));
    return w.value.sum().less(0);
  });
  debug();
  try {
    await expect(step.repeat(3)).rejects.toThrow('NaN first appears in a result');
    expect((await compile(() => tensorOf().add(1)).profile()).steps.length).toBe(1);
  } finally {
    debug(false);
  }
});
const tensorOf = (): Tensor => constant([1, 2]);

test('a failure in the middle leaves uncertain what it writes, and says so', async () => {
  const w = variableOf('w', [0]);
  const step = compile((table: Tensor) => {
    const row = table.gather(w.value.cast('int32').reshape([]));
    w.assign(w.value.add(row));
    return row.cast('int32').lessEqual(-1);
  });
  await expect(step.repeat(10, tensor([1, 1, 1]))).rejects.toThrow('3');
  await expect(values(w)).rejects.toThrow("'w' is uncertain since a run failed");
});

test('writeAt names the slice that it takes', () => {
  const position = tensor(Int32Array.of(0), [], 'int32');
  expect(() => writeAt(tensor([[1, 2], [3, 4]]), tensor([1, 2]), position)).toThrow('writeAt: [2, 2] takes a slice of [1, 2] along axis 0, got [2]');
  expect(() => writeAt(tensor([1, 2]), tensor([1]), tensor([0]))).toThrow('position');
  expect(() => writeAt(tensor([1, 2]), tensor([1]), position, 1)).toThrow('[2] has no axis 1');
});
