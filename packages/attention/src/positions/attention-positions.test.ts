import { checkGradient, grad } from '@qkv/autograd';
import { type Module, stateDict } from '@qkv/nn';
import { arange, constant, run, type Tensor, zeros } from '@qkv/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { AlibiPositions, alibiSlopes } from './alibi-positions';
import { BucketedRelativePositions } from './bucketed-relative-positions';
import { ClippedRelativePositions } from './clipped-relative-positions';
import { RotaryPositions } from './rotary-positions';
import { doubles, numbers, on, worst } from '../../test/support';

// Against the golden `positions`: tooling/conformance/src/goldens/positions.ts.

const ints = (...values: number[]): Tensor => constant(Int32Array.from(values), [values.length]);
const doublesOf = (shape: number[], seed: number): Tensor =>
  constant(
    numbers(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    shape,
  );

describe('RotaryPositions', () => {
  /** The formula in complex numbers: pair (a, b) times e^(i·p·θ), pair by pair. */
  function byFormula(
    x: ArrayLike<number>,
    shape: number[],
    at: number[],
    R: number,
    base: number,
    halves: boolean,
  ): number[] {
    const y = Array.from(x);
    const [, T, H, Dh] = shape;
    for (let row = 0; row < y.length / Dh; row++) {
      const p = at[Math.floor(row / H) % T];
      for (let i = 0; i < R / 2; i++) {
        const angle = p / base ** ((2 * i) / R);
        const [m, n] = halves ? [i, i + R / 2] : [2 * i, 2 * i + 1];
        const [a, b] = [x[row * Dh + m], x[row * Dh + n]];
        y[row * Dh + m] = a * Math.cos(angle) - b * Math.sin(angle);
        y[row * Dh + n] = a * Math.sin(angle) + b * Math.cos(angle);
      }
    }
    return y;
  }

  test.each([
    ['adjacent', 8, 8, 10000],
    ['halves', 8, 8, 10000],
    ['adjacent', 10, 6, 500000],
    ['halves', 10, 4, 100],
    ['halves', 2, 2, 10000],
  ] as const)(
    '%s pairs, %i features of which %i turn, base %i',
    async (layout, headDimension, rotatedDimension, base) => {
      const positions = new RotaryPositions({ headDimension, rotatedDimension, base, layout, maxLength: 4096 });
      const shape = [2, 4, 3, headDimension];
      const at = [0, 1, 4095, 700];
      const x = doublesOf(shape, 1);
      const [y, data] = await on(doubles(), positions.rotate(x, ints(...at)), x);
      expect(worst(y, byFormula(data, shape, at, rotatedDimension, base, layout === 'halves'))).toBeLessThan(1e-10);
    },
  );

  test('each row of the batch may have positions of its own', async () => {
    const positions = new RotaryPositions({ headDimension: 4 });
    const x = doublesOf([2, 2, 1, 4], 2);
    const own = constant(Int32Array.of(3, 4, 10, 0), [2, 2]);
    const row = (b: number): Tensor => x.slice([b], [1]);
    const [y, first, second] = await on(
      doubles(),
      positions.rotate(x, own),
      positions.rotate(row(0), ints(3, 4)),
      positions.rotate(row(1), ints(10, 0)),
    );
    expect([...y]).toEqual([...first, ...second]);
  });

  test.each(['adjacent', 'halves'] as const)('the score depends on i − j only, %s', async (layout) => {
    const Dh = 16;
    const positions = new RotaryPositions({ headDimension: Dh, layout, maxLength: 2048 });
    const [q, k] = [doublesOf([1, 1, 1, Dh], 3), doublesOf([1, 1, 1, Dh], 4)];
    const engine = doubles();
    const score = (i: number, j: number): Tensor =>
      positions
        .rotate(q, ints(i))
        .mul(positions.rotate(k, ints(j)))
        .sum();
    const pairs = fc.tuple(fc.nat(1000), fc.nat(1000), fc.nat(1047));
    await fc.assert(
      fc.asyncProperty(pairs, async ([i, j, shift]) => {
        const [[near], [far]] = await on(engine, score(i, j), score(i + shift, j + shift));
        expect(Math.abs(near - far)).toBeLessThan(1e-9);
      }),
      { seed: 1, numRuns: 30 },
    );
    const [[here], [there]] = await on(engine, score(5, 3), score(5, 4));
    expect(Math.abs(here - there)).toBeGreaterThan(1e-3);
  });

  test('its gradient is the rotation back', async () => {
    const positions = new RotaryPositions({ headDimension: 6, rotatedDimension: 4, layout: 'halves' });
    const at = Int32Array.of(2, 0, 9);
    const check = await checkGradient((x) => positions.rotate(x, constant(at, [3])), [doublesOf([1, 3, 2, 6], 5)], {
      engine: doubles(),
    });
    expect(check.error).toBeLessThan(1e-10);
  });

  test('says what does not fit', async () => {
    const positions = new RotaryPositions({ headDimension: 4, maxLength: 8 });
    const x = zeros([1, 9, 2, 4]);
    expect(() => positions.rotate(x, arange(9))).toThrow('RotaryPositions: 9 positions exceed maxLength 8');
    const late = positions.rotate(zeros([1, 1, 2, 4]), ints(8));
    await expect(late.data()).rejects.toThrow(/id 8 .*RotaryPositions: position below maxLength 8/);
    expect(() => positions.rotate(zeros([1, 2, 2, 6]), arange(2))).toThrow(
      'RotaryPositions: expected (B, T, H, 4), got [1, 2, 2, 6]',
    );
    expect(() => positions.rotate(zeros([1, 2, 2, 4]), arange(2, 'float32'))).toThrow(
      'RotaryPositions: positions are int32 (T) or (B, T), got float32 [2]',
    );
    expect(() => new RotaryPositions({ headDimension: 5 })).toThrow(
      'RotaryPositions: rotatedDimension must be even and at most headDimension 5, got 5',
    );
    expect(() => new RotaryPositions({ headDimension: 4, base: 1 })).toThrow(
      'RotaryPositions: base must be above 1, got 1',
    );
  });
});

describe('AlibiPositions', () => {
  test('slopes are powers of 2^(−8/H), with those of 2P between them where H is no power of two', () => {
    expect(
      worst(
        alibiSlopes(16),
        Array.from({ length: 16 }, (_, h) => 2 ** (-(h + 1) / 2)),
      ),
    ).toBeLessThan(1e-15);
    expect(worst(alibiSlopes(1), [1 / 256])).toBe(0);
    // get_slopes(12) of the authors' code: 8 heads, and 4 of the odd ones of 16.
    const twelve = [1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5, 3.5].map((power) => 2 ** -power);
    expect(worst(alibiSlopes(12), twelve)).toBeLessThan(1e-15);
    expect(worst(alibiSlopes(3), [2 ** -4, 2 ** -8, 2 ** -2])).toBeLessThan(1e-15);
  });

  test('the bias falls with the distance, both ways', async () => {
    const positions = new AlibiPositions({ heads: 2 });
    const bias = positions.bias(ints(0, 5), ints(0, 3, 7));
    expect(bias.shape).toEqual([1, 2, 2, 3]);
    const [m, n] = [1 / 16, 1 / 256];
    const expected = [m, n].flatMap((slope) => [0, 3, 7, 5, 2, 2].map((distance) => -slope * distance));
    expect(worst((await on(doubles(), bias))[0], expected)).toBeLessThan(1e-15);
    const rows = positions.bias(constant(Int32Array.of(0, 5), [2, 1]), ints(0, 3, 7)); // a query for each of two rows
    expect(rows.shape).toEqual([2, 2, 1, 3]);
    const apart = [
      [0, 3, 7],
      [5, 2, 2],
    ];
    const each = apart.flatMap((distances) =>
      [m, n].flatMap((slope) => distances.map((distance) => -slope * distance)),
    );
    expect(worst((await on(doubles(), rows))[0], each)).toBeLessThan(1e-15);
  });
});

describe('learned biases', () => {
  const [queries, keys] = [
    [0, 3, 9],
    [0, 1, 4, 20],
  ];

  test('clipped: w[clip(j − i)]', async () => {
    const [engine, k, H] = [doubles(), 4, 3];
    const positions = new ClippedRelativePositions({ heads: H, maxDistance: k });
    expect(positions.parameterCount()).toBe((2 * k + 1) * H);
    await on(engine, positions.weight.value);
    const weight = numbers((2 * k + 1) * H, 6);
    await positions.weight.load(weight);
    const bias = positions.bias(ints(...queries), ints(...keys));
    expect(bias.shape).toEqual([1, H, 3, 4]);
    const expected = [0, 1, 2].flatMap((h) =>
      queries.flatMap((i) => keys.map((j) => weight[(Math.max(-k, Math.min(k, j - i)) + k) * H + h])),
    );
    expect(worst((await on(engine, bias))[0], expected)).toBe(0);
  });

  test('buckets: all distances below half of them have one each, the last takes the rest', async () => {
    const engine = doubles();
    const positions = new BucketedRelativePositions({ heads: 1, buckets: 8, maxDistance: 16 });
    await on(engine, positions.weight.value);
    await positions.weight.load(Float64Array.from({ length: 8 }, (_, bucket) => bucket));
    const relative = [-99, -16, -6, -5, -3, -2, -1, 0, 1, 2, 5, 6, 16, 99];
    // 2 exact of 4: 2 + ⌊2·log(n/2)/log 8⌋ is 2 up to n = 5 (2·log₈ 2.5 = 0.88), 3 from 6 on (1.06).
    const [both] = await on(engine, positions.bias(ints(100), ints(...relative.map((r) => 100 + r))));
    expect([...both]).toEqual([3, 3, 3, 2, 2, 2, 1, 0, 5, 6, 6, 7, 7, 7]);

    const causal = new BucketedRelativePositions({ heads: 1, buckets: 4, maxDistance: 16, bidirectional: false });
    await on(engine, causal.weight.value);
    await causal.weight.load(Float64Array.of(0, 1, 2, 3));
    const [past] = await on(engine, causal.bias(ints(100), ints(...relative.map((r) => 100 + r))));
    expect([...past]).toEqual([3, 3, 3, 2, 2, 2, 1, 0, 0, 0, 0, 0, 0, 0]);
  });

  test('gradients add up over all pairs that share a row', async () => {
    const positions = [
      new ClippedRelativePositions({ heads: 2, maxDistance: 1 }),
      new BucketedRelativePositions({ heads: 2, buckets: 4, maxDistance: 2 }),
    ];
    for (const module of positions) {
      const [counts] = await on(
        doubles(),
        await run(() => grad(module.bias(arange(4), arange(4)).sum(), module.weight), { engine: doubles() }),
      );
      expect(Array.from(counts).reduce((a, b) => a + b)).toBe(2 * 16);
      expect(counts[0]).toBe(counts[1]);
    }
    const clipped = await run(() => grad(positions[0].bias(arange(4), arange(4)).sum(), positions[0].weight));
    expect([...(await clipped.data())]).toEqual([6, 6, 4, 4, 6, 6]);
  });

  test('the state holds the table and nothing else', async () => {
    const names = async (module: Module): Promise<string[]> => [...(await stateDict(module)).keys()];
    expect(await names(new ClippedRelativePositions({ heads: 2, maxDistance: 1 }))).toEqual(['weight']);
    expect(await names(new BucketedRelativePositions({ heads: 2 }))).toEqual(['weight']);
    expect(await names(new RotaryPositions({ headDimension: 4 }))).toEqual([]);
    expect(await names(new AlibiPositions({ heads: 4 }))).toEqual([]);
  });

  test('says what does not fit', () => {
    expect(() => new BucketedRelativePositions({ heads: 2, buckets: 7 })).toThrow(
      'BucketedRelativePositions: needs an even number of at least 4 buckets and a maxDistance above 1, got 7 and 128',
    );
    expect(() => new ClippedRelativePositions({ heads: 2, maxDistance: 0 })).toThrow(
      'ClippedRelativePositions: maxDistance must be a positive integer, got 0',
    );
    expect(() => new AlibiPositions({ heads: 2 }).bias(zeros([2, 2, 2], 'int32'), arange(2))).toThrow(
      'AlibiPositions: positions are int32 (T) or (B, T), got int32 [2, 2, 2]',
    );
  });
});
