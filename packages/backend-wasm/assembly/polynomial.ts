/** What the elementary functions share: constants, polynomials, signs. */
import { madd } from './simd';

// Constants are read from memory. V8 (Node 24 above all) builds a literal vector anew in every turn of a loop, from several
// instructions: literals more than halved the speed. Each name below is the address of one number or of a polynomial's
// coefficients, highest power first.
export const ONE = memory.data<f32>([1]);
export const SIGN_BIT = memory.data<u32>([0x80000000]);
// Adding 1.5·2²³ to a float32 of modest size leaves its nearest integer in the low bits.
export const MAGIC = memory.data<f32>([12582912]);

/** The number at an address, in all lanes. */
// @ts-ignore: decorator
@inline
export function f(address: usize): v128 {
  return v128.load32_splat(address);
}

// Polynomials of degree 1 to 9.
// @ts-ignore: decorator
@inline
export function horner1(x: v128, c: usize): v128 {
  return madd(x, f(c), f(c + 4));
}
// @ts-ignore: decorator
@inline
export function horner2(x: v128, c: usize): v128 {
  return madd(horner1(x, c), x, f(c + 8));
}
// @ts-ignore: decorator
@inline
export function horner3(x: v128, c: usize): v128 {
  return madd(horner2(x, c), x, f(c + 12));
}
// @ts-ignore: decorator
@inline
export function horner4(x: v128, c: usize): v128 {
  return madd(horner3(x, c), x, f(c + 16));
}
// @ts-ignore: decorator
@inline
export function horner5(x: v128, c: usize): v128 {
  return madd(horner4(x, c), x, f(c + 20));
}
// @ts-ignore: decorator
@inline
export function horner6(x: v128, c: usize): v128 {
  return madd(horner5(x, c), x, f(c + 24));
}
// @ts-ignore: decorator
@inline
export function horner7(x: v128, c: usize): v128 {
  return madd(horner6(x, c), x, f(c + 28));
}
// @ts-ignore: decorator
@inline
export function horner8(x: v128, c: usize): v128 {
  return madd(horner7(x, c), x, f(c + 32));
}
// @ts-ignore: decorator
@inline
export function horner9(x: v128, c: usize): v128 {
  return madd(horner8(x, c), x, f(c + 36));
}

// @ts-ignore: decorator
@inline
export function copySign(magnitude: v128, sign: v128): v128 {
  return v128.or(magnitude, v128.and(sign, f(SIGN_BIT)));
}

export const MAGIC_64 = memory.data<f64>([6755399441055744]); // 1.5·2⁵²

/** The float64 number at an address, in both lanes. */
// @ts-ignore: decorator
@inline
export function d(address: usize): v128 {
  return v128.load64_splat(address);
}
