import { expect, test } from 'vitest';

import { runKernel, sampler } from './testing';
import * as reference from './testing-accuracy';
import { sweep, ulpError } from './testing-accuracy';

/** x, Φ(x), erf(x) from mpmath 1.3.0 (`mp.dps = 60`, `ncdf`, `erf`), rounded to float64. */
const NORMAL: [number, number, number][] = [
  [-14.5, 6.057494764415221e-48, -1],
  [-13, 6.11716439954988e-39, -1],
  [-11.25, 1.1579603185686417e-29, -1],
  [-9.5, 1.0494515075362608e-21, -1],
  [-8, 6.220960574271784e-16, -1],
  [-6.5, 4.016000583859118e-11, -1],
  [-5.25, 7.604960516488715e-8, -0.9999999999998869],
  [-4, 3.1671241833119924e-5, -0.9999999845827421],
  [-3.5, 0.00023262907903552504, -0.9999992569016276],
  [-3, 0.0013498980316300946, -0.9999779095030014],
  [-2.5, 0.006209665325776135, -0.999593047982555],
  [-2, 0.02275013194817921, -0.9953222650189527],
  [-1.5, 0.06680720126885807, -0.9661051464753108],
  [-1.25, 0.10564977366685525, -0.9229001282564583],
  [-1, 0.15865525393145705, -0.8427007929497149],
  [-0.75, 0.2266273523768682, -0.7111556336535151],
  [-0.5, 0.3085375387259869, -0.5204998778130465],
  [-0.25, 0.4012936743170763, -0.27632639016823696],
  [-0.0625, 0.47508233097075275, -0.07043197772238707],
  [0.0625, 0.5249176690292472, 0.07043197772238707],
  [0.5, 0.6914624612740131, 0.5204998778130465],
  [1, 0.8413447460685429, 0.8427007929497149],
  [1.5, 0.9331927987311419, 0.9661051464753108],
  [2, 0.9772498680518208, 0.9953222650189527],
  [3, 0.9986501019683699, 0.9999779095030014],
  [4, 0.9999683287581669, 0.9999999845827421],
  [5.5, 0.9999999810104375, 0.9999999999999927],
];

test('the float64 functions that kernels are measured with agree with mpmath', () => {
  for (const [x, distribution, erf] of NORMAL) {
    expect(Math.abs(reference.Phi(x) / distribution - 1), `Φ(${x})`).toBeLessThan(1e-13);
    expect(Math.abs(reference.erf(x) / erf - 1), `erf(${x})`).toBeLessThan(1e-15);
  }
});

/** Limits of the kernels' ranges, and of what float32 can hold. */
const LIMITS = [
  89, 88.722839, 88.376262, 87.33, 87.336548, 103.278929, 103.972084, 104, 110, 10, 9.010913, 6, 3.832507, 15,
];
const MORE_LIMITS = [
  13,
  13.2,
  14.6,
  12,
  10.3,
  200,
  1e6,
  0.75179152,
  0.7524614,
  1.2784645,
  Math.SQRT1_2,
  Math.SQRT2,
  3,
  4,
];
/** Where the exponential changes its power of 2, and sine and cosine their quarter. */
const TURNS = Array.from({ length: 310 }, (_, i) => (i / 2) * Math.LN2);
const QUARTERS = Array.from({ length: 2000 }, (_, i) => (i < 400 ? i : Math.floor(1.009 ** i)) * (Math.PI / 4)).filter(
  (x) => x < 3e38,
);
const POINTS = sweep([...LIMITS, ...MORE_LIMITS, ...TURNS, ...QUARTERS]);

interface Case {
  op: string;
  reference: (x: number) => number;
  /** Largest error in ULP … */
  ulps: number;
  /** … of the result, or of this where it is larger: slopes have a root, where some have absolute errors. */
  floor: number;
}
const CASES: Case[] = [
  { op: 'exp', reference: Math.exp, ulps: 1.1, floor: 0 },
  { op: 'log', reference: Math.log, ulps: 1, floor: 0 },
  { op: 'sin', reference: Math.sin, ulps: 2, floor: 0 },
  { op: 'cos', reference: Math.cos, ulps: 2, floor: 0 },
  { op: 'tanh', reference: Math.tanh, ulps: 3, floor: 0 },
  { op: 'erf', reference: reference.erf, ulps: 2, floor: 0 },
  { op: 'sqrt', reference: Math.sqrt, ulps: 0.5, floor: 0 },
  { op: 'sigmoid', reference: reference.sigmoid, ulps: 3, floor: 0 },
  { op: 'silu', reference: reference.silu, ulps: 3, floor: 2 ** -120 },
  { op: 'siluBackward', reference: reference.siluSlope, ulps: 3.5, floor: 0.125 },
  { op: 'gelu', reference: reference.gelu, ulps: 7.5, floor: 0 },
  { op: 'geluBackward', reference: reference.geluSlope, ulps: 8.5, floor: 0 },
  { op: 'geluTanh', reference: reference.geluTanh, ulps: 200, floor: 0 },
  { op: 'geluTanh', reference: reference.geluTanh, ulps: 3.5, floor: 0.125 },
  { op: 'geluTanhBackward', reference: reference.geluTanhSlope, ulps: 6, floor: 0.125 },
];

test.each(CASES)(
  '$op is right to $ulps ULP for every float32 (of at least $floor)',
  async ({ op, reference: f, ulps, floor }) => {
    const slope = op.endsWith('Backward');
    const shape = [POINTS.length];
    const inputs = [
      { shape, data: POINTS },
      ...(slope ? [{ shape, data: new Float32Array(POINTS.length).fill(1) }] : []),
    ];
    const args = slope ? [0, 1] : [0];
    const program = {
      inputs: args.length,
      instructions: [{ op, args, dtype: 'float32' as const }],
      results: [args.length],
    };
    const expected = Float64Array.from(POINTS, f);
    for (const [numerics, [y]] of Object.entries(await runKernel('elementwise', inputs, [{ shape }], { program }))) {
      let worst = 0;
      let at = 0;
      for (let i = 0; i < y.length; i++) {
        const error = ulpError(y[i], expected[i], floor);
        if (error > worst) [worst, at] = [error, i];
      }
      // The first points are the zeros and ±∞.
      for (const i of [0, 1]) expect(y[i], `${numerics}: ${op}(${POINTS[i]})`).toBe(Math.fround(expected[i]));
      for (const i of [2, 3]) expect(ulpError(y[i], expected[i]), `${numerics}: ${op}(${POINTS[i]}) = ${y[i]}`).toBe(0);
      if (process.env.QKV_VERBOSE)
        console.log(`${op} ${numerics}: ${worst.toFixed(3)} ULP at ${POINTS[at]}: ${y[at]}, should be ${expected[at]}`);
      expect(worst, `${numerics}: ${op}(${POINTS[at]}) = ${y[at]}, should be ${expected[at]}`).toBeLessThanOrEqual(
        ulps,
      );
    }
  },
);

const EDGES = [0, 1, 2, 3, 0.5, 1e-45, 1.17549435e-38, 3.4e38, Infinity, 88.72283, 104, 1e6, 2 ** 24, 2 ** 24 - 1]
  .flatMap((x) => [x, -x])
  .concat(NaN);

test('pow is right to 1 ULP and follows ECMAScript at the edges', async () => {
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
  for (const a of EDGES) for (const b of EDGES) pairs.push([a, b]);
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
      if (ulpError(z[i], expected) <= 0.6 && (expected !== 0 || Object.is(z[i], expected))) continue;
      throw new Error(`${x[i]} ** ${y[i]} = ${z[i]}, should be ${expected}`);
    }
  }
});
