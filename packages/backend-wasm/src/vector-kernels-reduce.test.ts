import { expect, test } from 'vitest';

import { contiguous, runKernel, sampler, type Argument } from './testing';

const random = sampler(23);
const size = (shape: readonly number[]): number => shape.reduce((x, y) => x * y, 1);

/** Elements of a window in row-major order. */
function flatten({ shape, strides = contiguous(shape), offset = 0, data }: Argument): number[] {
  return Array.from({ length: size(shape) }, (_, index) => {
    let at = offset;
    for (let d = shape.length - 1; d >= 0; d--) {
      at += (index % shape[d]) * strides[d];
      index = Math.floor(index / shape[d]);
    }
    return data![at];
  });
}

function randomWindow(shape: number[], dtype: 'float32' | 'int32' | 'bool'): Argument {
  const order = shape.map((_, d) => d);
  if (random.int(2)) order.sort(() => random.next());
  const strides = shape.map(() => 0);
  let extent = 1;
  for (const d of order.reverse()) {
    strides[d] = extent;
    extent *= shape[d] + (random.int(6) === 0 ? 1 : 0);
  }
  if (random.int(4) === 0) shape.forEach((_, d) => random.int(2) && (strides[d] = 0));
  const length = Math.max(1, extent, size(shape));
  const integers = dtype === 'bool' ? () => random.int(2) : () => random.int(2000) - 1000;
  return {
    shape,
    dtype,
    strides,
    data: dtype === 'float32' ? random.array(length) : Int32Array.from({ length }, integers),
  };
}

function expected(op: string, dtype: string, elements: number[]): number {
  if (op === 'sum') return elements.reduce((x, y) => x + y, 0);
  if (elements.length > 0)
    return op === 'max' ? elements.reduce((x, y) => Math.max(x, y)) : elements.reduce((x, y) => Math.min(x, y));
  const [least, greatest] = { float32: [-Infinity, Infinity], int32: [-(2 ** 31), 2 ** 31 - 1], bool: [0, 1] }[dtype]!;
  return op === 'max' ? least : greatest;
}

test('sum, max and min of random windows', async () => {
  for (let round = 0; round < 240; round++) {
    const keptRank = random.int(4);
    const axes = random.int(4);
    const sizes = [1, 2, 3, 4, 5, 9, 17, 40];
    const shape = Array.from({ length: keptRank + axes }, () => sizes[random.int(axes + keptRank > 4 ? 5 : 8)]);
    if (axes > 0 && random.int(3) === 0 && size(shape) < 5000) shape[shape.length - 1] = 300 + random.int(900);
    if (shape.length > 0 && random.int(15) === 0) shape[random.int(shape.length)] = 0;
    const dtype = (['float32', 'float32', 'int32', 'bool'] as const)[random.int(4)];
    const op = dtype === 'bool' ? ['max', 'min'][random.int(2)] : ['sum', 'max', 'min'][random.int(3)];
    const x = randomWindow(shape, dtype);
    const elements = flatten(x);
    const kept = shape.slice(0, keptRank);
    const count = size(shape.slice(keptRank));
    for (const [y] of Object.values(await runKernel('reduce', [x], [{ shape: kept, dtype }], { op, axes }))) {
      for (let i = 0; i < size(kept); i++) {
        const value = expected(op, dtype, elements.slice(i * count, (i + 1) * count));
        const tolerance = op === 'sum' && dtype === 'float32' ? 2e-7 * Math.sqrt(count + 1) * 4 : 0;
        if (!(y[i] === value || Math.abs(y[i] - value) <= tolerance))
          throw new Error(
            `${op} of [${shape.join(', ')}] (${dtype}, strides ${x.strides!.join(', ')}, ${axes} axes): [${i}] is ${y[i]}, should be ${value}`,
          );
      }
    }
  }
});

test('a long sum of equal terms stays right', async () => {
  const n = 3_000_001;
  const data = new Float32Array(n).fill(0.1);
  for (const [y] of Object.values(
    await runKernel('reduce', [{ shape: [n], data }], [{ shape: [] }], { op: 'sum', axes: 1 }),
  )) {
    expect(Math.abs(y[0] / (n * Math.fround(0.1)) - 1)).toBeLessThan(1e-6);
  }
});

test('NaN propagates through max and min', async () => {
  for (const op of ['max', 'min']) {
    for (const n of [1, 5, 33, 700]) {
      const data = random.array(3 * n);
      data[n + random.int(n)] = NaN;
      const transposed = {
        shape: [3, n],
        strides: [1, 3],
        data: Float32Array.from(data, (_, i) => data[(i % 3) * n + Math.floor(i / 3)]),
      };
      for (const x of [{ shape: [3, n], data }, transposed]) {
        for (const [y] of Object.values(await runKernel('reduce', [x], [{ shape: [3] }], { op, axes: 1 }))) {
          expect(Array.from(y, Number.isNaN)).toEqual([false, true, false]);
        }
      }
    }
  }
});

test('a sum has the same bits in every layout, among any neighbours, and with zeros appended', async () => {
  for (const n of [3, 7, 8, 100, 511, 513, 1600, 5000]) {
    const row = random.array(n);
    const sum = async (x: Argument, at: number): Promise<number[]> => {
      const results = await runKernel('reduce', [x], [{ shape: [x.shape[0]] }], {
        op: 'sum',
        axes: x.shape.length - 1,
      });
      return [results.fma[0][at], results.nofma[0][at]];
    };
    const alone = await sum({ shape: [1, n], data: row }, 0);
    const padded = new Float32Array(n + 777);
    padded.set(row);
    expect(await sum({ shape: [1, n + 777], data: padded }, 0)).toEqual(alone);
    for (const columns of [3, 4, 21, 600]) {
      const at = random.int(columns);
      const table = random.array(columns * n);
      row.forEach((value, i) => (table[i * columns + at] = value));
      expect(await sum({ shape: [columns, n], strides: [1, columns], data: table }, at)).toEqual(alone);
      const rows = random.array(columns * n);
      rows.set(row, at * n);
      expect(await sum({ shape: [columns, n], data: rows }, at)).toEqual(alone);
    }
    // As two reduced dimensions that do not merge.
    for (const quarter of n % 4 === 0 ? [n / 4] : []) {
      const table = random.array(5 * n);
      row.forEach((value, i) => (table[5 * ((i % quarter) * 4 + Math.floor(i / quarter)) + 2] = value));
      expect(await sum({ shape: [5, 4, quarter], strides: [1, 5, 20], data: table }, 2)).toEqual(alone);
    }
  }
});

test('argMax is the first index of the largest element', async () => {
  for (let round = 0; round < 150; round++) {
    const shape = [1 + random.int(3), 1 + random.int(4), [1, 2, 3, 4, 5, 31, 300][random.int(7)]];
    const dtype = random.int(3) ? 'float32' : 'int32';
    const x = randomWindow(shape, dtype);
    if (dtype === 'float32')
      for (let i = 0; i < x.data!.length; i++)
        x.data![i] =
          random.int(60) === 0 ? NaN : random.int(8) === 0 ? 0.75 : random.int(9) === 0 ? -Infinity : x.data![i] / 1.4;
    const elements = flatten(x);
    const n = shape[2];
    for (const [y] of Object.values(await runKernel('argMax', [x], [{ shape: shape.slice(0, 2), dtype: 'int32' }]))) {
      for (let i = 0; i < shape[0] * shape[1]; i++) {
        const row = elements.slice(i * n, (i + 1) * n);
        const nan = row.findIndex(Number.isNaN);
        expect(y[i], `row ${row.join(' ')}`).toBe(nan >= 0 ? nan : row.indexOf(row.reduce((p, q) => Math.max(p, q))));
      }
    }
  }
});
