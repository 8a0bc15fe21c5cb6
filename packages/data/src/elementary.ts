/*
 * Elementary functions from + − × ÷ alone: engines may differ in the last bits of Math.cos, Math.log and Math.exp, and
 * features feed training, which is to give the same weights everywhere. Accurate to about 1e-15, relatively.
 */

const LN2_HIGH = 0.6931471803691238; // 33 bits, so that a whole number times it is exact
const LN2_LOW = 1.9082149292705877e-10;

/** cos(2π · turns). */
export function cosineOfTurns(turns: number): number {
  let part = turns - Math.floor(turns); // [0, 1)
  if (part > 0.5) part = 1 - part; // cos is even
  if (part > 0.25) return -cosineOfTurns(0.5 - part);
  const radians = 2 * Math.PI * part;
  return part <= 0.125 ? cosineSeries(radians) : sineSeries(2 * Math.PI * (0.25 - part));
}

/** sin(2π · turns). */
export const sineOfTurns = (turns: number): number => cosineOfTurns(turns - 0.25);

/** 1 - x²/2! + x⁴/4! - …, for 0 ≤ x ≤ π/4. */
function cosineSeries(x: number): number {
  let sum = 1;
  for (let n = 18; n > 0; n -= 2) sum = 1 - (sum * x * x) / (n * (n - 1));
  return sum;
}

/** x - x³/3! + x⁵/5! - …, for 0 ≤ x ≤ π/4. */
function sineSeries(x: number): number {
  let sum = 1;
  for (let n = 19; n > 1; n -= 2) sum = 1 - (sum * x * x) / (n * (n - 1));
  return sum * x;
}

/** The natural logarithm: x = m · 2^k, ln m = 2 (s + s³/3 + s⁵/5 + …), s = (m - 1) / (m + 1). */
export function logarithm(x: number): number {
  if (!(x > 0 && x < Infinity)) return x > 0 ? x : x === 0 ? -Infinity : NaN; // no halving ends there
  let m = x;
  let k = 0;
  while (m > Math.SQRT2) [m, k] = [m / 2, k + 1];
  while (m < Math.SQRT1_2) [m, k] = [m * 2, k - 1];
  const s = (m - 1) / (m + 1);
  let sum = 0;
  for (let n = 23; n > 0; n -= 2) sum = sum * s * s + 1 / n;
  return k * LN2_HIGH + (k * LN2_LOW + 2 * s * sum);
}

/** e^x: x = k ln 2 + r, e^x = 2^k (1 + r + r²/2! + …). */
export function exponential(x: number): number {
  if (!(x > -746 && x < 710)) return x < 0 ? 0 : x > 0 ? Infinity : NaN; // beyond the doubles
  const k = Math.round(x / Math.LN2);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let sum = 1;
  for (let n = 14; n > 0; n--) sum = 1 + (sum * r) / n;
  for (let i = 0; i < Math.abs(k); i++) sum = k > 0 ? sum * 2 : sum / 2;
  return sum;
}
