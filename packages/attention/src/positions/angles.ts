/**
 * Sines and cosines of positions times frequencies, in double precision and made of + − × ÷ alone: the same bits on every
 * machine, and accurate where an angle of hundreds would lose digits in float32.
 */

/** base^(−1/n) by Newton's iteration on xⁿ = 1/base. */
function inverseRoot(base: number, n: number): number {
  let x = 1;
  for (let i = 0; i < 200; i++) {
    const power = integerPower(x, n - 1);
    const next = x - (power * x - 1 / base) / (n * power);
    if (next === x) break;
    x = next;
  }
  return x;
}

function integerPower(x: number, n: number): number {
  let result = 1;
  for (let square = x, left = n; left > 0; left = Math.floor(left / 2), square *= square) {
    if (left % 2 === 1) result *= square;
  }
  return result;
}

/** Sine and cosine of an angle in [0, 1] by their series, which 20 terms carry below the last digit. */
function sineAndCosine(angle: number): [number, number] {
  let sine = 0;
  let cosine = 0;
  let term = 1; // angleⁿ/n!
  for (let n = 0; n < 20; term *= angle / ++n) {
    const signed = n % 4 < 2 ? term : -term;
    if (n % 2 === 0) cosine += signed;
    else sine += signed;
  }
  return [sine, cosine];
}

/** base^(−e/n) for each of these exponents e; base > 1, exponents ≥ 0. */
export function inversePowers(base: number, n: number, exponents: readonly number[]): Float64Array {
  const root = inverseRoot(base, n);
  return Float64Array.from(exponents, (exponent) => integerPower(root, exponent));
}

/** sin(p·f) and cos(p·f) for p = 0 … length−1 and every frequency f in [0, 1], row-major (length, frequencies). */
export function rotations(length: number, frequencies: Float64Array): { sine: Float64Array; cosine: Float64Array } {
  const count = frequencies.length;
  const table = { sine: new Float64Array(length * count), cosine: new Float64Array(length * count) };
  frequencies.forEach((frequency, i) => {
    const [stepSine, stepCosine] = sineAndCosine(frequency);
    let [sine, cosine] = [0, 1];
    for (let at = i; at < length * count; at += count) {
      table.sine[at] = sine;
      table.cosine[at] = cosine;
      // A rotation by the angle of one position.
      [sine, cosine] = [sine * stepCosine + cosine * stepSine, cosine * stepCosine - sine * stepSine];
    }
  });
  return table;
}

/** first, first + step, …: `count` of them. */
export function progression(count: number, first: number, step: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i * step);
}
