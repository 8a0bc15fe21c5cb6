/**
 * The error function in double precision, to about 2 ULP: the all-positive series
 * erf x = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!! for small |x| (Abramowitz & Stegun 7.1.6), else one minus the
 * continued fraction of erfc (7.1.14), evaluated by Lentz's method.
 */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (!(a < 6)) return Number.isNaN(x) ? NaN : Math.sign(x);
  const value = a < 2.5 ? series(a) : 1 - complement(a);
  return Math.sign(x) * value;
}

const TWO_OVER_ROOT_PI = 1.1283791670955126;

function series(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return TWO_OVER_ROOT_PI * Math.exp(-x * x) * sum;
}

function complement(x: number): number {
  // erfc x = e^(−x²)/√π · 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …))))
  let fraction = x;
  for (let n = 60; n >= 1; n--) fraction = x + n / 2 / fraction;
  return (TWO_OVER_ROOT_PI / 2) * (Math.exp(-x * x) / fraction);
}
