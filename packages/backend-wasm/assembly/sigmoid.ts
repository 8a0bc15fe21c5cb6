/** The logistic function and the activations made of it; bounds in math.ts. */
import { exp4 } from './exponential';
import { f, ONE } from './polynomial';
import { zero } from './rows';
import { madd } from './simd';

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
