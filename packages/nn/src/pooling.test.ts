import { grad } from '@qkv/autograd';
import { constant, read, run, type Shape, type Tensor, tensor, zeros } from '@qkv/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { difference, float64, numbers } from '../test/numbers';
import { averagePool1d, averagePool2d, globalAveragePool, globalMaxPool, maxPool1d, maxPool2d } from './pooling';

// Values and gradients against torch: tooling/conformance/src/goldens/convolutions.ts.

const anyAxis = fc
  .record({
    length: fc.integer({ min: 1, max: 8 }),
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 4 }),
    half: fc.boolean(),
  })
  .map(({ half, ...axis }) => ({ ...axis, padding: half ? Math.floor(axis.kernel / 2) : 0 }))
  .filter(({ length, kernel, padding }) => length + 2 * padding >= kernel);
type Axis = typeof anyAxis extends fc.Arbitrary<infer T> ? T : never;

/** Over two axes, element by element. */
function naive(x: Float64Array, [B, H, W, C]: Shape, [a, b]: readonly [Axis, Axis], maximum: boolean): number[] {
  const count = ({ length, kernel, stride, padding }: Axis): number =>
    Math.floor((length + 2 * padding - kernel) / stride) + 1;
  const y: number[] = [];
  for (let batch = 0; batch < B; batch++) {
    for (let row = 0; row < count(a); row++) {
      for (let column = 0; column < count(b); column++) {
        for (let c = 0; c < C; c++) {
          const window: number[] = [];
          for (let i = 0; i < a.kernel; i++) {
            for (let j = 0; j < b.kernel; j++) {
              const h = row * a.stride + i - a.padding;
              const w = column * b.stride + j - b.padding;
              const inside = h >= 0 && h < H && w >= 0 && w < W;
              if (inside) window.push(x[((batch * H + h) * W + w) * C + c]);
              else if (!maximum) window.push(0);
            }
          }
          y.push(maximum ? Math.max(...window) : window.reduce((s, v) => s + v, 0) / window.length);
        }
      }
    }
  }
  return y;
}

describe('pools are their definition', () => {
  const engine = float64();
  const single = { length: 1, kernel: 1, stride: 1, padding: 0 };

  test('along a sequence', async () => {
    await fc.assert(
      fc.asyncProperty(anyAxis, fc.integer({ min: 1, max: 3 }), async (axis, C) => {
        const shape = [2, axis.length, C];
        const x = numbers(shape, 1);
        const pooled = await run(() => [maxPool1d, averagePool1d].map((pool) => pool(constant(x, shape), axis)), {
          engine,
        });
        const [most, mean] = await read(pooled, { engine });
        expect(difference(most, naive(x, [2, 1, axis.length, C], [single, axis], true))).toBe(0);
        expect(difference(mean, naive(x, [2, 1, axis.length, C], [single, axis], false))).toBeLessThan(1e-14);
      }),
      { seed: 3, numRuns: 80 },
    );
  });

  test('over an image', async () => {
    await fc.assert(
      fc.asyncProperty(anyAxis, anyAxis, async (a, b) => {
        const shape = [2, a.length, b.length, 2];
        const x = numbers(shape, 1);
        const options = {
          kernel: [a.kernel, b.kernel],
          stride: [a.stride, b.stride],
          padding: [a.padding, b.padding],
        } as const;
        const pooled = await run(() => [maxPool2d, averagePool2d].map((pool) => pool(constant(x, shape), options)), {
          engine,
        });
        const [most, mean] = await read(pooled, { engine });
        expect(difference(most, naive(x, shape, [a, b], true))).toBe(0);
        expect(difference(mean, naive(x, shape, [a, b], false))).toBeLessThan(1e-14);
      }),
      { seed: 4, numRuns: 80 },
    );
  });

  test('windows do not overlap unless a stride says so', () => {
    expect(maxPool1d(zeros([1, 7, 2]), { kernel: 3 }).shape).toEqual([1, 2, 2]);
    expect(averagePool2d(zeros([1, 7, 6, 2]), { kernel: [3, 2] }).shape).toEqual([1, 2, 3, 2]);
  });
});

describe('global pools', () => {
  const x = (): Tensor => tensor([1, -1, 2, -4, 9, 9, 5, 6, 7, -8, 0, 0], [2, 3, 2]);
  const values = async (y: Tensor): Promise<number[]> => [...(await y.data())];

  test('are over all positions', async () => {
    expect(await values(globalMaxPool(x()))).toEqual([9, 9, 7, 6]);
    expect((await values(globalAveragePool(x()))).map((v) => v * 3)).toEqual(
      [12, 4, 12, -2].map((v) => expect.closeTo(v, 5)),
    );
    expect(await values(globalMaxPool(x().reshape([1, 2, 3, 2])))).toEqual([9, 9]);
  });

  test('or over what a mask keeps; where that is nothing, 0 with gradient 0', async () => {
    const mask = tensor([
      [true, true, false],
      [false, false, false],
    ]);
    expect(await values(globalMaxPool(x(), mask))).toEqual([2, -1, 0, 0]);
    expect(await values(globalAveragePool(x(), mask))).toEqual([1.5, -2.5, 0, 0]);
    for (const [pool, expected] of [
      [globalMaxPool, [0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
      [globalAveragePool, [0.5, 0.5, 0.5, 0.5, 0, 0, 0, 0, 0, 0, 0, 0]],
    ] as const) {
      const gradient = await run(() => {
        const input: Tensor = constant([1, -1, 2, -4, 9, 9, 5, 6, 7, -8, 0, 0], [2, 3, 2]);
        return grad(pool(input, constant([true, true, false, false, false, false], [2, 3])).sum(), input);
      });
      expect(await values(gradient)).toEqual(expected);
    }
  });

  test('what the mask hides changes nothing, not even where it is no number', async () => {
    const mask = tensor([[true, false]]);
    const hidden = tensor([3, NaN], [1, 2, 1]);
    expect(await values(globalMaxPool(hidden, mask))).toEqual([3]);
    expect(await values(globalAveragePool(hidden, mask))).toEqual([3]);
  });
});

test('says what does not fit', () => {
  const x = zeros([2, 3, 4]);
  expect(() => maxPool1d(x, { kernel: 2, padding: 2 })).toThrow(
    new RangeError('maxPool1d: padding must be at most half the kernel, got 2 for a kernel of 2'),
  );
  expect(() => maxPool1d(x, { kernel: 4 })).toThrow(
    'maxPool1d: a kernel that spans 4 does not fit dimension 1 of [2, 3, 4], 3 and 0 of padding; pad more',
  );
  expect(() => averagePool2d(x, { kernel: 2 })).toThrow(
    'averagePool2d: expected 4 dimensions, batch first and channels last, got [2, 3, 4]',
  );
  expect(() => maxPool2d(x, { kernel: 0 })).toThrow(
    'maxPool2d: kernel must be a positive integer, or 2 of them, got 0',
  );
  expect(() => globalMaxPool(zeros([2, 3]))).toThrow(
    'globalMaxPool: expected a batch, positions and channels, such as (B, T, C), got [2, 3]',
  );
  expect(() => globalAveragePool(x, zeros([2, 4], 'bool'))).toThrow(
    'globalAveragePool: expected a mask bool [2, 3], true for what counts, got bool [2, 4]',
  );
  expect(() => globalMaxPool(x, zeros([2, 3]))).toThrow('got float32 [2, 3]');
});
