/**
 * Elementary functions on four float32 lanes. Every lane is computed alike whatever its neighbours hold. Polynomials are
 * minimax fits (Remez) on the reduced range. `src/math.test.ts` holds these bounds for both numerics, over all signs and
 * exponents, ±0, denormal numbers, ±∞ and NaN; an ULP is the distance of the float32 numbers around the exact result.
 *
 * | function | error (ULP) | of |
 * | --- | --- | --- |
 * | `exp4` | 1.1 | the result; denormal results are rounded once |
 * | `log4` | 1 | the result |
 * | `erf4` | 2 | the result |
 * | `sin4`, `cos4` | 2 | the result (above 10⁶ lane by lane, slowly) |
 * | `tanh4`, `sigmoid4` | 3 | the result |
 * | `pow4` | 0.6 | the result; special cases as in ECMAScript's `**` |
 * | `silu4` | 3 | the result, or 2⁻¹²⁰ |
 * | `siluSlope4` | 3.5 | the result, or ⅛: it has a root |
 * | `gelu4` | 7.5 | the result |
 * | `geluSlope4` | 8.5 | the result, also near its root at −0.7518 |
 * | `geluTanh4` | 3.5 | the result, or ⅛; 200 ULP of the result, at its worst near −10 |
 * | `geluTanhSlope4` | 6 | the result, or ⅛: it has a root |
 */
export { exp4, expNonPositive4, log4, tanh4 } from './exponential';
export { erf4, gelu4, geluSlope4 } from './normal';
export { pow4 } from './power';
export { geluTanh4, geluTanhSlope4, sigmoid4, silu4, siluSlope4 } from './sigmoid';
export { cos4, sin4 } from './trigonometry';
