import { expect, test } from 'vitest';

import { contiguous, runKernel, sampler, type Argument } from '../testing';

/** A matrix batch whose memory has the dimensions in another order, with gaps. */
function operand(random: ReturnType<typeof sampler>, shape: number[], layout: number): Argument {
  const rank = shape.length;
  const order = shape.map((_, d) => d);
  if (layout & 1) order.splice(rank - 2, 2, rank - 1, rank - 2);
  if (layout & 2 && rank > 2) order.unshift(order.splice(rank - 2, 1)[0]);
  const gap = layout & 4 ? 3 : 0;
  const sizes = order.map((d, i) => shape[d] + (i === rank - 1 ? gap : 0));
  const inner = contiguous(sizes);
  const strides = shape.map((_, d) => inner[order.indexOf(d)] * (layout & 8 ? 2 : 1));
  const offset = layout & 4 ? 5 : 0;
  const length = sizes.reduce((a, b) => a * b, 1) * (layout & 8 ? 2 : 1) + offset;
  return { shape, strides, offset, data: random.array(length) };
}

function at(argument: Argument, index: number[]): number {
  return argument.data![index.reduce((sum, i, d) => sum + i * argument.strides![d], argument.offset ?? 0)];
}

function check(c: Float32Array, a: Argument, b: Argument, batch: number[], m: number, n: number, k: number): void {
  const matrices = batch.reduce((x, y) => x * y, 1);
  for (let i = 0; i < matrices; i++) {
    const index: number[] = [];
    for (let d = batch.length - 1, rest = i; d >= 0; rest = Math.floor(rest / batch[d--]))
      index.unshift(rest % batch[d]);
    for (let r = 0; r < m; r++) {
      for (let s = 0; s < n; s++) {
        let sum = 0;
        for (let q = 0; q < k; q++) sum += at(a, [...index, r, q]) * at(b, [...index, q, s]);
        const error = Math.abs(c[(i * m + r) * n + s] - sum);
        if (!(error <= 1e-6 * (1 + Math.sqrt(k))))
          throw new Error(`[${[...index, r, s]}] is ${c[(i * m + r) * n + s]} instead of ${sum}`);
      }
    }
  }
}

async function product(a: Argument, b: Argument): Promise<void> {
  const batch = a.shape.slice(0, -2);
  const [m, k] = a.shape.slice(-2);
  const n = b.shape.at(-1)!;
  const results = await runKernel('matmul', [a, b], [{ shape: [...batch, m, n] }]);
  for (const [c] of Object.values(results)) check(c as Float32Array, a, b, batch, m, n, k);
}

test('random sizes, layouts and batches', async () => {
  const random = sampler(1);
  const sizes = [1, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64];
  const pick = (): number => sizes[random.int(sizes.length)];
  for (let round = 0; round < 150; round++) {
    const batch = [[], [], [1], [2], [5], [2, 3]][random.int(6)];
    const [m, n, k] = [pick(), pick(), pick()];
    await product(operand(random, [...batch, m, k], random.int(16)), operand(random, [...batch, k, n], random.int(16)));
  }
});

test('more than one block of k, of columns and of rows', async () => {
  const random = sampler(2);
  await product(operand(random, [5, 600], 0), operand(random, [600, 1100], 1));
  await product(operand(random, [300, 257], 1), operand(random, [257, 9], 0));
  await product(operand(random, [2, 130, 300], 0), operand(random, [2, 300, 12], 4));
  await product(operand(random, [7, 2100], 0), operand(random, [2100, 130], 0));
  await product(operand(random, [2, 7, 2100], 0), operand(random, [2, 2100, 130], 1));
});

test('a batch that shares B', async () => {
  const random = sampler(3);
  for (const layout of [0, 1, 2, 3]) {
    const b = operand(random, [24, 10], 0);
    await product(operand(random, [3, 6, 24], layout), { ...b, shape: [3, 24, 10], strides: [0, ...b.strides!] });
  }
});

test('empty sizes: an empty sum is zero', async () => {
  const empty = (shape: number[]): Argument => ({ shape, strides: contiguous(shape), data: new Float32Array(64) });
  for (const [m, n, k] of [
    [0, 3, 2],
    [3, 0, 2],
    [3, 5, 0],
    [0, 0, 0],
  ])
    await product(empty([m, k]), empty([k, n]));
  await product(empty([0, 3, 4]), empty([0, 4, 5]));
});

test('neither other rows, other columns, batch neighbours nor appended zeros change a bit', async () => {
  const random = sampler(4);
  const [m, n, k] = [37, 45, 700];
  const a = random.array(m * k);
  const b = random.array(k * n);
  const whole = await runKernel(
    'matmul',
    [
      { shape: [m, k], data: a },
      { shape: [k, n], data: b },
    ],
    [{ shape: [m, n] }],
  );
  for (const [rows, columns, zeros, layoutB, layoutA] of [
    [1, n, 0, 0, 0],
    [1, n, 0, 1, 0],
    [3, n, 0, 0, 0],
    [4, 1, 0, 0, 0],
    [1, 1, 0, 1, 0],
    [5, 7, 0, 0, 0],
    [m, n, 90, 0, 0],
    [2, 17, 400, 1, 0],
    [6, 45, 0, 0, 0],
    [24, 20, 0, 1, 0],
    [3, n, 0, 0, 1],
    [28, n, 0, 1, 1],
    [m, 30, 50, 0, 1],
  ]) {
    const wide = k + zeros;
    const a2 = new Float32Array(rows * wide);
    for (let i = 0; i < rows; i++) for (let q = 0; q < k; q++) a2[layoutA ? q * rows + i : i * wide + q] = a[i * k + q];
    const b2 = new Float32Array(wide * columns);
    for (let q = 0; q < k; q++)
      for (let j = 0; j < columns; j++) b2[layoutB ? j * wide + q : q * columns + j] = b[q * n + j];
    const strides = layoutB ? [1, wide] : [columns, 1];
    const part = await runKernel(
      'matmul',
      [
        { shape: [rows, wide], data: a2, strides: layoutA ? [1, rows] : [wide, 1] },
        { shape: [wide, columns], data: b2, strides },
      ],
      [{ shape: [rows, columns] }],
    );
    for (const numerics of ['fma', 'nofma'] as const) {
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++)
          expect(part[numerics][0][i * columns + j]).toBe(whole[numerics][0][i * n + j]);
    }
  }
});
