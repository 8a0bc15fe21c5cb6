// ln 2 in two parts; the first has few enough bits that whole multiples of it are exact.
const LN2_HIGH = 6.9314718036912381649e-1;
const LN2_LOW = 1.90821492927058770002e-10;

/**
 * ln x of a positive whole number, rounded correctly but for one number in some thousands. `Math.log` is off by one
 * bit for about one in a hundred, not the same ones in every engine, and that can decide between equals.
 */
export function integerLog(x: number): number {
  // x = m · 2ᵉ with m between √½ and √2
  let e = Math.floor(Math.log2(x));
  let m = x / 2 ** e;
  if (m > Math.SQRT2) {
    m /= 2;
    e++;
  }
  // ln m = 2 (z + z³/3 + z⁵/5 + …) with z = (m - 1) / (m + 1); the first terms as sums of two numbers
  const above = m - 1;
  const below = m + 1;
  const z = above / below;
  const product = z * below;
  const zLow = (above - product - productError(z, below, product) - z * sumError(m, 1, below)) / below;

  const w = z * z;
  const wLow = productError(z, z, w) + 2 * z * zLow;
  const third = w / 3;
  const triple = 3 * third;
  let tail = 0;
  for (let n = 27; n >= 5; n -= 2) tail = tail * w + 1 / n;
  const rest = (w - triple - productError(3, third, triple) + wLow) / 3 + tail * w * w;

  const a = 2 * z;
  const b = a * third;
  const low = 2 * zLow * (1 + third) + productError(a, third, b) + a * rest;

  const whole = e * LN2_HIGH;
  const first = whole + a;
  const second = first + b;
  return second + (sumError(whole, a, first) + sumError(first, b, second) + low + e * LN2_LOW);
}

/** What rounding took from a + b (Knuth). */
function sumError(a: number, b: number, sum: number): number {
  const part = sum - a;
  return a - (sum - part) + (b - part);
}

/** What rounding took from a · b (Dekker). */
function productError(a: number, b: number, product: number): number {
  const aHigh = upperHalf(a);
  const bHigh = upperHalf(b);
  const aLow = a - aHigh;
  const bLow = b - bHigh;
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}

function upperHalf(a: number): number {
  const shifted = a * (2 ** 27 + 1);
  return shifted - (shifted - a);
}
