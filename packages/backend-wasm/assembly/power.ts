/** Powers, in float64; bounds in math.ts. */
import { d, f, MAGIC_64, ONE, SIGN_BIT } from './polynomial';
import { zero } from './rows';

const HALF = memory.data<f32>([0.5]);
const MINUS_INFINITY = memory.data<f32>([-Infinity]);
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
