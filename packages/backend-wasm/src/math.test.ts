import { expect, test } from 'vitest';

import { runKernel, sampler } from './testing';

const bits = new Int32Array(1);
const value = new Float32Array(bits.buffer);

/** Distance to the next float32 beyond |x|. */
function ulp(x: number): number {
  value[0] = Math.abs(x);
  if (!Number.isFinite(value[0])) return 2 ** 104;
  const below = value[0];
  bits[0]++;
  return Number.isFinite(value[0]) ? value[0] - below : 2 ** 104;
}

function erfc(x: number): number {
  if (x < 2) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 120; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 200; n >= 1; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}
function erf(x: number): number {
  if (Math.abs(x) >= 0.5) return Math.sign(x) * (1 - erfc(Math.abs(x)));
  let term = x;
  let sum = x;
  for (let n = 1; n < 40; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
const phi = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const Phi = (x: number): number => (x < 0 ? erfc(-x / Math.SQRT2) / 2 : 1 - erfc(x / Math.SQRT2) / 2);
const sigma = (x: number): number => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)));
const inner = (x: number): number => 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
const innerSlope = (x: number): number => 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x ** 2);

const SPECIALS = [
  0,
  -0,
  1,
  -1,
  2,
  -2,
  0.5,
  -0.5,
  1e-45,
  -1e-45,
  1.17549435e-38,
  -1.17549435e-38,
  3.4e38,
  -3.4e38,
  Infinity,
  -Infinity,
  NaN,
  88.72283,
  88.7229,
  -87.33,
  -87.34,
  -103.9,
  -104,
  -105,
  1e6,
  -1e6,
];

/** Random bit patterns cut to `range`, evenly spaced values of it, and the specials. */
function samples(range: number, seed: number): Float32Array {
  const { int, next } = sampler(seed);
  const out = Float32Array.from({ length: 60001 }, (_, i) => {
    if (i % 2) return range * next();
    bits[0] = int(2 ** 32);
    const exponent = Math.floor(Math.log2(range));
    value[0] = Math.abs(value[0]) <= range ? value[0] : value[0] * 2 ** (exponent - 127);
    return value[0];
  });
  out.set(SPECIALS);
  return out;
}

interface Case {
  op: string;
  reference: (x: number) => number;
  range: number;
  /** Largest error in units in the last place of the result … */
  ulps: number;
  /** … or absolute, whichever is met. */
  absolute?: number;
  atNegativeInfinity?: number;
}
const CASES: Case[] = [
  { op: 'exp', reference: Math.exp, range: 110, ulps: 1 },
  { op: 'log', reference: Math.log, range: 3.4e38, ulps: 2 },
  { op: 'log', reference: Math.log, range: 4, ulps: 2 },
  { op: 'sin', reference: Math.sin, range: 1e4, ulps: 2 },
  { op: 'cos', reference: Math.cos, range: 1e4, ulps: 2 },
  { op: 'sin', reference: Math.sin, range: 3.4e38, ulps: 2 },
  { op: 'cos', reference: Math.cos, range: 8, ulps: 2 },
  { op: 'tanh', reference: Math.tanh, range: 12, ulps: 3 },
  { op: 'tanh', reference: Math.tanh, range: 1, ulps: 3 },
  { op: 'erf', reference: erf, range: 6, ulps: 3 },
  { op: 'erf', reference: erf, range: 1.5, ulps: 3 },
  { op: 'sigmoid', reference: sigma, range: 110, ulps: 4, absolute: 1e-44 },
  {
    op: 'gelu',
    reference: (x) => (x === Infinity ? x : x * Phi(x)),
    range: 13,
    ulps: 8,
    absolute: 1e-37,
    atNegativeInfinity: 0,
  },
  {
    op: 'geluTanh',
    reference: (x) => (x < -12 ? 0 : x * sigma(inner(x))),
    range: 12,
    ulps: 8,
    absolute: 1e-7,
    atNegativeInfinity: 0,
  },
  { op: 'silu', reference: (x) => x * sigma(x), range: 110, ulps: 4, absolute: 1e-42 },
];

test.each(CASES)(
  '$op is right to $ulps ulp for |x| ≤ $range',
  async ({ op, reference, range, ulps, absolute = 0, atNegativeInfinity }) => {
    const x = samples(range, 11);
    const program = { inputs: 1, instructions: [{ op, args: [0], dtype: 'float32' as const }], results: [1] };
    const shape = [x.length];
    for (const [numerics, [y]] of Object.entries(
      await runKernel('elementwise', [{ shape, data: x }], [{ shape }], { program }),
    )) {
      let worst = 0;
      let at = 0;
      for (let i = 0; i < x.length; i++) {
        const expected = x[i] === -Infinity && atNegativeInfinity !== undefined ? atNegativeInfinity : reference(x[i]);
        const rounded = Math.fround(expected);
        let error: number;
        if (Number.isNaN(expected)) error = Number.isNaN(y[i]) ? 0 : Infinity;
        else if (!Number.isFinite(rounded) || !Number.isFinite(y[i]))
          error = y[i] === rounded ? 0 : Math.abs(expected) > 3.40282346e38 ? 1 : Infinity;
        else error = Math.abs(y[i] - expected) <= absolute ? 0 : Math.abs(y[i] - expected) / ulp(expected);
        if (error > worst) [worst, at] = [error, i];
      }
      if (process.env.QKV_VERBOSE) console.log(op, range, numerics, 'worst', worst.toFixed(3), 'at', x[at], y[at]);
      expect(worst, `${numerics}: ${op}(${x[at]}) = ${y[at]}, should be ${reference(x[at])}`).toBeLessThanOrEqual(ulps);
    }
  },
);

test('the slopes of the activations are right to 10⁻⁶', async () => {
  const x = samples(14, 5).filter((v) => Number.isFinite(v) && Math.abs(v) < 100);
  const dy = Float32Array.from(x, (_, i) => 1 + (i % 5));
  const shape = [x.length];
  const slopes: Record<string, (x: number) => number> = {
    geluBackward: (v) => Phi(v) + v * phi(v),
    geluTanhBackward: (v) => (v < -12 ? 0 : v > 12 ? 1 : sigma(inner(v)) * (1 + v * sigma(-inner(v)) * innerSlope(v))),
    siluBackward: (v) => sigma(v) * (1 + v * sigma(-v)),
  };
  for (const [op, slope] of Object.entries(slopes)) {
    const program = { inputs: 2, instructions: [{ op, args: [0, 1], dtype: 'float32' as const }], results: [2] };
    const inputs = [
      { shape, data: x },
      { shape, data: dy },
    ];
    for (const [y] of Object.values(await runKernel('elementwise', inputs, [{ shape }], { program }))) {
      for (let i = 0; i < x.length; i++) {
        const expected = dy[i] * slope(x[i]);
        if (!(Math.abs(y[i] - expected) <= 1e-6 * dy[i] * Math.min(1, 10 * Math.abs(slope(x[i])) + 0.1)))
          throw new Error(`${op}(${x[i]}, ${dy[i]}) = ${y[i]}, should be ${expected}`);
      }
    }
  }
});

test('pow is right to 1 ulp and follows ECMAScript at the edges', async () => {
  const { next } = sampler(3);
  const pairs: [number, number][] = [
    [0.9, 1000],
    [0.999, 16000],
    [0.999, 1],
    [2, 127],
    [2, -149],
    [2, 128],
    [-2, 3],
    [-2, 2],
    [-8, 1 / 3],
    [1e-40, 0.5],
  ];
  for (const a of SPECIALS) for (const b of SPECIALS) pairs.push([a, b]);
  while (pairs.length < 40003)
    pairs.push(
      [Math.exp(20 * next()), 10 * next()],
      [1 + 0.01 * next(), 5000 * next()],
      [-10 * next(), Math.round(8 * next())],
    );
  const x = Float32Array.from(pairs, ([a]) => a);
  const y = Float32Array.from(pairs, ([, b]) => b);
  const shape = [x.length];
  const program = { inputs: 2, instructions: [{ op: 'pow', args: [0, 1], dtype: 'float32' as const }], results: [2] };
  const inputs = [
    { shape, data: x },
    { shape, data: y },
  ];
  for (const [z] of Object.values(await runKernel('elementwise', inputs, [{ shape }], { program }))) {
    for (let i = 0; i < x.length; i++) {
      const expected = x[i] ** y[i];
      const rounded = Math.fround(expected);
      if (Object.is(z[i], rounded) || Math.abs(z[i] - expected) <= 1.001 * ulp(expected)) continue;
      throw new Error(`${x[i]} ** ${y[i]} = ${z[i]}, should be ${expected}`);
    }
  }
});
