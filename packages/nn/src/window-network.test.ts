import { constant, read, run, type Tensor, zeros } from '@qkv/tensor';
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { difference, float64, numbers } from '../test/numbers';
import { loadStateDict } from './state-dict';
import { WindowNetwork } from './window-network';

const count = (window: number | undefined, length?: number): number =>
  new WindowNetwork({ dimension: 5, outputs: 3, hidden: [7], window, length }).parameterCount();

test('has a first layer that grows with (2w + 1)·D, or with T·D', () => {
  for (const w of [0, 1, 4]) expect(count(w)).toBe((2 * w + 1) * 5 * 7 + 7 + 7 * 3 + 3);
  expect(count(undefined)).toBe(count(0));
  expect(count(undefined, 11)).toBe(11 * 5 * 7 + 7 + 7 * 33 + 33);
});

test('is a network on concatenated vectors, zeros beyond the ends', async () => {
  const engine = float64();
  const any = fc.record({
    T: fc.integer({ min: 1, max: 5 }),
    D: fc.integer({ min: 1, max: 3 }),
    w: fc.nat(3),
    whole: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(any, async ({ T, D, w, whole }) => {
      const O = 2;
      const options = whole ? { length: T } : { window: w };
      const model = new WindowNetwork({ dimension: D, outputs: O, hidden: [4], ...options });
      const entries = new Map(
        [...model.namedParameters()].map(([name, { shape }], i) => [name, { shape, data: numbers(shape, i) }]),
      );
      await loadStateDict(model, entries, { engine });
      const x = numbers([2, T, D], 9);
      const y = await (await run(() => model.forward(constant(x, [2, T, D])), { engine })).data();
      const layer = (index: number, input: number[]): number[] =>
        Array.from(entries.get(`layers.${index}.bias`)!.data, (bias, row) =>
          input.reduce(
            (sum, v, i) => sum + entries.get(`layers.${index}.weight`)!.data[row * input.length + i] * v,
            bias,
          ),
        );
      const network = (input: number[]): number[] =>
        layer(
          1,
          layer(0, input).map((v) => Math.max(v, 0)),
        );
      const expected = [0, 1].flatMap((b) => {
        const vector = (t: number): number[] =>
          Array.from({ length: D }, (_, d) => (t < 0 || t >= T ? 0 : x[(b * T + t) * D + d]));
        const range = (from: number, to: number): number[] =>
          Array.from({ length: to - from + 1 }, (_, i) => vector(from + i)).flat();
        if (whole) return network(range(0, T - 1));
        return Array.from({ length: T }, (_, t) => network(range(t - w, t + w))).flat();
      });
      expect(difference(y, expected)).toBeLessThan(1e-12);
    }),
    { seed: 6, numRuns: 60 },
  );
});

test('sees as far as its window: both saws of “I saw a saw” are one without, and differ with a window', async () => {
  const engine = float64();
  const rows = await run(
    () => {
      const words = numbers([3, 4], 1);
      const sentence: Tensor = constant(words, [3, 4])
        .gather(constant(Int32Array.of(0, 1, 2, 1)))
        .unsqueeze(0);
      return [0, 1].flatMap((window) => {
        const y = new WindowNetwork({ dimension: 4, outputs: 2, window }).forward(sentence);
        return [1, 3].map((t) => y.slice([0, t], [1, 1]));
      });
    },
    { engine },
  );
  const [first, second, near, far] = await read(rows, { engine });
  expect(second).toEqual(first);
  expect(difference(near, far)).toBeGreaterThan(1e-3);
});

test('says what does not fit', () => {
  const of = (options: object): WindowNetwork => new WindowNetwork({ dimension: 4, outputs: 2, ...options });
  expect(() => of({ window: -1 })).toThrow(
    new RangeError('WindowNetwork: window must be a non-negative integer, got -1'),
  );
  expect(() => of({ window: 1, length: 5 })).toThrow('WindowNetwork: window and length exclude each other');
  expect(() => of({ length: 0 })).toThrow('WindowNetwork: length must be a positive integer, got 0');
  expect(() => of({ hidden: [3, 0] })).toThrow('WindowNetwork: hidden must be a positive integer, got 0');
  expect(() => of({}).forward(zeros([2, 5, 3]))).toThrow(
    'WindowNetwork: expected a last dimension of 4, got [2, 5, 3]',
  );
  expect(() => of({ length: 6 }).forward(zeros([2, 5, 4]))).toThrow('WindowNetwork: expected (B, 6, 4), got [2, 5, 4]');
  expect(() => of({}).forward(zeros([5, 4]))).toThrow('WindowNetwork: expected (B, T, 4), got [5, 4]');
});
