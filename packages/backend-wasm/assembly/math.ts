/**
 * Elementary functions on four float32 lanes. Every lane is computed alike whatever its neighbours hold. Polynomials are
 * minimax fits (Remez) on the reduced range. `src/math.test.ts` holds these bounds for both numerics, over all signs and
 * exponents, ±0, denormal numbers, ±∞ and NaN; an ULP is the distance of the float32 numbers around the exact result.
 *
 * | function | error (ULP) | of |
 * | --- | --- | --- |
 * | `exp4` | 1.1 | the result; denormal results are rounded once |
 * | `log4` | 1 | the result |
 * | `sin4`, `cos4` | 2 | the result (above 10⁶ lane by lane, slowly) |
 * | `tanh4`, `erf4`, `sigmoid4` | 3 | the result |
 * | `pow4` | 0.6 | the result; special cases as in ECMAScript's `**` |
 * | `silu4` | 3 | the result, or 2⁻¹²⁰ |
 * | `siluSlope4` | 3.5 | the result, or ⅛: it has a root |
 * | `gelu4` | 9 | the result |
 * | `geluSlope4` | 12 | the result, or ⅛: it has a root |
 * | `geluTanh4` | 3.5 | the result, or ⅛; 200 ULP of the result, at its worst near −10 |
 * | `geluTanhSlope4` | 5 | the result, or ⅛: it has a root |
 */
import { zero } from './rows';
import { madd, nmadd } from './simd';

// Constants are read from memory. V8 (Node 24 above all) builds a literal vector anew in every turn of a loop, from several
// instructions: literals more than halved the speed. Each name below is the address of one number or of a polynomial's
// coefficients, highest power first.
const HALF = memory.data<f32>([0.5]);
const ONE = memory.data<f32>([1]);
const TWO = memory.data<f32>([2]);
const INFINITY = memory.data<f32>([Infinity]);
const MINUS_INFINITY = memory.data<f32>([-Infinity]);
const NOT_A_NUMBER = memory.data<f32>([NaN]);
const SIGN_BIT = memory.data<u32>([0x80000000]);
const LEAST_NORMAL = memory.data<f32>([1.17549435e-38]);

/** The number at an address, in all lanes. */
// @ts-ignore: decorator
@inline
function f(address: usize): v128 {
  return v128.load32_splat(address);
}

// Polynomials of degree 1 to 9.
// @ts-ignore: decorator
@inline
function horner1(x: v128, c: usize): v128 {
  return madd(x, f(c), f(c + 4));
}
// @ts-ignore: decorator
@inline
function horner2(x: v128, c: usize): v128 {
  return madd(horner1(x, c), x, f(c + 8));
}
// @ts-ignore: decorator
@inline
function horner3(x: v128, c: usize): v128 {
  return madd(horner2(x, c), x, f(c + 12));
}
// @ts-ignore: decorator
@inline
function horner4(x: v128, c: usize): v128 {
  return madd(horner3(x, c), x, f(c + 16));
}
// @ts-ignore: decorator
@inline
function horner5(x: v128, c: usize): v128 {
  return madd(horner4(x, c), x, f(c + 20));
}
// @ts-ignore: decorator
@inline
function horner6(x: v128, c: usize): v128 {
  return madd(horner5(x, c), x, f(c + 24));
}
// @ts-ignore: decorator
@inline
function horner7(x: v128, c: usize): v128 {
  return madd(horner6(x, c), x, f(c + 28));
}
// @ts-ignore: decorator
@inline
function horner8(x: v128, c: usize): v128 {
  return madd(horner7(x, c), x, f(c + 32));
}
// @ts-ignore: decorator
@inline
function horner9(x: v128, c: usize): v128 {
  return madd(horner8(x, c), x, f(c + 36));
}

// Adding 1.5·2²³ to a float32 of modest size leaves its nearest integer in the low bits.
const MAGIC = memory.data<f32>([12582912]);
const LOG2_E = memory.data<f32>([1.4426950408889634]);
// ln 2 in two parts; the first has 10 bits, so that n · LN2_HIGH is exact.
const LN2_HIGH = memory.data<f32>([0.693359375]);
const LN2_LOW = memory.data<f32>([-2.12194440054690581e-4]);
// Where eˣ is infinite, 0, denormal.
const EXP_GREATEST = memory.data<f32>([89]);
const EXP_LEAST = memory.data<f32>([-104]);
const EXP_LEAST_NORMAL = memory.data<f32>([-87.33]);
/** (eʳ − 1 − r) / r² on |r| ≤ ½ ln 2, for eʳ. */
const EXP_TAIL = memory.data<f32>([0.0013814540098893431, 0.0083687451114526322, 0.041668390785678015, 0.1666652039901613, 0.49999993432113909]);

/** e^(x + y) where |y| is small beside x; what rounding took from x can be given back in y. */
// @ts-ignore: decorator
@inline
function expSum(x: v128, y: v128): v128 {
  // pmin/pmax in this order keep NaN.
  const c = f32x4.pmax(f32x4.pmin(x, f(EXP_GREATEST)), f(EXP_LEAST));
  const t = madd(c, f(LOG2_E), f(MAGIC));
  const n = f32x4.sub(t, f(MAGIC));
  const r = f32x4.add(nmadd(n, f(LN2_LOW), nmadd(n, f(LN2_HIGH), c)), y);
  const p = f32x4.add(f(ONE), madd(f32x4.mul(r, r), horner4(r, EXP_TAIL), r));
  return scale(p, i32x4.sub(t, f(MAGIC)), f32x4.ge(x, f(EXP_LEAST)));
}

/** p · 2ⁿ in two factors, so that it over- and underflows where it should; 0 where `keep` is 0. */
// @ts-ignore: decorator
@inline
function scale(p: v128, n: v128, keep: v128): v128 {
  const half = i32x4.shr_s(n, 1);
  const one = f(ONE);
  const first = i32x4.add(i32x4.shl(half, 23), one);
  const second = i32x4.add(i32x4.shl(i32x4.sub(n, half), 23), one);
  return f32x4.mul(f32x4.mul(p, first), v128.and(second, keep));
}

/** eˣ; exactly 0 below −104. */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const c = f32x4.pmax(f32x4.pmin(x, f(EXP_GREATEST)), f(EXP_LEAST));
  const t = madd(c, f(LOG2_E), f(MAGIC));
  const n = f32x4.sub(t, f(MAGIC));
  const r = nmadd(n, f(LN2_LOW), nmadd(n, f(LN2_HIGH), c));
  const p = f32x4.add(f(ONE), madd(f32x4.mul(r, r), horner4(r, EXP_TAIL), r));
  return scale(p, i32x4.sub(t, f(MAGIC)), f32x4.ge(x, f(EXP_LEAST)));
}

/** eˣ for x ≤ 0, as softmax needs it: as `exp4`, but results below 2⁻¹²⁶ may be 0. */
// @ts-ignore: decorator
@inline
export function expNonPositive4(x: v128): v128 {
  const c = f32x4.pmax(x, f(EXP_LEAST_NORMAL));
  const t = madd(c, f(LOG2_E), f(MAGIC));
  const n = f32x4.sub(t, f(MAGIC));
  const r = nmadd(n, f(LN2_LOW), nmadd(n, f(LN2_HIGH), c));
  const p = f32x4.add(f(ONE), madd(f32x4.mul(r, r), horner4(r, EXP_TAIL), r));
  const factor = i32x4.add(i32x4.shl(t, 23), f(ONE));
  return f32x4.mul(p, v128.and(factor, f32x4.ge(x, f(EXP_LEAST_NORMAL))));
}

/** (log(1 + d) − d + d²/2) / d³ on √½ ≤ 1 + d < √2. */
const LOG_TAIL = memory.data<f32>([0.069155413578576519, -0.11789865593931234, 0.11872925919528329, -0.12384335024839643, 0.14218663793309713, -0.16669251819838959, 0.20002226321654634, -0.24999986576378386, 0.33333310445309866]);
const TWO_23 = memory.data<f32>([8388608]);
const ROOT_HALF_BITS = memory.data<u32>([0x3f3504f3]);
const FRACTION_BITS = memory.data<u32>([0x7fffff]);

/** Natural logarithm. x = 2ᵉ·m with √½ ≤ m < √2, log x = e ln 2 + log1p(m − 1). */
// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  const denormal = f32x4.lt(x, f(LEAST_NORMAL));
  const bits = v128.bitselect(f32x4.mul(x, f(TWO_23)), x, denormal);
  const shifted = i32x4.sub(bits, f(ROOT_HALF_BITS)); // √½
  const exponent = i32x4.sub(i32x4.shr_s(shifted, 23), v128.and(denormal, i32x4.splat(23)));
  const e = f32x4.convert_i32x4_s(exponent);
  const m = i32x4.add(v128.and(shifted, f(FRACTION_BITS)), f(ROOT_HALF_BITS));
  const d = f32x4.sub(m, f(ONE));
  const p = horner8(d, LOG_TAIL);
  const square = f32x4.mul(d, d);
  let y = f32x4.mul(f32x4.mul(square, d), p);
  y = madd(e, f(LN2_LOW), y);
  y = nmadd(square, f(HALF), y);
  y = madd(e, f(LN2_HIGH), f32x4.add(d, y));
  // +∞ and NaN are their own logarithm; 0 gives −∞, less gives NaN.
  y = v128.bitselect(y, x, f32x4.lt(x, f(INFINITY)));
  const special = v128.bitselect(f(MINUS_INFINITY), f(NOT_A_NUMBER), f32x4.eq(x, zero()));
  return v128.bitselect(special, y, f32x4.le(x, zero()));
}

/** (eʳ − 1 − r) / r² on |r| ≤ ½ ln 2, for eʳ − 1. */
const EXPM1_TAIL = memory.data<f32>([0.0013946497101189343, 0.0083666106020120808, 0.0416662813980423, 0.16666542793863351, 0.5000000062086607]);

/** (e^y − 1) for 0 ≤ y ≤ 40, accurate near 0. */
// @ts-ignore: decorator
@inline
function expm1Positive(y: v128): v128 {
  const t = madd(y, f(LOG2_E), f(MAGIC));
  const n = f32x4.sub(t, f(MAGIC));
  const r = nmadd(n, f(LN2_LOW), nmadd(n, f(LN2_HIGH), y));
  const q = horner4(r, EXPM1_TAIL);
  const p = madd(f32x4.mul(r, r), q, r); // eʳ − 1
  const power = i32x4.add(i32x4.shl(t, 23), f(ONE)); // 2ⁿ
  return madd(power, p, f32x4.sub(power, f(ONE)));
}

/** From here on tanh rounds to 1. */
const TANH_END = memory.data<f32>([10]);

/** (e^2|x| − 1) / (e^2|x| + 1) with the sign of x. */
// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const y = f32x4.pmin(f32x4.abs(x), f(TANH_END));
  const e = expm1Positive(f32x4.add(y, y));
  return copySign(f32x4.div(e, f32x4.add(e, f(TWO))), x);
}

// @ts-ignore: decorator
@inline
function copySign(magnitude: v128, sign: v128): v128 {
  return v128.or(magnitude, v128.and(sign, f(SIGN_BIT)));
}

const HIGH_12_BITS = memory.data<u32>([0xfffff000]);
const MINUS_HALF = memory.data<f32>([-0.5]);

/** e^(−a²/2) for 0 ≤ a ≤ 30: a² in two exact parts, since its rounding would grow with a². */
// @ts-ignore: decorator
@inline
function bell(a: v128): v128 {
  const high = v128.and(a, f(HIGH_12_BITS));
  const half = f32x4.mul(high, f(MINUS_HALF));
  const rest = f32x4.mul(f32x4.sub(a, high), f32x4.mul(f32x4.add(a, high), f(MINUS_HALF)));
  return expSum(f32x4.mul(half, high), rest);
}

/** Φ(−a)·e^(a²/2) in t = 1 / (1 + a/4), 0 ≤ a ≤ 15. */
const TAIL = memory.data<f32>([0.032915147851691924, -0.19065147632623347, 0.38218351158357919, -0.31659970485521188, 0.290628474881027, -0.013026325977535044, 0.11904690006651028, 0.095357202800486068, 0.10016453866821347, -1.8277976914844729e-5]);
const QUARTER = memory.data<f32>([0.25]);

/** Φ(−a) · e^(a²/2) for 0 ≤ a ≤ 15, as a polynomial in 1 / (1 + a/4); relative error 3·10⁻⁸. */
// @ts-ignore: decorator
@inline
function scaledTail(a: v128): v128 {
  const t = f32x4.div(f(ONE), madd(a, f(QUARTER), f(ONE)));
  return horner9(t, TAIL);
}

/** erf(x) / x in x², |x| < 1. */
const ERF_NEAR = memory.data<f32>([7.8538612222965885e-5, -8.0101935904852326e-4, 0.0051883276823949335, -0.026853811933882931, 0.11283585148589406, -0.37612625824232382, 1.1283791657267117]);
/** From here on erf rounds to 1. */
const ERF_END = memory.data<f32>([6]);
const ROOT_TWO = memory.data<f32>([1.4142135623730951]);

/** erf x = x·P(x²) for |x| < 1, else ±(1 − 2Φ(−√2·|x|)). */
// @ts-ignore: decorator
@inline
export function erf4(x: v128): v128 {
  const u = f32x4.mul(x, x);
  const near = f32x4.mul(x, horner6(u, ERF_NEAR));
  const a = f32x4.pmin(f32x4.abs(x), f(ERF_END));
  const tail = f32x4.mul(exp4(f32x4.neg(f32x4.mul(a, a))), scaledTail(f32x4.mul(a, f(ROOT_TWO))));
  const far = copySign(f32x4.sub(f(ONE), f32x4.add(tail, tail)), x);
  return v128.bitselect(near, far, f32x4.lt(u, f(ONE)));
}

/** From here on 1 − Φ is 0. */
const GELU_END = memory.data<f32>([15]);
const BELL_TOP = memory.data<f32>([0.3989422804014327]);

/** x·Φ(x) = max(x, 0) − |x|·Φ(−|x|): no difference of large numbers on either side. */
// @ts-ignore: decorator
@inline
export function gelu4(x: v128): v128 {
  const a = f32x4.pmin(f32x4.abs(x), f(GELU_END));
  const tail = f32x4.mul(bell(a), scaledTail(a));
  return nmadd(a, tail, f32x4.pmax(x, zero()));
}

/** d/dx x·Φ(x) = Φ(x) + x·φ(x). */
// @ts-ignore: decorator
@inline
export function geluSlope4(x: v128): v128 {
  const a = f32x4.pmin(f32x4.abs(x), f(GELU_END));
  const e = bell(a);
  const tail = f32x4.mul(e, scaledTail(a));
  // For −|x| the derivative is Φ(−|x|) − |x|·φ(x), for |x| one minus that.
  const lower = nmadd(f32x4.mul(a, f(BELL_TOP)), e, tail);
  return v128.bitselect(lower, f32x4.sub(f(ONE), lower), f32x4.lt(x, zero()));
}

/** 1 / (1 + e⁻ˣ), by way of e^−|x|. */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  return f32x4.div(v128.bitselect(e, f(ONE), f32x4.lt(x, zero())), f32x4.add(e, f(ONE)));
}

// @ts-ignore: decorator
@inline
export function silu4(x: v128): v128 {
  return f32x4.mul(x, sigmoid4(x));
}

const SILU_GREATEST = memory.data<f32>([200]);
const SILU_LEAST = memory.data<f32>([-200]);

/** σ(x)·(1 + x·σ(−x)). */
// @ts-ignore: decorator
@inline
export function siluSlope4(x: v128): v128 {
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  const larger = f32x4.div(f(ONE), f32x4.add(e, f(ONE)));
  const smaller = f32x4.mul(e, larger);
  const negative = f32x4.lt(x, zero());
  const s = v128.bitselect(smaller, larger, negative);
  const c = f32x4.pmax(f32x4.pmin(x, f(SILU_GREATEST)), f(SILU_LEAST));
  return f32x4.mul(s, madd(c, v128.bitselect(larger, smaller, negative), f(ONE)));
}

// √(2/π) and 0.044715·√(2/π), doubled since 1 + tanh u = 2σ(2u).
const GELU_LINEAR = memory.data<f32>([1.5957691216057308]);
const GELU_CUBIC = memory.data<f32>([0.07135481627260025]);
const GELU_CUBIC_3 = memory.data<f32>([0.21406444881780075]);
const GELU_TANH_END = memory.data<f32>([12]);
const GELU_TANH_START = memory.data<f32>([-12]);

/** ½x(1 + tanh(√(2/π)(x + 0.044715x³))) = x·σ(2u). */
// @ts-ignore: decorator
@inline
export function geluTanh4(x: v128): v128 {
  const c = f32x4.pmax(f32x4.pmin(x, f(GELU_TANH_END)), f(GELU_TANH_START));
  const v = f32x4.mul(c, madd(f32x4.mul(c, c), f(GELU_CUBIC), f(GELU_LINEAR)));
  return f32x4.mul(f32x4.pmax(x, f(GELU_TANH_START)), sigmoid4(v));
}

/** σ(2u) + x·σ(2u)·σ(−2u)·2u′. */
// @ts-ignore: decorator
@inline
export function geluTanhSlope4(x: v128): v128 {
  const c = f32x4.pmax(f32x4.pmin(x, f(GELU_TANH_END)), f(GELU_TANH_START));
  const square = f32x4.mul(c, c);
  const v = f32x4.mul(c, madd(square, f(GELU_CUBIC), f(GELU_LINEAR)));
  const slope = madd(square, f(GELU_CUBIC_3), f(GELU_LINEAR));
  const e = exp4(f32x4.neg(f32x4.abs(v)));
  const larger = f32x4.div(f(ONE), f32x4.add(e, f(ONE)));
  const smaller = f32x4.mul(e, larger);
  const negative = f32x4.lt(v, zero());
  const s = v128.bitselect(smaller, larger, negative);
  return f32x4.mul(s, madd(f32x4.mul(c, slope), v128.bitselect(larger, smaller, negative), f(ONE)));
}

// π/2 in two parts; the first has 33 bits, so that n · HALF_PI_HIGH is exact in float64 for |n| < 2²⁰.
const HALF_PI_HIGH = memory.data<f64>([1.57079632673412561417]);
const HALF_PI_LOW = memory.data<f64>([6.07710050650619224932e-11]);
const TWO_OVER_PI = memory.data<f64>([0.63661977236758134308]);
const MAGIC_64 = memory.data<f64>([6755399441055744]); // 1.5·2⁵²

/** The float64 number at an address, in both lanes. */
// @ts-ignore: decorator
@inline
function d(address: usize): v128 {
  return v128.load64_splat(address);
}

/** Quarter turns nearest to two float64 lanes, their integer in the low words. */
// @ts-ignore: decorator
@inline
function quarterTurns(x: v128): v128 {
  return f64x2.add(f64x2.mul(x, d(TWO_OVER_PI)), d(MAGIC_64));
}

// @ts-ignore: decorator
@inline
function withoutTurns(x: v128, turns: v128): v128 {
  const n = f64x2.sub(turns, d(MAGIC_64));
  const r = f64x2.sub(x, f64x2.mul(n, d(HALF_PI_HIGH)));
  return f32x4.demote_f64x2_zero(f64x2.sub(r, f64x2.mul(n, d(HALF_PI_LOW))));
}

/** (sin r − r) / r³ and (cos r − 1) / r² in r², |r| ≤ π/4. */
const SINE = memory.data<f32>([2.7173494671348606e-6, -1.9839261554385423e-4, 0.0083333293291077241, -0.1666666664422021]);
const COSINE = memory.data<f32>([2.4799911594151e-5, -0.0013888885547134661, 0.041666666647930034, -0.5]);
const MILLION = memory.data<f32>([1e6]);

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
  const s = copySign(madd(f32x4.mul(horner3(u, SINE), u), r, r), r); // −0 for −0
  const c = f32x4.add(f(ONE), f32x4.mul(u, horner3(u, COSINE)));
  const odd = i32x4.eq(v128.and(n, i32x4.splat(1)), i32x4.splat(1));
  const y = v128.xor(v128.bitselect(c, s, odd), i32x4.shl(v128.and(n, i32x4.splat(2)), 30));
  const far = f32x4.gt(f32x4.abs(x), f(MILLION));
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

/** artanh(s) / s in s², and eʳ: series, highest power first. */
const ARTANH = memory.data<f64>([1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3, 1]);
const TWO_OVER_LN2 = memory.data<f64>([2.8853900817779268]);
const EXPONENTIAL = memory.data<f64>([1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1, 1]);
const LN2 = memory.data<f64>([0.6931471805599453]);
const ONE_64 = memory.data<f64>([1]);
const INFINITY_64 = memory.data<f64>([Infinity]);
const MINUS_INFINITY_64 = memory.data<f64>([-Infinity]);
const POWER_GREATEST = memory.data<f64>([160]);
const POWER_LEAST = memory.data<f64>([-160]);
const ROOT_HALF_64 = memory.data<u64>([0x3fe6a09e667f3bcd]);
const FRACTION_64 = memory.data<u64>([0x000fffffffffffff]);
const TWO_52 = memory.data<f64>([4503599627370496]); // its low bits are an integer
const TWO_52_AND_BIAS = memory.data<f64>([4503599627371519]);

// @ts-ignore: decorator
@inline
function step(p: v128, x: v128, c: usize): v128 {
  return f64x2.add(f64x2.mul(p, x), d(c));
}

/** log₂ of two non-negative float64 lanes that came from float32; relative error 10⁻¹¹. */
// @ts-ignore: decorator
@inline
function log2Wide(x: v128): v128 {
  const shifted = i64x2.add(x, i64x2.sub(d(ONE_64), d(ROOT_HALF_64)));
  const e = f64x2.sub(v128.or(i64x2.shr_u(shifted, 52), d(TWO_52)), d(TWO_52_AND_BIAS));
  const m = i64x2.add(v128.and(shifted, d(FRACTION_64)), d(ROOT_HALF_64));
  // log m = 2 artanh s, s = (m − 1) / (m + 1)
  const s = f64x2.div(f64x2.sub(m, d(ONE_64)), f64x2.add(m, d(ONE_64)));
  const z = f64x2.mul(s, s);
  let p = step(d(ARTANH), z, ARTANH + 8);
  p = step(p, z, ARTANH + 16);
  p = step(p, z, ARTANH + 24);
  p = step(p, z, ARTANH + 32);
  p = step(p, z, ARTANH + 40);
  p = step(p, z, ARTANH + 48);
  const y = f64x2.add(e, f64x2.mul(f64x2.mul(s, p), d(TWO_OVER_LN2)));
  // log 0 = −∞; +∞ and NaN stay.
  const ordinary = v128.bitselect(y, x, f64x2.lt(x, d(INFINITY_64)));
  return v128.bitselect(d(MINUS_INFINITY_64), ordinary, f64x2.eq(x, zero()));
}

/** 2ʷ of two float64 lanes, as float32. */
// @ts-ignore: decorator
@inline
function exp2Wide(w: v128): v128 {
  const c = f64x2.pmax(f64x2.pmin(w, d(POWER_GREATEST)), d(POWER_LEAST));
  const t = f64x2.add(c, d(MAGIC_64));
  const r = f64x2.mul(f64x2.sub(c, f64x2.sub(t, d(MAGIC_64))), d(LN2));
  let p = step(d(EXPONENTIAL), r, EXPONENTIAL + 8);
  p = step(p, r, EXPONENTIAL + 16);
  p = step(p, r, EXPONENTIAL + 24);
  p = step(p, r, EXPONENTIAL + 32);
  p = step(p, r, EXPONENTIAL + 40);
  p = step(p, r, EXPONENTIAL + 48);
  p = step(p, r, EXPONENTIAL + 56);
  p = step(p, r, EXPONENTIAL + 64);
  const power = i64x2.add(i64x2.shl(t, 52), d(ONE_64));
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
  const half = f32x4.mul(y, f(HALF));
  const odd = v128.and(integer, f32x4.ne(f32x4.trunc(half), half));
  const signed = v128.or(z, v128.and(v128.and(x, odd), f(SIGN_BIT)));
  const undefined_ = v128.andnot(v128.and(f32x4.lt(x, zero()), f32x4.gt(x, f(MINUS_INFINITY))), integer);
  return v128.bitselect(f(ONE), v128.or(signed, undefined_), f32x4.eq(y, zero()));
}
