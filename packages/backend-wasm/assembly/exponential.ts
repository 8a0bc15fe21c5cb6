/** Exponential, logarithm, and what follows from them; bounds in math.ts. */
import { copySign, f, horner4, horner6, horner8, MAGIC, ONE } from './polynomial';
import { zero } from './rows';
import { madd, nmadd } from './simd';

const HALF = memory.data<f32>([0.5]);
const TWO = memory.data<f32>([2]);
const INFINITY = memory.data<f32>([Infinity]);
const MINUS_INFINITY = memory.data<f32>([-Infinity]);
const NOT_A_NUMBER = memory.data<f32>([NaN]);
const LEAST_NORMAL = memory.data<f32>([1.17549435e-38]);
const LOG2_E = memory.data<f32>([1.4426950408889634]);
const LN2 = memory.data<f32>([0.6931471805599453]);
// ln 2 in two parts; the first has 10 bits, so that n · LN2_HIGH is exact.
const LN2_HIGH = memory.data<f32>([0.693359375]);
const LN2_LOW = memory.data<f32>([-2.12194440054690581e-4]);
// Where eˣ is infinite, 0, less than 2⁻¹²⁶ by half.
const EXP_GREATEST = memory.data<f32>([89]);
const EXP_LEAST = memory.data<f32>([-104]);
const EXP_ZERO = memory.data<f32>([-88.02]);
/** (eʳ − 1 − r) / r² on |r| ≤ ½ ln 2, for eʳ. */
const EXP_TAIL = memory.data<f32>([0.0013814540098893431, 0.0083687451114526322, 0.041668390785678015, 0.1666652039901613, 0.49999993432113909]);

/** eʳ, from the same numbers. */
const EXP = memory.data<f32>([0.0013814540098893431, 0.0083687451114526322, 0.041668390785678015, 0.1666652039901613, 0.49999993432113909, 1, 1]);

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

/**
 * eˣ for x ≤ 0, as softmax needs it: results below 2⁻¹²⁶ may be 0, and the error grows with |x|, as that of the difference
 * x does. Where x is less than EXP_ZERO, n is −127 and 2ⁿ has no bits.
 */
// @ts-ignore: decorator
@inline
export function expNonPositive4(x: v128): v128 {
  const c = f32x4.pmax(x, f(EXP_ZERO));
  const t = madd(c, f(LOG2_E), f(MAGIC));
  const n = f32x4.sub(t, f(MAGIC));
  const r = ASC_FEATURE_RELAXED_SIMD ? nmadd(n, f(LN2), c) : nmadd(n, f(LN2_LOW), nmadd(n, f(LN2_HIGH), c));
  return f32x4.mul(horner6(r, EXP), i32x4.add(i32x4.shl(t, 23), f(ONE)));
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
