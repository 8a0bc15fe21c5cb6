/**
 * What the accuracy of kernels is held against: float64 functions that share no formula with assembly/, a sweep over
 * all float32 numbers, and errors in units in the last place (ULP).
 */

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);
const LEAST = 2 ** -149;
const OVERFLOW = 2 ** 128;

/** Distance of the float32 numbers around x: 2^(e − 23) for 2^e ≤ |x| < 2^(e + 1), at least 2^−149. */
export function ulp(x: number): number {
  if (!(Math.abs(x) < OVERFLOW)) return 2 ** 104;
  float[0] = x;
  const exponent = (word[0] >>> 23) & 255;
  // Rounded to the next binade, x has still the distance of its own.
  const carried = exponent > 0 && Math.abs(float[0]) > Math.abs(x) && (word[0] & 0x7fffff) === 0 ? 1 : 0;
  return Math.max(LEAST, 2 ** (exponent - carried - 150));
}

/**
 * How far y is from what it should be, in ULP of the latter, or of `floor` where that is larger. Infinity stands for
 * 2^128, so that a result must overflow where rounding does; NaN and only NaN answers NaN.
 */
export function ulpError(y: number, expected: number, floor = 0): number {
  if (Number.isNaN(expected)) return Number.isNaN(y) ? 0 : Infinity;
  const clamp = (x: number): number => (x > OVERFLOW ? OVERFLOW : x < -OVERFLOW ? -OVERFLOW : x);
  const error = Math.abs(clamp(y) - clamp(expected)) / ulp(Math.max(Math.abs(expected), floor));
  return Number.isNaN(error) ? Infinity : error;
}

/** Σ 2ⁿ x^(2n+1) / (1·3·5···(2n+1)) · 2/√π · e^(−x²): all terms of one sign, so nothing cancels. */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; term !== 0 && Math.abs(term) > Math.abs(sum) * 1e-18; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return ((2 * sum) / Math.sqrt(Math.PI)) * Math.exp(-x * x);
}

/** The continued fraction of Laplace, for x ≥ 1. */
function erfcFraction(x: number): number {
  let fraction = 0;
  for (let n = Math.ceil(20 + 150 / (x * x)); n >= 1; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

function erfc(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x < 0) return 2 - erfc(-x);
  if (x > 30) return 0;
  return x < 1 ? 1 - erfSeries(x) : erfcFraction(x);
}

export function erf(x: number): number {
  if (Math.abs(x) < 1 || Number.isNaN(x)) return erfSeries(x);
  return Math.sign(x) * (1 - erfc(Math.abs(x)));
}

/** The normal distribution. */
export const Phi = (x: number): number => erfc(-x / Math.SQRT2) / 2;
const phi = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

export const sigmoid = (x: number): number => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)));
/** 2√(2/π)·(x + 0.044715x³): ½(1 + tanh u) = σ(2u). */
const inner = (x: number): number => 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);
const innerSlope = (x: number): number => 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);

/** x·f(x) and f(x) + x·g(x) where f and g vanish faster than x grows: the limits at ±∞. */
const times = (x: number, factor: number): number => (factor === 0 ? 0 : x * factor);

export const gelu = (x: number): number => times(x, Phi(x));
export const geluSlope = (x: number): number => Phi(x) + times(x, phi(x));
export const geluTanh = (x: number): number => times(x, sigmoid(inner(x)));
export const geluTanhSlope = (x: number): number => {
  const s = sigmoid(inner(x));
  return s + times(x * innerSlope(x), s * sigmoid(-inner(x)));
};
/** x·σ(x) as ECMAScript computes it: NaN at −∞. */
export const silu = (x: number): number => x * sigmoid(x);
export const siluSlope = (x: number): number => {
  const s = sigmoid(x);
  return s + times(x, s * sigmoid(-x));
};

const SPECIALS = [0, -0, Infinity, -Infinity, NaN];

/**
 * Float32 numbers of every sign and exponent: each `step`-th bit pattern of all 2³² (a prime, so that low bits vary),
 * each `step / 32`-th of 2^−7 ≤ |x| < 2^8, where functions bend, the powers of 2 (denormal ones too), the first and the
 * last numbers of either sign, NaN, and eight numbers on each side of `breaks` and of their negatives.
 */
export function sweep(breaks: readonly number[], step = Number(process.env.QKV_SWEEP ?? 12289)): Float32Array {
  const patterns: number[] = [];
  const both = (pattern: number): void => void patterns.push(pattern, pattern + 0x80000000);
  const around = (x: number): void => {
    float[0] = Math.abs(x);
    const middle = word[0];
    for (let i = Math.max(0, middle - 8); i <= middle + 8; i++) both(i);
  };
  breaks.forEach(around);
  for (let e = -149; e < 128; e++) around(2 ** e);
  around(OVERFLOW);
  const dense = Math.max(1, Math.floor(step / 32)) | 1;
  const count = Math.floor(2 ** 32 / step);
  const perSign = Math.floor((15 << 23) / dense);
  const out = new Uint32Array(SPECIALS.length + patterns.length + count + 2 * perSign);
  new Float32Array(out.buffer).set(SPECIALS);
  let at = SPECIALS.length;
  out.set(patterns, at);
  at += patterns.length;
  for (let i = 0; i < count; i++) out[at++] = i * step;
  for (let i = 0; i < perSign; i++) {
    out[at++] = (120 << 23) + i * dense;
    out[at++] = (120 << 23) + i * dense + 0x80000000;
  }
  return new Float32Array(out.buffer);
}
