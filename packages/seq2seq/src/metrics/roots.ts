/*
 * From + − × ÷ √ alone, since scores may feed weights (minimum-risk training) and choose among them, and engines differ in
 * the last bits of Math.exp and Math.pow.
 */

/** e^x for x ≤ 0: e^x = (e^(x / 2^k))^(2^k), with a series for the part that is close to 0. */
export function exponential(x: number): number {
  if (x < -745) return 0; // below the smallest double
  let halvings = 0;
  let part = x;
  for (; part < -0.25; part /= 2) halvings++;
  let sum = 1;
  for (let n = 14; n > 0; n--) sum = 1 + (sum * part) / n;
  for (; halvings > 0; halvings--) sum *= sum;
  return sum;
}

/** The n-th root of Π values, (v₁ v₂ … vₙ)^(1/n), by Newton's method. */
export function geometricMean(values: readonly number[]): number {
  if (values.some((value) => value <= 0)) return 0;
  const n = values.length;
  let root = Math.max(...values); // above the mean, from where the steps descend to it
  for (;;) {
    let ratio = 1; // Π values / root^n, each factor at most 1 in the end
    for (const value of values) ratio *= value / root;
    const next = root + (root * (ratio - 1)) / n;
    if (!(next < root)) return root;
    root = next;
  }
}
