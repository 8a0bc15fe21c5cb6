/**
 * Elementary functions on four float32 lanes. Every lane is computed alike whatever its neighbours hold. Polynomials are
 * minimax fits (Remez) on the reduced range; errors are measured in `src/math.test.ts` against float64.
 *
 * | function | error (units in the last place) | range |
 * | --- | --- | --- |
 * | `exp4` | 1 | all; denormal results are rounded once |
 * | `log4` | 2 | all, denormals included |
 * | `sin4`, `cos4` | 2 | all (above 10⁶ lane by lane, slowly) |
 * | `tanh4`, `erf4` | 3 | all |
 * | `pow4` | 1 | all; special cases as in ECMAScript's `**` |
 * | `sigmoid4` | 3 | all |
 */
import { madd, nmadd } from './simd';

// Adding 1.5·2²³ to a float32 of modest size leaves its nearest integer in the low bits.
const MAGIC: f32 = 12582912;
const MAGIC_BITS: i32 = 0x4b400000;
const ONE_BITS: i32 = 0x3f800000;
const LOG2_E: f32 = 1.4426950408889634;
// ln 2 in two parts; the first has 10 bits, so that n · LN2_HIGH is exact.
const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.12194440054690581e-4;

// @ts-ignore: decorator
@inline
function f(x: f32): v128 {
  return f32x4.splat(x);
}

/** (eʳ − 1 − r) / r² on |r| ≤ ½ ln 2. */
// @ts-ignore: decorator
@inline
function expTail(r: v128): v128 {
  let p = madd(r, f(0.0013814540098893431), f(0.0083687451114526322));
  p = madd(p, r, f(0.041668390785678015));
  p = madd(p, r, f(0.1666652039901613));
  return madd(p, r, f(0.49999993432113909));
}

/** e^(x + y) where |y| is small beside x; what rounding took from x can be given back in y. */
// @ts-ignore: decorator
@inline
function expSum(x: v128, y: v128): v128 {
  // pmin/pmax in this order keep NaN.
  const c = f32x4.pmax(f32x4.pmin(x, f(89)), f(-104));
  const t = madd(c, f(LOG2_E), f(MAGIC));
  const n = f32x4.sub(t, f(MAGIC));
  const r = f32x4.add(nmadd(n, f(LN2_LOW), nmadd(n, f(LN2_HIGH), c)), y);
  const p = f32x4.add(f(1), madd(f32x4.mul(r, r), expTail(r), r));
  return scale(p, i32x4.sub(t, i32x4.splat(MAGIC_BITS)), f32x4.ge(x, f(-104)));
}

/** p · 2ⁿ in two factors, so that it over- and underflows where it should; 0 where `keep` is 0. */
// @ts-ignore: decorator
@inline
function scale(p: v128, n: v128, keep: v128): v128 {
  const half = i32x4.shr_s(n, 1);
  const one = i32x4.splat(ONE_BITS);
  const first = i32x4.add(i32x4.shl(half, 23), one);
  const second = i32x4.add(i32x4.shl(i32x4.sub(n, half), 23), one);
  return f32x4.mul(f32x4.mul(p, first), v128.and(second, keep));
}

/** eˣ; exactly 0 below −104. */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const c = f32x4.pmax(f32x4.pmin(x, f(89)), f(-104));
  const t = madd(c, f(LOG2_E), f(MAGIC));
  const n = f32x4.sub(t, f(MAGIC));
  const r = nmadd(n, f(LN2_LOW), nmadd(n, f(LN2_HIGH), c));
  const p = f32x4.add(f(1), madd(f32x4.mul(r, r), expTail(r), r));
  return scale(p, i32x4.sub(t, i32x4.splat(MAGIC_BITS)), f32x4.ge(x, f(-104)));
}

/** eˣ for x ≤ 0, as softmax needs it: as `exp4`, but results below 2⁻¹²⁶ may be 0. */
// @ts-ignore: decorator
@inline
export function expNonPositive4(x: v128): v128 {
  const c = f32x4.pmax(x, f(-87.33));
  const t = madd(c, f(LOG2_E), f(MAGIC));
  const n = f32x4.sub(t, f(MAGIC));
  const r = nmadd(n, f(LN2_LOW), nmadd(n, f(LN2_HIGH), c));
  const p = f32x4.add(f(1), madd(f32x4.mul(r, r), expTail(r), r));
  const factor = i32x4.add(i32x4.shl(t, 23), i32x4.splat(ONE_BITS));
  return f32x4.mul(p, v128.and(factor, f32x4.ge(x, f(-87.33))));
}

/** Natural logarithm. x = 2ᵉ·m with √½ ≤ m < √2, log x = e ln 2 + log1p(m − 1). */
// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  const denormal = f32x4.lt(x, f(1.17549435e-38));
  const bits = v128.bitselect(f32x4.mul(x, f(8388608)), x, denormal);
  const shifted = i32x4.sub(bits, i32x4.splat(0x3f3504f3)); // √½
  const exponent = i32x4.sub(i32x4.shr_s(shifted, 23), v128.and(denormal, i32x4.splat(23)));
  const e = f32x4.convert_i32x4_s(exponent);
  const m = i32x4.add(v128.and(shifted, i32x4.splat(0x7fffff)), i32x4.splat(0x3f3504f3));
  const d = f32x4.sub(m, f(1));
  let p = madd(d, f(0.069155413578576519), f(-0.11789865593931234));
  p = madd(p, d, f(0.11872925919528329));
  p = madd(p, d, f(-0.12384335024839643));
  p = madd(p, d, f(0.14218663793309713));
  p = madd(p, d, f(-0.16669251819838959));
  p = madd(p, d, f(0.20002226321654634));
  p = madd(p, d, f(-0.24999986576378386));
  p = madd(p, d, f(0.33333310445309866));
  const square = f32x4.mul(d, d);
  let y = f32x4.mul(f32x4.mul(square, d), p);
  y = madd(e, f(LN2_LOW), y);
  y = nmadd(square, f(0.5), y);
  y = madd(e, f(LN2_HIGH), f32x4.add(d, y));
  // +∞ and NaN are their own logarithm; 0 gives −∞, less gives NaN.
  y = v128.bitselect(y, x, f32x4.lt(x, f(Infinity)));
  const special = v128.bitselect(f(-Infinity), f(NaN), f32x4.eq(x, f(0)));
  return v128.bitselect(special, y, f32x4.le(x, f(0)));
}

/** (e^y − 1) for 0 ≤ y ≤ 40, accurate near 0. */
// @ts-ignore: decorator
@inline
function expm1Positive(y: v128): v128 {
  const t = madd(y, f(LOG2_E), f(MAGIC));
  const n = f32x4.sub(t, f(MAGIC));
  const r = nmadd(n, f(LN2_LOW), nmadd(n, f(LN2_HIGH), y));
  let p = madd(r, f(0.0013946497101189343), f(0.0083666106020120808));
  p = madd(p, r, f(0.0416662813980423));
  p = madd(p, r, f(0.16666542793863351));
  p = madd(p, r, f(0.5000000062086607));
  p = madd(f32x4.mul(r, r), p, r); // eʳ − 1
  const power = i32x4.add(i32x4.shl(t, 23), i32x4.splat(ONE_BITS)); // 2ⁿ
  return madd(power, p, f32x4.sub(power, f(1)));
}

/** (e^2|x| − 1) / (e^2|x| + 1) with the sign of x. */
// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const y = f32x4.pmin(f32x4.abs(x), f(10));
  const e = expm1Positive(f32x4.add(y, y));
  return copySign(f32x4.div(e, f32x4.add(e, f(2))), x);
}

// @ts-ignore: decorator
@inline
function copySign(magnitude: v128, sign: v128): v128 {
  return v128.or(magnitude, v128.and(sign, i32x4.splat(0x80000000)));
}

/** e^(−a²/2) for 0 ≤ a ≤ 30: a² in two exact parts, since its rounding would grow with a². */
// @ts-ignore: decorator
@inline
function bell(a: v128): v128 {
  const high = v128.and(a, i32x4.splat(0xfffff000));
  const half = f32x4.mul(high, f(-0.5));
  const rest = f32x4.mul(f32x4.sub(a, high), f32x4.mul(f32x4.add(a, high), f(-0.5)));
  return expSum(f32x4.mul(half, high), rest);
}

/** Φ(−a) · e^(a²/2) for 0 ≤ a ≤ 15, as a polynomial in 1 / (1 + a/4); relative error 3·10⁻⁸. */
// @ts-ignore: decorator
@inline
function scaledTail(a: v128): v128 {
  const t = f32x4.div(f(1), madd(a, f(0.25), f(1)));
  let p = madd(t, f(0.032915147851691924), f(-0.19065147632623347));
  p = madd(p, t, f(0.38218351158357919));
  p = madd(p, t, f(-0.31659970485521188));
  p = madd(p, t, f(0.290628474881027));
  p = madd(p, t, f(-0.013026325977535044));
  p = madd(p, t, f(0.11904690006651028));
  p = madd(p, t, f(0.095357202800486068));
  p = madd(p, t, f(0.10016453866821347));
  return madd(p, t, f(-1.8277976914844729e-5));
}

/** erf x = x·P(x²) for |x| < 1, else ±(1 − 2Φ(−√2·|x|)). */
// @ts-ignore: decorator
@inline
export function erf4(x: v128): v128 {
  const u = f32x4.mul(x, x);
  let p = madd(u, f(7.8538612222965885e-5), f(-8.0101935904852326e-4));
  p = madd(p, u, f(0.0051883276823949335));
  p = madd(p, u, f(-0.026853811933882931));
  p = madd(p, u, f(0.11283585148589406));
  p = madd(p, u, f(-0.37612625824232382));
  const near = f32x4.mul(x, madd(p, u, f(1.1283791657267117)));
  const a = f32x4.pmin(f32x4.abs(x), f(6));
  const tail = f32x4.mul(exp4(f32x4.neg(f32x4.mul(a, a))), scaledTail(f32x4.mul(a, f(1.4142135623730951))));
  const far = copySign(f32x4.sub(f(1), f32x4.add(tail, tail)), x);
  return v128.bitselect(near, far, f32x4.lt(u, f(1)));
}

/** x·Φ(x) = max(x, 0) − |x|·Φ(−|x|): no difference of large numbers on either side. */
// @ts-ignore: decorator
@inline
export function gelu4(x: v128): v128 {
  const a = f32x4.pmin(f32x4.abs(x), f(15));
  const tail = f32x4.mul(bell(a), scaledTail(a));
  return nmadd(a, tail, f32x4.pmax(x, f(0)));
}

/** d/dx x·Φ(x) = Φ(x) + x·φ(x). */
// @ts-ignore: decorator
@inline
export function geluSlope4(x: v128): v128 {
  const a = f32x4.pmin(f32x4.abs(x), f(15));
  const e = bell(a);
  const tail = f32x4.mul(e, scaledTail(a));
  // For −|x| the derivative is Φ(−|x|) − |x|·φ(x), for |x| one minus that.
  const lower = nmadd(f32x4.mul(a, f(0.3989422804014327)), e, tail);
  return v128.bitselect(lower, f32x4.sub(f(1), lower), f32x4.lt(x, f(0)));
}

/** 1 / (1 + e⁻ˣ), by way of e^−|x|. */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  return f32x4.div(v128.bitselect(e, f(1), f32x4.lt(x, f(0))), f32x4.add(e, f(1)));
}

// @ts-ignore: decorator
@inline
export function silu4(x: v128): v128 {
  return f32x4.mul(x, sigmoid4(x));
}

/** σ(x)·(1 + x·σ(−x)). */
// @ts-ignore: decorator
@inline
export function siluSlope4(x: v128): v128 {
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  const larger = f32x4.div(f(1), f32x4.add(e, f(1)));
  const smaller = f32x4.mul(e, larger);
  const negative = f32x4.lt(x, f(0));
  const s = v128.bitselect(smaller, larger, negative);
  const c = f32x4.pmax(f32x4.pmin(x, f(200)), f(-200));
  return f32x4.mul(s, madd(c, v128.bitselect(larger, smaller, negative), f(1)));
}

// √(2/π) and 0.044715·√(2/π), doubled since 1 + tanh u = 2σ(2u).
const GELU_LINEAR: f32 = 1.5957691216057308;
const GELU_CUBIC: f32 = 0.07135481627260025;

/** ½x(1 + tanh(√(2/π)(x + 0.044715x³))) = x·σ(2u). */
// @ts-ignore: decorator
@inline
export function geluTanh4(x: v128): v128 {
  const c = f32x4.pmax(f32x4.pmin(x, f(12)), f(-12));
  const v = f32x4.mul(c, madd(f32x4.mul(c, c), f(GELU_CUBIC), f(GELU_LINEAR)));
  return f32x4.mul(f32x4.pmax(x, f(-12)), sigmoid4(v));
}

/** σ(2u) + x·σ(2u)·σ(−2u)·2u′. */
// @ts-ignore: decorator
@inline
export function geluTanhSlope4(x: v128): v128 {
  const c = f32x4.pmax(f32x4.pmin(x, f(12)), f(-12));
  const square = f32x4.mul(c, c);
  const v = f32x4.mul(c, madd(square, f(GELU_CUBIC), f(GELU_LINEAR)));
  const slope = madd(square, f(3 * GELU_CUBIC), f(GELU_LINEAR));
  const e = exp4(f32x4.neg(f32x4.abs(v)));
  const larger = f32x4.div(f(1), f32x4.add(e, f(1)));
  const smaller = f32x4.mul(e, larger);
  const negative = f32x4.lt(v, f(0));
  const s = v128.bitselect(smaller, larger, negative);
  return f32x4.mul(s, madd(f32x4.mul(c, slope), v128.bitselect(larger, smaller, negative), f(1)));
}

// π/2 in two parts; the first has 33 bits, so that n · HALF_PI_HIGH is exact in float64 for |n| < 2²⁰.
const HALF_PI_HIGH: f64 = 1.57079632673412561417;
const HALF_PI_LOW: f64 = 6.07710050650619224932e-11;
const MAGIC_64: f64 = 6755399441055744;

/** Quarter turns nearest to two float64 lanes, their integer in the low words. */
// @ts-ignore: decorator
@inline
function quarterTurns(d: v128): v128 {
  return f64x2.add(f64x2.mul(d, f64x2.splat(0.63661977236758134308)), f64x2.splat(MAGIC_64));
}

// @ts-ignore: decorator
@inline
function withoutTurns(d: v128, turns: v128): v128 {
  const n = f64x2.sub(turns, f64x2.splat(MAGIC_64));
  const r = f64x2.sub(d, f64x2.mul(n, f64x2.splat(HALF_PI_HIGH)));
  return f32x4.demote_f64x2_zero(f64x2.sub(r, f64x2.mul(n, f64x2.splat(HALF_PI_LOW))));
}

/** sin(x + quarter · π/2); the range is reduced in float64. */
// @ts-ignore: decorator
@inline
function sine(x: v128, quarter: i32): v128 {
  const low = f64x2.promote_low_f32x4(x);
  const high = f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 0));
  const turnsLow = quarterTurns(low);
  const turnsHigh = quarterTurns(high);
  const r = v128.shuffle<i64>(withoutTurns(low, turnsLow), withoutTurns(high, turnsHigh), 0, 2);
  const n = i32x4.add(v128.shuffle<i32>(turnsLow, turnsHigh, 0, 2, 4, 6), i32x4.splat(quarter));
  const u = f32x4.mul(r, r);
  let s = madd(u, f(2.7173494671348606e-6), f(-1.9839261554385423e-4));
  s = madd(s, u, f(0.0083333293291077241));
  s = madd(s, u, f(-0.1666666664422021));
  s = madd(f32x4.mul(s, u), r, r);
  let c = madd(u, f(2.4799911594151e-5), f(-0.0013888885547134661));
  c = madd(c, u, f(0.041666666647930034));
  c = f32x4.add(f(1), f32x4.mul(u, madd(c, u, f(-0.5))));
  const odd = i32x4.eq(v128.and(n, i32x4.splat(1)), i32x4.splat(1));
  const y = v128.xor(v128.bitselect(c, s, odd), i32x4.shl(v128.and(n, i32x4.splat(2)), 30));
  const far = f32x4.gt(f32x4.abs(x), f(1e6));
  return v128.any_true(far) ? sineFar(x, y, quarter) : y;
}

/** Replaces lanes above 10⁶ by the library's function, which reduces with as many digits of π as it takes. */
function sineFar(x: v128, y: v128, quarter: i32): v128 {
  const a = f32x4.extract_lane(x, 0);
  const b = f32x4.extract_lane(x, 1);
  const c = f32x4.extract_lane(x, 2);
  const d = f32x4.extract_lane(x, 3);
  if (abs(a) > 1e6) y = f32x4.replace_lane(y, 0, quarter ? <f32>NativeMath.cos(<f64>a) : <f32>NativeMath.sin(<f64>a));
  if (abs(b) > 1e6) y = f32x4.replace_lane(y, 1, quarter ? <f32>NativeMath.cos(<f64>b) : <f32>NativeMath.sin(<f64>b));
  if (abs(c) > 1e6) y = f32x4.replace_lane(y, 2, quarter ? <f32>NativeMath.cos(<f64>c) : <f32>NativeMath.sin(<f64>c));
  if (abs(d) > 1e6) y = f32x4.replace_lane(y, 3, quarter ? <f32>NativeMath.cos(<f64>d) : <f32>NativeMath.sin(<f64>d));
  return y;
}

// @ts-ignore: decorator
@inline
export function sin4(x: v128): v128 {
  return sine(x, 0);
}

// @ts-ignore: decorator
@inline
export function cos4(x: v128): v128 {
  return sine(x, 1);
}

// @ts-ignore: decorator
@inline
function d(x: f64): v128 {
  return f64x2.splat(x);
}

/** log₂ of two non-negative float64 lanes that came from float32; relative error 10⁻¹¹. */
// @ts-ignore: decorator
@inline
function log2Wide(x: v128): v128 {
  const shifted = i64x2.add(x, i64x2.splat(0x3ff0000000000000 - 0x3fe6a09e667f3bcd)); // 1 and √½
  const e = f64x2.sub(v128.or(i64x2.shr_u(shifted, 52), i64x2.splat(0x4330000000000000)), d(4503599627370496 + 1023));
  const m = i64x2.add(v128.and(shifted, i64x2.splat(0x000fffffffffffff)), i64x2.splat(0x3fe6a09e667f3bcd));
  // log m = 2 artanh s, s = (m − 1) / (m + 1)
  const s = f64x2.div(f64x2.sub(m, d(1)), f64x2.add(m, d(1)));
  const z = f64x2.mul(s, s);
  let p = f64x2.add(f64x2.mul(z, d(1.0 / 13)), d(1.0 / 11));
  p = f64x2.add(f64x2.mul(p, z), d(1.0 / 9));
  p = f64x2.add(f64x2.mul(p, z), d(1.0 / 7));
  p = f64x2.add(f64x2.mul(p, z), d(1.0 / 5));
  p = f64x2.add(f64x2.mul(p, z), d(1.0 / 3));
  p = f64x2.add(f64x2.mul(p, z), d(1));
  const y = f64x2.add(e, f64x2.mul(f64x2.mul(s, p), d(2.8853900817779268)));
  // log 0 = −∞; +∞ and NaN stay.
  const ordinary = v128.bitselect(y, x, f64x2.lt(x, d(Infinity)));
  return v128.bitselect(d(-Infinity), ordinary, f64x2.eq(x, d(0)));
}

/** 2ʷ of two float64 lanes, as float32. */
// @ts-ignore: decorator
@inline
function exp2Wide(w: v128): v128 {
  const c = f64x2.pmax(f64x2.pmin(w, d(160)), d(-160));
  const t = f64x2.add(c, d(MAGIC_64));
  const r = f64x2.mul(f64x2.sub(c, f64x2.sub(t, d(MAGIC_64))), d(0.6931471805599453));
  let p = f64x2.add(f64x2.mul(r, d(1.0 / 40320)), d(1.0 / 5040));
  p = f64x2.add(f64x2.mul(p, r), d(1.0 / 720));
  p = f64x2.add(f64x2.mul(p, r), d(1.0 / 120));
  p = f64x2.add(f64x2.mul(p, r), d(1.0 / 24));
  p = f64x2.add(f64x2.mul(p, r), d(1.0 / 6));
  p = f64x2.add(f64x2.mul(p, r), d(0.5));
  p = f64x2.add(f64x2.mul(p, r), d(1));
  p = f64x2.add(f64x2.mul(p, r), d(1));
  const power = i64x2.add(i64x2.shl(t, 52), i64x2.splat(0x3ff0000000000000));
  return f32x4.demote_f64x2_zero(f64x2.mul(p, power));
}

/** xʸ = 2^(y·log₂|x|) in float64, with the sign of an odd power. */
// @ts-ignore: decorator
@inline
export function pow4(x: v128, y: v128): v128 {
  const a = f32x4.abs(x);
  const upperA = v128.shuffle<i64>(a, a, 1, 0);
  const upperY = v128.shuffle<i64>(y, y, 1, 0);
  const low = exp2Wide(f64x2.mul(log2Wide(f64x2.promote_low_f32x4(a)), f64x2.promote_low_f32x4(y)));
  const high = exp2Wide(f64x2.mul(log2Wide(f64x2.promote_low_f32x4(upperA)), f64x2.promote_low_f32x4(upperY)));
  const z = v128.shuffle<i64>(low, high, 0, 2);
  const integer = f32x4.eq(f32x4.trunc(y), y);
  const half = f32x4.mul(y, f(0.5));
  const odd = v128.and(integer, f32x4.ne(f32x4.trunc(half), half));
  const signed = v128.or(z, v128.and(v128.and(x, odd), i32x4.splat(0x80000000)));
  const undefined_ = v128.andnot(v128.and(f32x4.lt(x, f(0)), f32x4.gt(x, f(-Infinity))), integer);
  return v128.bitselect(f(1), v128.or(signed, undefined_), f32x4.eq(y, f(0)));
}
