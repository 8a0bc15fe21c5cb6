import { expect, test } from 'vitest';

import { contiguous, runKernel, sampler, type Argument } from '../testing';

const random = sampler(7);

function* indices(shape: readonly number[]): Generator<number[]> {
  const count = shape.reduce((a, b) => a * b, 1);
  for (let i = 0; i < count; i++) {
    const index: number[] = [];
    for (let d = shape.length - 1, rest = i; d >= 0; rest = Math.floor(rest / shape[d--]))
      index.unshift(rest % shape[d]);
    yield index;
  }
}

const address = ({ strides, offset = 0 }: Argument, index: number[]): number =>
  index.reduce((sum, i, d) => sum + i * strides![d], offset);

/** Random order of dimensions, gaps, an offset; `repeat` makes some strides 0. */
function window(shape: number[], repeat: boolean): Argument {
  const order = shape.map((_, d) => d).sort(() => random.next());
  if (random.int(3) === 0) order.sort((a, b) => a - b);
  const sizes = order.map((d) => shape[d] + (random.int(4) === 0 ? 1 : 0));
  const inner = contiguous(sizes);
  const wide = random.int(5) === 0 ? 2 : 1;
  const strides = shape.map((_, d) => (repeat && random.int(4) === 0 ? 0 : inner[order.indexOf(d)] * wide));
  const offset = random.int(3);
  return { shape, strides, offset, data: random.array(sizes.reduce((a, b) => a * b, 1) * wide + offset) };
}

test('copy between any two windows', async () => {
  const sizes = [1, 2, 3, 4, 5, 8, 17];
  for (let round = 0; round < 300; round++) {
    const rank = random.int(6);
    const shape = Array.from({ length: rank }, () =>
      rank < 3 ? random.int(70) + (round % 10 ? 1 : 0) : sizes[random.int(rank < 5 ? 7 : 3)],
    );
    const x = window(shape, true);
    const { data: _, ...y } = window(shape, false);
    const { fma } = await runKernel('copy', [x], [y]);
    const written = new Set<number>();
    for (const index of indices(shape)) {
      const at = address(y, index);
      written.add(at);
      if (fma[0][at] !== x.data![address(x, index)])
        throw new Error(`copy of [${shape}] by [${x.strides}] to [${y.strides}]: element [${index}]`);
    }
    for (let i = 0; i < fma[0].length; i++)
      if (!written.has(i) && !Number.isNaN(fma[0][i])) throw new Error(`copy wrote ${i}, outside of its window`);
  }
});

test('copy of rank 8, and of long rows', async () => {
  const shape = [2, 3, 2, 2, 3, 2, 2, 2];
  const x: Argument = { shape, strides: [1, 2, 6, 12, 24, 72, 144, 288], data: random.array(576) };
  const { fma } = await runKernel('copy', [x], [{ shape }]);
  let i = 0;
  for (const index of indices(shape)) expect(fma[0][i++]).toBe(x.data![address(x, index)]);
  const long: Argument = { shape: [3, 1000], strides: [1003, 1], data: random.array(3 * 1003) };
  const y = (await runKernel('copy', [long], [{ shape: [3, 1000] }])).fma[0];
  expect(y[1999]).toBe(long.data![1003 + 999]);
});

test('fill writes every element of a window and nothing else', async () => {
  for (let round = 0; round < 60; round++) {
    const shape = Array.from({ length: random.int(5) }, () => random.int(6) + (round % 10 ? 1 : 0));
    const { data: _, ...y } = window(shape, false);
    const { fma } = await runKernel('fill', [], [y], { value: 1.5 });
    const inside = new Set([...indices(shape)].map((index) => address(y, index)));
    fma[0].forEach((value, i) => {
      if (inside.has(i) ? value !== 1.5 : !Number.isNaN(value))
        throw new Error(`fill of [${shape}] by [${y.strides}]: ${i} is ${value}`);
    });
  }
  expect([...(await runKernel('fill', [], [{ shape: [2], dtype: 'bool' }], { value: true })).fma[0]]).toEqual([1, 1]);
  expect([...(await runKernel('fill', [], [{ shape: [2], dtype: 'int32' }], { value: -7 })).fma[0]]).toEqual([-7, -7]);
});

test('iota', async () => {
  expect([...(await runKernel('iota', [], [{ shape: [5], dtype: 'int32' }])).fma[0]]).toEqual([0, 1, 2, 3, 4]);
  expect([...(await runKernel('iota', [], [{ shape: [3] }])).fma[0]]).toEqual([0, 1, 2]);
  expect((await runKernel('iota', [], [{ shape: [0] }])).fma[0].length).toBe(0);
});

test('gather and scatterAdd', async () => {
  for (const [r, c, n] of [
    [5, 3, 9],
    [1, 1, 1],
    [40, 64, 30],
    [7, 300, 11],
    [4, 0, 3],
    [3, 5, 0],
  ]) {
    const table = random.array(r * c);
    const ids = Int32Array.from({ length: n }, () => random.int(r));
    const updates = random.array(n * c);
    const { fma } = await runKernel(
      'gather',
      [
        { shape: [r, c], data: table },
        { shape: [n], dtype: 'int32', data: ids },
      ],
      [{ shape: [n, c] }],
    );
    for (let i = 0; i < n * c; i++) expect(fma[0][i]).toBe(table[ids[Math.floor(i / c)] * c + (i % c)]);
    const sums = new Float32Array(r * c);
    for (let i = 0; i < n * c; i++) sums[ids[Math.floor(i / c)] * c + (i % c)] += updates[i];
    const scattered = await runKernel(
      'scatterAdd',
      [
        { shape: [n], dtype: 'int32', data: ids },
        { shape: [n, c], data: updates },
      ],
      [{ shape: [r, c] }],
    );
    for (const [y] of Object.values(scattered)) expect([...y]).toEqual([...sums]);
  }
});

test('an id outside of the table is an error that names it', async () => {
  for (const id of [5, -1]) {
    const ids: Argument = { shape: [2], dtype: 'int32', data: Int32Array.from([0, id]) };
    const error = {
      name: 'KernelError',
      step: 0,
      message: expect.stringContaining(`id ${id} at position 1 is outside 0…4`),
    };
    await expect(
      runKernel('gather', [{ shape: [5, 1], data: random.array(5) }, ids], [{ shape: [2, 1] }]),
    ).rejects.toMatchObject(error);
    await expect(
      runKernel('scatterAdd', [ids, { shape: [2, 1], data: random.array(2) }], [{ shape: [5, 1] }]),
    ).rejects.toMatchObject(error);
  }
});
