/**
 * Sums over rows, and rows' ends. Element i of a row always belongs to lane i mod 16 of chunk ⌊i / 1024⌋; a row's end is
 * padded with zeros. So zeros appended to a row change no bit, nor does what lies beside it.
 */

/** Elements of a row that are summed by lane before the lanes are added up. */
export const CHUNK: i32 = 1024;

/** The first `count` (1 … 3) lanes from memory, the others from `fill`. Never reads past the end. */
// @ts-ignore: decorator
@inline
export function loadPart(p: usize, count: i32, fill: v128): v128 {
  let v = v128.load_lane<f32>(p, fill, 0);
  if (count > 1) v = v128.load_lane<f32>(p, v, 1, 4);
  if (count > 2) v = v128.load_lane<f32>(p, v, 2, 8);
  return v;
}

// @ts-ignore: decorator
@inline
export function storePart(p: usize, v: v128, count: i32): void {
  v128.store_lane<f32>(p, v, 0);
  if (count > 1) v128.store_lane<f32>(p, v, 1, 4);
  if (count > 2) v128.store_lane<f32>(p, v, 2, 8);
}

/** All bits of the first `count` lanes. */
// @ts-ignore: decorator
@inline
export function maskPart(count: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count));
}

// @ts-ignore: decorator
@inline
export function zero(): v128 {
  return i32x4.splat(0);
}

// @ts-ignore: decorator
@inline
export function horizontalSum(v: v128): f32 {
  const pair = f32x4.add(v, v128.shuffle<i64>(v, v, 1, 0));
  return f32x4.extract_lane(pair, 0) + f32x4.extract_lane(pair, 1);
}

// @ts-ignore: decorator
@inline
export function horizontalMax(v: v128): f32 {
  const pair = f32x4.max(v, v128.shuffle<i64>(v, v, 1, 0));
  return max<f32>(f32x4.extract_lane(pair, 0), f32x4.extract_lane(pair, 1));
}

/** What is summed: a function of an element. */
@unmanaged
export class Identity {
  @inline apply(x: v128, _: v128): v128 {
    return x;
  }
}

@unmanaged
export class Square {
  @inline apply(x: v128, _: v128): v128 {
    return f32x4.mul(x, x);
  }
}

@unmanaged
export class SquareOfDifference {
  @inline apply(x: v128, mean: v128): v128 {
    const difference = f32x4.sub(x, mean);
    return f32x4.mul(difference, difference);
  }
}

/** Σ T(xᵢ, c) over a contiguous row. */
export function sumRow<T>(p: usize, n: i32, c: v128): f32 {
  const f = changetype<T>(0);
  let total = zero();
  for (let left = n; left > 0; left -= CHUNK) {
    const end = p + (<usize>min(left, CHUNK) << 2);
    const wide = p + (<usize>(min(left, CHUNK) & ~15) << 2);
    let s0 = zero();
    let s1 = zero();
    let s2 = zero();
    let s3 = zero();
    for (; p < wide; p += 64) {
      s0 = f32x4.add(s0, f.apply(v128.load(p), c));
      s1 = f32x4.add(s1, f.apply(v128.load(p, 16), c));
      s2 = f32x4.add(s2, f.apply(v128.load(p, 32), c));
      s3 = f32x4.add(s3, f.apply(v128.load(p, 48), c));
    }
    if (p < end) {
      s0 = f32x4.add(s0, endOf<T>(p, end, c));
      s1 = f32x4.add(s1, endOf<T>(p + 16, end, c));
      s2 = f32x4.add(s2, endOf<T>(p + 32, end, c));
      s3 = f32x4.add(s3, endOf<T>(p + 48, end, c));
      p = end;
    }
    total = f32x4.add(total, f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  }
  return horizontalSum(total);
}

/** T of the up to four elements between p and end, 0 in the other lanes. */
function endOf<T>(p: usize, end: usize, c: v128): v128 {
  const f = changetype<T>(0);
  if (p + 16 <= end) return f.apply(v128.load(p), c);
  if (p >= end) return zero();
  const count = <i32>((end - p) >> 2);
  return v128.and(f.apply(loadPart(p, count, zero()), c), maskPart(count));
}

/** The largest element, ignoring NaN; −∞ if there is none. */
export function maxRow(p: usize, n: i32): f32 {
  const end = p + (<usize>n << 2);
  const wide = p + (<usize>(n & ~15) << 2);
  let m0 = f32x4.splat(-Infinity);
  let m1 = m0;
  let m2 = m0;
  let m3 = m0;
  for (; p < wide; p += 64) {
    m0 = f32x4.pmax(m0, v128.load(p));
    m1 = f32x4.pmax(m1, v128.load(p, 16));
    m2 = f32x4.pmax(m2, v128.load(p, 32));
    m3 = f32x4.pmax(m3, v128.load(p, 48));
  }
  for (; p + 16 <= end; p += 16) m0 = f32x4.pmax(m0, v128.load(p));
  if (p < end) m1 = f32x4.pmax(m1, loadPart(p, <i32>((end - p) >> 2), m1));
  return horizontalMax(f32x4.pmax(f32x4.pmax(m0, m1), f32x4.pmax(m2, m3)));
}

/** A function of two elements. */
@unmanaged
export class Product {
  @inline apply(x: v128, y: v128): v128 {
    return f32x4.mul(x, y);
  }
}

@unmanaged
export class Difference {
  @inline apply(x: v128, y: v128): v128 {
    return f32x4.sub(x, y);
  }
}

/** yᵢ = T(xᵢ, c). */
export function mapRow<T>(x: usize, y: usize, n: i32, c: v128): void {
  const f = changetype<T>(0);
  const wide = x + (<usize>(n & ~3) << 2);
  for (; x < wide; x += 16, y += 16) v128.store(y, f.apply(v128.load(x), c));
  if (n & 3) storePart(y, f.apply(loadPart(x, n & 3, zero()), c), n & 3);
}

/** Σ aᵢ·bᵢ, in the order of `sumRow`. */
export function dotRow(a: usize, b: usize, n: i32): f32 {
  let total = zero();
  for (let left = n; left > 0; left -= CHUNK) {
    const length = min(left, CHUNK);
    const end = a + (<usize>length << 2);
    const wide = a + (<usize>(length & ~15) << 2);
    let s0 = zero();
    let s1 = zero();
    let s2 = zero();
    let s3 = zero();
    for (; a < wide; a += 64, b += 64) {
      s0 = f32x4.add(s0, f32x4.mul(v128.load(a), v128.load(b)));
      s1 = f32x4.add(s1, f32x4.mul(v128.load(a, 16), v128.load(b, 16)));
      s2 = f32x4.add(s2, f32x4.mul(v128.load(a, 32), v128.load(b, 32)));
      s3 = f32x4.add(s3, f32x4.mul(v128.load(a, 48), v128.load(b, 48)));
    }
    if (a < end) {
      s0 = f32x4.add(s0, productEnd(a, b, end));
      s1 = f32x4.add(s1, productEnd(a + 16, b + 16, end));
      s2 = f32x4.add(s2, productEnd(a + 32, b + 32, end));
      s3 = f32x4.add(s3, productEnd(a + 48, b + 48, end));
      b += end - a;
      a = end;
    }
    total = f32x4.add(total, f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  }
  return horizontalSum(total);
}

function productEnd(a: usize, b: usize, end: usize): v128 {
  if (a + 16 <= end) return f32x4.mul(v128.load(a), v128.load(b));
  if (a >= end) return zero();
  const count = <i32>((end - a) >> 2);
  return f32x4.mul(loadPart(a, count, zero()), loadPart(b, count, zero()));
}
