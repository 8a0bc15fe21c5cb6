import { expect, test } from 'vitest';

import { runKernel, sampler, type Argument } from './testing';
import { sweep, ulpError } from './testing-accuracy';

const random = sampler(17);
const LENGTHS = [1, 2, 3, 4, 5, 16, 17, 63, 1000, 1023, 1024, 1025, 4096];

/** Rows that are hard in one way each. */
const ROWS: Record<string, (n: number) => ArrayLike<number>> = {
  ordinary: (n) => random.array(n).map((x) => 5 * x),
  equal: (n) => new Array<number>(n).fill(-3.7),
  'large offset': (n) => random.array(n).map((x) => 12345 + 20 * x),
  'large negative offset': (n) => random.array(n).map((x) => -1e8 + 60 * x),
  'near the largest float32': (n) => random.array(n).map((x) => 3.3e38 + 1e37 * x),
  wide: (n) => random.array(n).map((x) => 50 * x),
  masked: (n) => random.array(n).map((x, i) => (i > 0 && random.int(3) ? -Infinity : 3 * x)),
  'one counts': (n) => random.array(n).map((x, i) => (i === n >> 1 ? 40 : x)),
  // All but the first are below half a unit of it: alone each is lost in a sum, together they are not.
  'lost in the sum': (n) => Array.from({ length: n }, (_, i) => (i ? Math.log(0.99 * 2 ** -24) : 0)),
  denormal: (n) => random.array(n).map((x) => 1e-39 * x),
};

/** (xᵢ − max) and log Σ e^(xᵢ − max) in float64. */
function shifted(x: Float32Array): { d: Float64Array; log: number } {
  const largest = x.reduce((a, b) => Math.max(a, b), -Infinity);
  const d = Float64Array.from(x, (v) => v - largest);
  const sum = d.reduce((total, v) => total + Math.exp(v), 0);
  return { d, log: Math.log(sum) };
}

/**
 * Bounds, for d = x − max of the row and n elements of which up to n / 16 (of 1024, at most) share an accumulator:
 * softmax 4 + |d| + n / 16 ULP, since d is rounded and the exponential turns its error into a relative one;
 * log-softmax 3 + n / 16 ULP, of 1 where |y| is less. The row `lost in the sum` shows that n / 16 is not idle.
 */
const additions = (n: number): number => Math.min(n, 1024) / 16;

test('softmax and log-softmax keep their bounds', async () => {
  let [worst, worstLog, ordinary, ordinaryLog] = [0, 0, 0, 0];
  for (const n of LENGTHS) {
    for (const [name, make] of Object.entries(ROWS)) {
      const x = Float32Array.from(make(n));
      const shape = [1, n];
      const { d, log } = shifted(x);
      for (const [numerics, [y]] of Object.entries(await runKernel('softmax', [{ shape, data: x }], [{ shape }]))) {
        for (let i = 0; i < n; i++) {
          const expected = Math.exp(d[i] - log);
          // e^d below 2^−126 may be 0.
          if (expected < 1.1755e-38 && y[i] === 0) continue;
          const error = ulpError(y[i], expected) - Math.min(Math.abs(d[i]), 90);
          worst = Math.max(worst, error - additions(n));
          if (name !== 'lost in the sum') ordinary = Math.max(ordinary, error);
          expect(error, `${numerics}: ${name}, ${n}: y[${i}] = ${y[i]}, should be ${expected}`).toBeLessThanOrEqual(
            4 + additions(n),
          );
        }
      }
      for (const [numerics, [y]] of Object.entries(await runKernel('logSoftmax', [{ shape, data: x }], [{ shape }]))) {
        for (let i = 0; i < n; i++) {
          const expected = d[i] - log;
          const error = ulpError(y[i], expected, 1);
          worstLog = Math.max(worstLog, error - additions(n));
          if (name !== 'lost in the sum') ordinaryLog = Math.max(ordinaryLog, error);
          expect(error, `${numerics}: ${name}, ${n}: y[${i}] = ${y[i]}, should be ${expected}`).toBeLessThanOrEqual(
            3 + additions(n),
          );
        }
      }
    }
  }
  if (process.env.QKV_VERBOSE) console.log({ worst, worstLog, ordinary, ordinaryLog });
});

test('rows that are all −∞ give zeros; NaN and +∞ make the whole row NaN', async () => {
  for (const n of LENGTHS) {
    const shape = [5, n];
    const rows = [
      new Float32Array(n).fill(-Infinity),
      random.array(n).fill(NaN, n >> 1, (n >> 1) + 1),
      random.array(n).fill(Infinity, n - 1),
      new Float32Array(n).fill(NaN),
      random.array(n),
    ];
    const data = Float32Array.from(rows.flatMap((row) => [...row]));
    for (const [numerics, [y]] of Object.entries(await runKernel('softmax', [{ shape, data }], [{ shape }]))) {
      const row = (r: number): Float32Array => (y as Float32Array).subarray(r * n, r * n + n);
      expect(
        row(0).every((v) => Object.is(v, 0)),
        numerics,
      ).toBe(true);
      for (const r of [1, 2, 3]) expect(row(r).every(Number.isNaN), `${numerics}, row ${r}`).toBe(true);
      expect(
        row(4).every((v) => v > 0 && v <= 1),
        numerics,
      ).toBe(true);
    }
    for (const [numerics, [y]] of Object.entries(await runKernel('logSoftmax', [{ shape, data }], [{ shape }]))) {
      const row = (r: number): Float32Array => (y as Float32Array).subarray(r * n, r * n + n);
      for (const r of [1, 2, 3]) expect(row(r).every(Number.isNaN), `${numerics}, row ${r}`).toBe(true);
      expect(
        row(4).every((v) => v <= 0),
        numerics,
      ).toBe(true);
    }
  }
});

/** 1 / √v is a square root and a division, both rounded exactly: ½ ULP of √v, which is at most 1 of the quotient, and ½. */
const RSQRT = 1.5;

test('1 / √v of RMS norm, for all squares of float32', async () => {
  const data = sweep([1]).filter((x) => x * x < 3.4e38 && x * x >= 2 ** -149);
  const shape = [data.length, 1];
  const outputs = [{ shape }, { shape: [data.length] }];
  const inputs = [
    { shape, data },
    { shape: [1], data: Float32Array.of(1) },
  ];
  for (const [numerics, [y, rstd]] of Object.entries(await runKernel('rmsNorm', inputs, outputs, { epsilon: 0 }))) {
    let worst = 0;
    for (let i = 0; i < data.length; i++) {
      const error = ulpError(rstd[i], 1 / Math.sqrt(Math.fround(data[i] * data[i])));
      worst = Math.max(worst, error);
      if (error > RSQRT) throw new Error(`${numerics}: rstd of [${data[i]}] is ${rstd[i]}`);
      // The square of a normal number that is denormal has lost digits.
      if (Math.abs(data[i]) > 1e-18 && !(Math.abs(Math.abs(y[i]) - 1) <= 3 * 2 ** -23))
        throw new Error(`${numerics}: [${data[i]}] became ${y[i]}`);
    }
    if (process.env.QKV_VERBOSE) console.log(`rsqrt ${numerics}: ${worst.toFixed(3)} ULP`);
  }
});

test('1 / √(variance + ε) of layer norm', async () => {
  const row = { shape: [1] };
  const inputs = (numbers: number[]): Argument[] => {
    const data = Float32Array.from(numbers);
    const columns = { shape: [data.length], data };
    return [{ shape: [1, data.length], data }, columns, columns];
  };
  // One element has no variance: rstd is 1 / √ε, for ε of every exponent.
  for (let e = -149; e < 128; e += 3) {
    const epsilon = Math.fround(2 ** e * (1 + random.int(1000) / 1000));
    for (const [, , rstd] of Object.values(
      await runKernel('layerNorm', inputs([5]), [{ shape: [1, 1] }, row, row], { epsilon }),
    ))
      expect(ulpError(rstd[0], 1 / Math.sqrt(epsilon)), `ε = ${epsilon}`).toBeLessThanOrEqual(RSQRT);
  }
  // ±a has the variance a².
  for (let e = -60; e < 60; e++) {
    const a = Math.fround(2 ** e * (1 + random.int(1000) / 1000));
    for (const [, , rstd] of Object.values(
      await runKernel('layerNorm', inputs([a, -a]), [{ shape: [1, 2] }, row, row], { epsilon: 0 }),
    ))
      expect(ulpError(rstd[0], 1 / Math.sqrt(Math.fround(a * a))), `a = ${a}`).toBeLessThanOrEqual(RSQRT);
  }
  for (const x of [
    [1, Infinity],
    [NaN, 1],
    [3e38, -3e38],
  ]) {
    for (const [, , rstd] of Object.values(
      await runKernel('layerNorm', inputs(x), [{ shape: [1, 2] }, row, row], { epsilon: 0 }),
    ))
      expect(rstd[0]).toBe(x[0] === 3e38 ? 0 : NaN); // the variance overflows
  }
});
