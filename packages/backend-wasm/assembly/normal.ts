/** The normal distribution Φ, its density φ, and the activations made of them; bounds in math.ts. */
import { copySign, f, horner4, horner5, horner6, ONE, SIGN_BIT } from './polynomial';
import { zero } from './rows';
import { madd, nmadd } from './simd';

// e^(−a²/2) = 2^−n · e^(−r/2) with r = a² − n·2 ln 2. It is kept 2⁶⁴ times too large, and what it is multiplied with as much
// too small: so only the product can be denormal, and is rounded once.
const MAGIC_AND_64 = memory.data<f32>([12582976]);
const MINUS_HALF_LOG2_E = memory.data<f32>([-0.7213475204444817]);
// 2 ln 2 as float32, on which the quotients below were fitted; and in two parts, of which n times the first is exact.
const TWO_LN2 = memory.data<f32>([1.3862943649291992]);
const TWO_LN2_HIGH = memory.data<f32>([1.38629150390625]);
const TWO_LN2_LOW = memory.data<f32>([2.86102294921875e-6]);
/** e^(−r/2), |r| ≤ ln 2. */
const HALF_EXP = memory.data<f32>([2.161987686122302e-5, -2.6171558420173824e-4, 0.002604264533147216, -0.020833022892475128, 0.12499997764825821, -0.5, 1]);
const END = memory.data<f32>([15]);
const MAGNITUDE_BITS = memory.data<u32>([0x7fffffff]);
const HIGH_12_BITS = memory.data<u32>([0xfffff000]);

/** |x| up to where 1 − Φ is 0; NaN stays. */
// @ts-ignore: decorator
@inline
function magnitude(x: v128): v128 {
  // V8 makes the mask of `f32x4.abs` anew each time.
  return f32x4.pmin(v128.and(x, f(MAGNITUDE_BITS)), f(END));
}

/** 2⁶⁴·e^(−a²/2) for 0 ≤ a ≤ 15. */
// @ts-ignore: decorator
@inline
function bell(a: v128): v128 {
  const square = f32x4.mul(a, a);
  const t = madd(square, f(MINUS_HALF_LOG2_E), f(MAGIC_AND_64));
  const n = f32x4.sub(t, f(MAGIC_AND_64));
  let r: v128;
  // The rounding of a² would grow with it.
  if (ASC_FEATURE_RELAXED_SIMD) r = f32x4.sub(madd(n, f(TWO_LN2), square), nmadd(a, a, square));
  else {
    const high = v128.and(a, f(HIGH_12_BITS));
    const rest = f32x4.mul(f32x4.sub(a, high), f32x4.add(a, high));
    r = f32x4.add(f32x4.add(f32x4.mul(high, high), f32x4.mul(n, f(TWO_LN2_HIGH))), rest);
    r = f32x4.add(r, f32x4.mul(n, f(TWO_LN2_LOW)));
  }
  return i32x4.add(horner6(r, HALF_EXP), i32x4.shl(t, 23));
}

// Φ(−a)·e^(a²/2) for 0 ≤ a ≤ 14.75 as a quotient of polynomials with positive coefficients; relative error 7·10⁻⁹.
const TAIL_OVER = memory.data<f32>([2.2714344784608565e-22, 2.2301869738325417e-21, 1.0015666031092582e-20, 2.3873401830560714e-20, 2.710505431213761e-20]);
const TAIL_UNDER = memory.data<f32>([0.010502832010388374, 0.10312729328870773, 0.4734841585159302, 1.2088830471038818, 1.678658127784729, 1]);

/** x·Φ(x) = max(x, 0) − |x|·Φ(−|x|): no difference of large numbers on either side. */
// @ts-ignore: decorator
@inline
export function gelu4(x: v128): v128 {
  const a = magnitude(x);
  const tail = f32x4.div(horner4(a, TAIL_OVER), horner5(a, TAIL_UNDER));
  return nmadd(f32x4.mul(a, bell(a)), tail, f32x4.pmax(x, zero()));
}

const HALF = memory.data<f32>([0.5]);
// Where Φ(−a) = a·φ(a), in two parts.
const ROOT_HIGH = memory.data<f32>([0.7517915368080139]);
const ROOT_LOW = memory.data<f32>([-1.211444988769017e-8]);
// 2·(Φ(−a) − a·φ(a))·e^(a²/2) / (root − a), as above; relative error 9·10⁻⁹.
const SLOPE_OVER = memory.data<f32>([1.1530667517822626e-21, 1.0508995255949501e-20, 4.132599187076328e-20, 8.207631773397794e-20, 7.210789954861604e-20]);
const SLOPE_UNDER = memory.data<f32>([0.02665831707417965, 0.2229275107383728, 0.7993080019950867, 1.4038556814193726, 1]);

/** d/dx x·Φ(x) = Φ(x) + x·φ(x): for −|x| the product of `root − |x|` and something positive, for |x| one minus that. */
// @ts-ignore: decorator
@inline
export function geluSlope4(x: v128): v128 {
  const a = magnitude(x);
  const distance = f32x4.add(f32x4.sub(f(ROOT_HIGH), a), f(ROOT_LOW));
  const quotient = f32x4.div(f32x4.mul(distance, horner4(a, SLOPE_OVER)), horner4(a, SLOPE_UNDER));
  // ½ for positive x, −½ for negative.
  const half = v128.or(v128.and(x, f(SIGN_BIT)), f(HALF));
  return nmadd(half, f32x4.mul(bell(a), quotient), f32x4.add(half, f(HALF)));
}

/** erf(x) / x − 1 in x², |x| < 1: the last coefficient of erf(x) / x itself would be rounded by most of an ULP. */
const ERF_NEAR = memory.data<f32>([7.8538612222965885e-5, -8.0101935904852326e-4, 0.0051883276823949335, -0.026853811933882931, 0.11283585148589406, -0.37612625824232382, 0.1283791657267117]);
const ROOT_TWO = memory.data<f32>([1.4142135623730951]);

/** erf x = x + x·P(x²) for |x| < 1, else ±(1 − 2Φ(−√2·|x|)). */
// @ts-ignore: decorator
@inline
export function erf4(x: v128): v128 {
  const square = f32x4.mul(x, x);
  const near = madd(x, horner6(square, ERF_NEAR), x);
  const a = f32x4.pmin(f32x4.mul(f32x4.abs(x), f(ROOT_TWO)), f(END));
  const tail = f32x4.mul(bell(a), f32x4.div(horner4(a, TAIL_OVER), horner5(a, TAIL_UNDER)));
  const far = copySign(f32x4.sub(f32x4.sub(f(ONE), tail), tail), x);
  return v128.bitselect(near, far, f32x4.lt(square, f(ONE)));
}
