/** Sine and cosine; bounds in math.ts. */
import { copySign, d, f, horner3, MAGIC_64, ONE } from './polynomial';
import { madd } from './simd';

// π/2 in two parts; the first has 33 bits, so that n · HALF_PI_HIGH is exact in float64 for |n| < 2²⁰.
const HALF_PI_HIGH = memory.data<f64>([1.57079632673412561417]);
const HALF_PI_LOW = memory.data<f64>([6.07710050650619224932e-11]);
const TWO_OVER_PI = memory.data<f64>([0.63661977236758134308]);

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
