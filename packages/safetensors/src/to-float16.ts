const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

/**
 * IEEE 754 binary16 bits of a number, rounded once, to nearest, ties to even. From 65520 on that is infinity. A NaN keeps
 * its sign and the upper bits of its payload, and is quiet.
 */
export function halfBits(x: number): number {
  double[0] = x;
  const [low, high] = words; // little-endian, as everywhere here
  const sign = (high >>> 16) & 0x8000;
  const exponent = (high >>> 20) & 0x7ff;
  const mantissa = high & 0xfffff; // the upper 20 of 52 bits
  if (exponent === 0x7ff) {
    const isNaN = mantissa !== 0 || low !== 0;
    return sign | 0x7c00 | (isNaN ? 0x200 | (mantissa >>> 10) : 0);
  }
  const power = exponent - 1023;
  if (power >= 16) return sign | 0x7c00;
  if (power < -25) return sign; // less than half of the smallest subnormal, 2^-24
  // The bits that stay, with the implicit one: 11 of them for a normal number, fewer for a subnormal one.
  const dropped = power >= -14 ? 10 : -power - 4; // of 21 bits, 10 … 21
  const whole = 0x100000 | mantissa;
  const kept = whole >>> dropped;
  const rest = whole & ((1 << dropped) - 1);
  const half = 1 << (dropped - 1);
  const up = rest > half || (rest === half && (low !== 0 || (kept & 1) === 1));
  // A carry runs from the mantissa into the exponent, and from the largest number into infinity, as it should.
  return sign | ((power >= -14 ? (power + 14) << 10 : 0) + kept + (up ? 1 : 0));
}
