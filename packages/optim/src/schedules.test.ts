import { createReferenceBackend, Engine, full, run, tensor } from '@qkv/tensor';
import { expect, test } from 'vitest';

import { readGolden } from '../test/goldens';
import { biasCorrection } from './bias-correction';
import { constant, cosine, inverseSquareRoot, linear, noam, type Schedule } from './schedules';

const engine = new Engine(createReferenceBackend({ precision: 'float64' }));

async function rates(schedule: Schedule, steps: readonly number[]): Promise<number[]> {
  const list = steps.map((step) => schedule(tensor([step])).data());
  return (await Promise.all(list)).map((data) => data[0]);
}

test('noam grows linearly, then falls with the root of the step', async () => {
  const peak = 1 / Math.sqrt(64) / Math.sqrt(100);
  const [half, top, later] = await rates(noam({ dimension: 64, warmup: 100, factor: 2 }), [50, 100, 400]);
  expect(half).toBeCloseTo(peak, 7);
  expect(top).toBeCloseTo(2 * peak, 7);
  expect(later).toBeCloseTo(peak, 7);
});

test('cosine warms up, reaches its rate, and ends at its final one', async () => {
  const schedule = cosine({ learningRate: 1, steps: 110, warmup: 10, final: 0.1 });
  const [first, fifth, tenth, next, middle, end, after] = await rates(schedule, [1, 5, 10, 11, 61, 111, 1000]);
  expect([first, fifth, tenth, next].map((rate) => Number(rate.toFixed(6)))).toEqual([0.1, 0.5, 1, 1]);
  expect(middle).toBeCloseTo(0.55, 6);
  expect([end, after]).toEqual([expect.closeTo(0.1, 6), expect.closeTo(0.1, 6)]);
});

test('linear falls along a line, and stays down', async () => {
  const list = await rates(linear({ learningRate: 2, steps: 4 }), [1, 2, 3, 4, 5, 9]);
  expect(list).toEqual([2, 1.5, 1, 0.5, 0, 0]);
});

test('refuses a warm-up as long as the run', () => {
  expect(() => cosine({ learningRate: 1, steps: 10, warmup: 10 })).toThrow('cosine: warmup 10 must be below steps 10');
  expect(() => noam({ dimension: 64, warmup: 0 })).toThrow('noam: warmup must be an integer of at least 1, got 0');
});

test.each([0.9, 0.98, 0.999, 0.9999, 0.5, 0.01])(
  '1 − %f^t keeps its digits, from the first step to the last',
  async (beta) => {
    const steps = [1, 2, 3, 10, 100, 1000, 100_000];
    const power = (t: number): number => -Math.expm1(t * Math.log(beta));
    for (const [precision, limit] of [
      ['float32', 1e-6],
      ['float64', 1e-12],
    ] as const) {
      const on = precision === 'float64' ? engine : new Engine(createReferenceBackend());
      const values = await run(() => steps.map((t) => biasCorrection(beta, full([], t))), { engine: on });
      for (const [i, t] of steps.entries()) {
        expect(Math.abs((await values[i].item()) / power(t) - 1)).toBeLessThan(limit);
      }
    }
  },
);

test('β = 0 needs no correction', async () => {
  expect(await biasCorrection(0, tensor(3)).item()).toBe(1);
});

test('constant warms up as torch does, and stays', async () => {
  const golden = readGolden<{ learningRate: number; warmup: number; rates: number[] }>('optim_schedules');
  const list = await rates(
    constant(golden),
    golden.rates.map((_, i) => i + 1),
  );
  golden.rates.forEach((rate, i) => expect(Math.abs(list[i] - rate)).toBeLessThanOrEqual(1e-7));
  expect(await rates(constant({ learningRate: 0.25 }), [1, 1000])).toEqual([0.25, 0.25]);
});

test('inverseSquareRoot is the schedule of Noam, named by its peak', async () => {
  const steps = [1, 2, 50, 99, 100, 101, 400, 10_000];
  const list = await rates(inverseSquareRoot({ learningRate: 0.5, warmup: 100 }), steps);
  expect([list[2], list[4], list[6]].map((rate) => Number(rate.toFixed(6)))).toEqual([0.25, 0.5, 0.25]);
  // noam is held equal to torch's in tooling/conformance.
  const same = await rates(noam({ dimension: 64, warmup: 100, factor: 0.5 * 8 * 10 }), steps);
  list.forEach((rate, i) => expect(Math.abs(rate / same[i] - 1)).toBeLessThan(1e-6));
  expect(() => inverseSquareRoot({ learningRate: 1, warmup: 0 })).toThrow(
    'inverseSquareRoot: warmup must be an integer',
  );
});
