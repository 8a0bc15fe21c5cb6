/**
 * Layer norm, y = (x − mean)·rstd·gain + bias with rstd = 1/√(variance + ε), and RMS norm, y = x·rstd·gain with
 * rstd = 1/√(mean(x²) + ε). Rows of C elements.
 */
import { float, int, ptr, share } from './abi';
import { CHUNK, Difference, horizontalSum, Identity, loadPart, maskPart, Square, SquareOfDifference, storePart, sumRow, zero } from './rows';
import { madd, nmadd } from './simd';

/** Words: x (2), gain (2), bias (2), y (2), mean (2), rstd (2), rows, C, ε. */
export function layerNorm(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const rows = int(args, 12);
  const n = int(args, 13);
  const gain = ptr(args, 2, slots);
  const bias = ptr(args, 4, slots);
  const end = share(rows, part + 1, parts);
  for (let row = share(rows, part, parts); row < end; row++) {
    const x = ptr(args, 0, slots) + (<usize>row * n << 2);
    const mean = sumRow<Identity>(x, n, zero()) / <f32>n;
    const variance = sumRow<SquareOfDifference>(x, n, f32x4.splat(mean)) / <f32>n;
    const rstd: f32 = 1 / sqrt<f32>(variance + float(args, 14));
    store<f32>(ptr(args, 8, slots) + (<usize>row << 2), mean);
    store<f32>(ptr(args, 10, slots) + (<usize>row << 2), rstd);
    // What rounding took from the mean: it matters where the mean is large beside the deviation.
    const rest = sumRow<Difference>(x, n, f32x4.splat(mean)) / <f32>n;
    scaleRow(x, gain, bias, ptr(args, 6, slots) + (<usize>row * n << 2), n, mean, rest, rstd);
  }
  return 0;
}

function scaleRow(x: usize, gain: usize, bias: usize, y: usize, n: i32, mean: f32, rest: f32, rstd: f32): void {
  const m = f32x4.splat(mean);
  const d = f32x4.splat(rest);
  const r = f32x4.splat(rstd);
  const wide = x + (<usize>(n & ~3) << 2);
  for (; x < wide; x += 16, y += 16, gain += 16, bias += 16) {
    v128.store(y, madd(f32x4.mul(f32x4.sub(f32x4.sub(v128.load(x), m), d), r), v128.load(gain), v128.load(bias)));
  }
  const tail = n & 3;
  if (tail) {
    const normal = f32x4.mul(f32x4.sub(f32x4.sub(loadPart(x, tail, zero()), m), d), r);
    storePart(y, madd(normal, loadPart(gain, tail, zero()), loadPart(bias, tail, zero())), tail);
  }
}

/** Words: x (2), gain (2), y (2), rstd (2), rows, C, ε. */
export function rmsNorm(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const rows = int(args, 8);
  const n = int(args, 9);
  const end = share(rows, part + 1, parts);
  for (let row = share(rows, part, parts); row < end; row++) {
    let x = ptr(args, 0, slots) + (<usize>row * n << 2);
    let y = ptr(args, 4, slots) + (<usize>row * n << 2);
    let gain = ptr(args, 2, slots);
    const rstd: f32 = 1 / sqrt<f32>(sumRow<Square>(x, n, zero()) / <f32>n + float(args, 10));
    store<f32>(ptr(args, 6, slots) + (<usize>row << 2), rstd);
    const r = f32x4.splat(rstd);
    const wide = x + (<usize>(n & ~3) << 2);
    for (; x < wide; x += 16, y += 16, gain += 16) v128.store(y, f32x4.mul(f32x4.mul(v128.load(x), r), v128.load(gain)));
    const rest = n & 3;
    if (rest) storePart(y, f32x4.mul(f32x4.mul(loadPart(x, rest, zero()), r), loadPart(gain, rest, zero())), rest);
  }
  return 0;
}

/** Rows whose contributions to the parameters' gradients are summed by one walker. */
const BLOCK: i32 = 64;

/**
 * dx = rstd·(g − mean(g) − x̂·mean(g·x̂)) with g = dy·gain and x̂ = (x − mean)·rstd; and for each block of rows the sums of
 * dy·x̂ and dy, which `sumBlocks` adds up.
 *
 * Words: x (2), gain (2), mean (2), rstd (2), dy (2), dx (2), partial sums (2): blocks × 2 × C, rows, C.
 */
export function layerNormBackward(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const rows = int(args, 14);
  const n = int(args, 15);
  const blocks = (rows + BLOCK - 1) / BLOCK;
  const end = share(blocks, part + 1, parts);
  for (let block = share(blocks, part, parts); block < end; block++) {
    const first = block * BLOCK;
    backwardRows(
      ptr(args, 0, slots) + (<usize>first * n << 2), ptr(args, 2, slots), ptr(args, 4, slots) + (<usize>first << 2),
      ptr(args, 6, slots) + (<usize>first << 2), ptr(args, 8, slots) + (<usize>first * n << 2), ptr(args, 10, slots) + (<usize>first * n << 2),
      ptr(args, 12, slots) + (<usize>block * 2 * n << 2), min(rows - first, BLOCK), n, true,
    );
  }
  return 0;
}

/**
 * dx = rstd·(g − x̂·mean(g·x̂)) with x̂ = x·rstd; otherwise as `layerNormBackward`.
 * Words: x (2), gain (2), rstd (2), dy (2), dx (2), partial sums (2): blocks × C, rows, C.
 */
export function rmsNormBackward(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const rows = int(args, 12);
  const n = int(args, 13);
  const blocks = (rows + BLOCK - 1) / BLOCK;
  const end = share(blocks, part + 1, parts);
  for (let block = share(blocks, part, parts); block < end; block++) {
    const first = block * BLOCK;
    backwardRows(
      ptr(args, 0, slots) + (<usize>first * n << 2), ptr(args, 2, slots), 0,
      ptr(args, 4, slots) + (<usize>first << 2), ptr(args, 6, slots) + (<usize>first * n << 2), ptr(args, 8, slots) + (<usize>first * n << 2),
      ptr(args, 10, slots) + (<usize>block * n << 2), min(rows - first, BLOCK), n, false,
    );
  }
  return 0;
}

/** `centred` tells layer norm from RMS norm. */
// @ts-ignore: decorator
@inline
function backwardRows(x: usize, gain: usize, mean: usize, rstd: usize, dy: usize, dx: usize, sums: usize, rows: i32, n: i32, centred: bool): void {
  memory.fill(sums, 0, (<usize>n << 2) * (centred ? 2 : 1));
  const bytes = <usize>n << 2;
  for (let row = 0; row < rows; row++) {
    const m = centred ? v128.load32_splat(mean + (<usize>row << 2)) : zero();
    const r = v128.load32_splat(rstd + (<usize>row << 2));
    backwardRow(x, gain, dy, dx, sums, sums + bytes, n, m, r, centred);
    x += bytes;
    dy += bytes;
    dx += bytes;
  }
}

// @ts-ignore: decorator
@inline
function backwardRow(x: usize, gain: usize, dy: usize, dx: usize, dgain: usize, dbias: usize, n: i32, m: v128, r: v128, centred: bool): void {
  // First Σ g and Σ g·x̂, in two sets of lanes; dgain and dbias by the way.
  let totalG = zero();
  let totalGX = zero();
  let at: usize = 0;
  for (let left = n; left > 0; left -= CHUNK) {
    const length = min(left, CHUNK);
    const wide = at + (<usize>(length & ~7) << 2);
    const end = at + (<usize>length << 2);
    let g0 = zero();
    let g1 = zero();
    let h0 = zero();
    let h1 = zero();
    for (; at < wide; at += 32) {
      const d0 = v128.load(dy + at);
      const d1 = v128.load(dy + at, 16);
      const x0 = normal(v128.load(x + at), m, r, centred);
      const x1 = normal(v128.load(x + at, 16), m, r, centred);
      const a0 = f32x4.mul(d0, v128.load(gain + at));
      const a1 = f32x4.mul(d1, v128.load(gain + at, 16));
      if (centred) {
        g0 = f32x4.add(g0, a0);
        g1 = f32x4.add(g1, a1);
        v128.store(dbias + at, f32x4.add(v128.load(dbias + at), d0));
        v128.store(dbias + at, f32x4.add(v128.load(dbias + at, 16), d1), 16);
      }
      h0 = madd(a0, x0, h0);
      h1 = madd(a1, x1, h1);
      v128.store(dgain + at, madd(d0, x0, v128.load(dgain + at)));
      v128.store(dgain + at, madd(d1, x1, v128.load(dgain + at, 16)), 16);
    }
    for (let second = false; at < end; second = true) {
      const count = min(<i32>((end - at) >> 2), 4);
      const d = loadUpTo(dy + at, count);
      const y = v128.and(normal(loadUpTo(x + at, count), m, r, centred), maskPart(count));
      const a = f32x4.mul(d, loadUpTo(gain + at, count));
      if (centred) {
        if (second) g1 = f32x4.add(g1, a);
        else g0 = f32x4.add(g0, a);
        storeUpTo(dbias + at, f32x4.add(loadUpTo(dbias + at, count), d), count);
      }
      if (second) h1 = madd(a, y, h1);
      else h0 = madd(a, y, h0);
      storeUpTo(dgain + at, madd(d, y, loadUpTo(dgain + at, count)), count);
      at += <usize>count << 2;
    }
    totalG = f32x4.add(totalG, f32x4.add(g0, g1));
    totalGX = f32x4.add(totalGX, f32x4.add(h0, h1));
  }
  const meanG = f32x4.splat(centred ? horizontalSum(totalG) / <f32>n : 0);
  const meanGX = f32x4.splat(horizontalSum(totalGX) / <f32>n);

  const wide = <usize>(n & ~3) << 2;
  for (at = 0; at < wide; at += 16) {
    const g = f32x4.mul(v128.load(dy + at), v128.load(gain + at));
    const y = normal(v128.load(x + at), m, r, centred);
    v128.store(dx + at, f32x4.mul(r, nmadd(y, meanGX, centred ? f32x4.sub(g, meanG) : g)));
  }
  const rest = n & 3;
  if (rest) {
    const g = f32x4.mul(loadPart(dy + at, rest, zero()), loadPart(gain + at, rest, zero()));
    const y = normal(loadPart(x + at, rest, zero()), m, r, centred);
    storePart(dx + at, f32x4.mul(r, nmadd(y, meanGX, centred ? f32x4.sub(g, meanG) : g)), rest);
  }
}

// @ts-ignore: decorator
@inline
function normal(x: v128, mean: v128, rstd: v128, centred: bool): v128 {
  return f32x4.mul(centred ? f32x4.sub(x, mean) : x, rstd);
}

function loadUpTo(p: usize, count: i32): v128 {
  return count == 4 ? v128.load(p) : loadPart(p, count, zero());
}

function storeUpTo(p: usize, v: v128, count: i32): void {
  if (count == 4) v128.store(p, v);
  else storePart(p, v, count);
}

/**
 * yⱼ = Σ over blocks of sums[block][j], in order and in float64. Words: sums (2), y (2), blocks, floats from block to block, C.
 */
export function sumBlocks(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const blocks = int(args, 4);
  const stride = <usize>int(args, 5) << 2;
  const n = int(args, 6);
  const vectors = (n + 3) >> 2;
  const end = share(vectors, part + 1, parts);
  for (let vector = share(vectors, part, parts); vector < end; vector++) {
    const count = min(n - (vector << 2), 4);
    let p = ptr(args, 0, slots) + (<usize>vector << 4);
    let low = zero();
    let high = zero();
    for (let block = 0; block < blocks; block++) {
      const v = loadUpTo(p, count);
      low = f64x2.add(low, f64x2.promote_low_f32x4(v));
      high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<i64>(v, v, 1, 0)));
      p += stride;
    }
    const v = v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
    storeUpTo(ptr(args, 2, slots) + (<usize>vector << 4), v, count);
  }
  return 0;
}
