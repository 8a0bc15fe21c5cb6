/**
 * Softmax over rows: y = e^(x − max) / Σ e^(x − max). A row without any finite entry gives zeros. Entries of −∞ add exact
 * zeros, so that masking or appending them changes no bit of the others.
 */
import { int, ptr, share } from './abi';
import { expNonPositive4, log4 } from './math';
import { CHUNK, Difference, dotRow, horizontalSum, Identity, loadPart, mapRow, maskPart, maxRow, Product, storePart, sumRow, zero } from './rows';

/** Words: x (2), y (2), rows, columns. */
export function softmax(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const n = int(args, 5);
  const end = share(int(args, 4), part + 1, parts);
  for (let row = share(int(args, 4), part, parts); row < end; row++) {
    const x = ptr(args, 0, slots) + (<usize>row * n << 2);
    const y = ptr(args, 2, slots) + (<usize>row * n << 2);
    const sum = expRow(x, y, n, shiftOf(x, n));
    mapRow<Product>(y, y, n, f32x4.splat(sum == 0 ? 0 : 1 / sum));
  }
  return 0;
}

/** dx = y·(dy − Σ dy·y). Words: y (2), dy (2), dx (2), rows, columns. */
export function softmaxBackward(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const n = int(args, 7);
  const end = share(int(args, 6), part + 1, parts);
  for (let row = share(int(args, 6), part, parts); row < end; row++) {
    const offset = <usize>row * n << 2;
    let y = ptr(args, 0, slots) + offset;
    let dy = ptr(args, 2, slots) + offset;
    let dx = ptr(args, 4, slots) + offset;
    const dot = f32x4.splat(dotRow(dy, y, n));
    const wide = y + (<usize>(n & ~3) << 2);
    for (; y < wide; y += 16, dy += 16, dx += 16) v128.store(dx, f32x4.mul(v128.load(y), f32x4.sub(v128.load(dy), dot)));
    const rest = n & 3;
    if (rest) storePart(dx, f32x4.mul(loadPart(y, rest, zero()), f32x4.sub(loadPart(dy, rest, zero()), dot)), rest);
  }
  return 0;
}

/** y = (x − max) − log Σ e^(x − max). Words as for `softmax`. */
export function logSoftmax(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const n = int(args, 5);
  const end = share(int(args, 4), part + 1, parts);
  for (let row = share(int(args, 4), part, parts); row < end; row++) {
    const x = ptr(args, 0, slots) + (<usize>row * n << 2);
    const y = ptr(args, 2, slots) + (<usize>row * n << 2);
    const shift = shiftOf(x, n);
    const sum = sumRow<Exponential>(x, n, f32x4.splat(shift));
    mapRow<Difference>(x, y, n, f32x4.splat(shift));
    mapRow<Difference>(y, y, n, log4(f32x4.splat(sum)));
  }
  return 0;
}

/** dx = dy − eʸ·Σ dy. Words: y (2), dy (2), dx (2), rows, columns. */
export function logSoftmaxBackward(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const n = int(args, 7);
  const end = share(int(args, 6), part + 1, parts);
  for (let row = share(int(args, 6), part, parts); row < end; row++) {
    const offset = <usize>row * n << 2;
    let y = ptr(args, 0, slots) + offset;
    let dy = ptr(args, 2, slots) + offset;
    let dx = ptr(args, 4, slots) + offset;
    const sum = f32x4.splat(sumRow<Identity>(dy, n, zero()));
    const wide = y + (<usize>(n & ~3) << 2);
    for (; y < wide; y += 16, dy += 16, dx += 16) {
      v128.store(dx, f32x4.sub(v128.load(dy), f32x4.mul(expNonPositive4(v128.load(y)), sum)));
    }
    const rest = n & 3;
    if (rest) {
      const e = expNonPositive4(loadPart(y, rest, zero()));
      storePart(dx, f32x4.sub(loadPart(dy, rest, zero()), f32x4.mul(e, sum)), rest);
    }
  }
  return 0;
}

/** What to take from a row before the exponential: its maximum, or 0 if that is −∞. */
// @ts-ignore: decorator
@inline
export function shiftOf(x: usize, n: i32): f32 {
  const largest = maxRow(x, n);
  return largest == -Infinity ? 0 : largest;
}

/** e^(x − shift). */
@unmanaged
export class Exponential {
  @inline apply(x: v128, shift: v128): v128 {
    return expNonPositive4(f32x4.sub(x, shift));
  }
}

/** yᵢ = e^(xᵢ − shift); returns their sum, in the order of `sumRow`. */
function expRow(x: usize, y: usize, n: i32, shift: f32): f32 {
  const c = f32x4.splat(shift);
  let total = zero();
  for (let left = n; left > 0; left -= CHUNK) {
    const length = min(left, CHUNK);
    const end = x + (<usize>length << 2);
    const wide = x + (<usize>(length & ~15) << 2);
    let s0 = zero();
    let s1 = zero();
    let s2 = zero();
    let s3 = zero();
    for (; x < wide; x += 64, y += 64) {
      s0 = f32x4.add(s0, expStore(x, y, c));
      s1 = f32x4.add(s1, expStore(x + 16, y + 16, c));
      s2 = f32x4.add(s2, expStore(x + 32, y + 32, c));
      s3 = f32x4.add(s3, expStore(x + 48, y + 48, c));
    }
    if (x < end) {
      s0 = f32x4.add(s0, expStoreEnd(x, y, end, c));
      s1 = f32x4.add(s1, expStoreEnd(x + 16, y + 16, end, c));
      s2 = f32x4.add(s2, expStoreEnd(x + 32, y + 32, end, c));
      s3 = f32x4.add(s3, expStoreEnd(x + 48, y + 48, end, c));
      y += end - x;
      x = end;
    }
    total = f32x4.add(total, f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
  }
  return horizontalSum(total);
}

// @ts-ignore: decorator
@inline
function expStore(x: usize, y: usize, shift: v128): v128 {
  const e = expNonPositive4(f32x4.sub(v128.load(x), shift));
  v128.store(y, e);
  return e;
}

function expStoreEnd(x: usize, y: usize, end: usize, shift: v128): v128 {
  if (x >= end) return zero();
  if (x + 16 <= end) return expStore(x, y, shift);
  const count = <i32>((end - x) >> 2);
  const e = expNonPositive4(f32x4.sub(loadPart(x, count, zero()), shift));
  storePart(y, e, count);
  return v128.and(e, maskPart(count));
}
