import { float, int, ptr, share } from './abi';
import { at, BLOCK, CHUNK, copyRows, forbid, horizontalSum, K, MASK, packLong8, Q, REST, ROW, ROWS, scoreTiles, SIZES, stride, TILE, up4, up8, V } from './attention-blocks';
import { expNonPositive4 } from './math';
import { pack8 } from './pack';
import { strips } from './tile';

const O: i32 = REST;
const DO: i32 = REST + 6;
const LSE: i32 = REST + 12;

/**
 * With p = exp(s − lse) and ds = scale · p · (do vᵀ − Σ do·o): dv = pᵀ do, dq = ds k, dk = dsᵀ q. Chunks of keys outside,
 * blocks of queries inside: dk and dv add up over blocks, dq over chunks, each in order of index. A walker takes whole heads.
 * More words: o and do (6 each, as q), lse (2), dq (2), dk (2), dv (2).
 */
export function attentionBackward(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const H = int(args, SIZES + 1);
  const T = int(args, SIZES + 2);
  const S = int(args, SIZES + 3);
  const Dh = int(args, SIZES + 4);
  const Dv = int(args, SIZES + 5);
  const causal = int(args, SIZES + 6) != 0;
  const scale = float(args, SIZES + 7);
  const hasMask = int(args, MASK) >= 0;

  const scratch = ptr(args, SIZES + 8, slots) + <usize>part * <usize>int(args, SIZES + 10);
  const scores = scratch + TILE; // (65, 272), then p
  const slopes = scores + <usize>ROWS * ROW; // (65, 272): do vᵀ, then ds
  const kOverD = slopes + <usize>ROWS * ROW; // one chunk of k, packed (256, Dh)
  const kOverS = kOverD + <usize>(CHUNK * Dh * 4); // the same, packed (Dh, 256)
  const vOverD = kOverS + <usize>(CHUNK * up8(Dh) * 4); // one chunk of v, packed (256, Dv)
  const rowsT = <usize>up4(T) + 4;
  const rowLse = vOverD + <usize>(CHUNK * Dv * 4); // (T)
  const rowDelta = rowLse + (rowsT << 2); // (T)
  const scaledQ = rowDelta + (rowsT << 2); // (T, Dh)
  const copiedDo = scaledQ + (rowsT * <usize>Dh << 2); // (T, Dv)
  // For each block of queries:
  const qOverT = copiedDo + (rowsT * <usize>Dv << 2); // packed (Dh, 64)
  const doOverT = qOverT + (rowsT * <usize>up8(Dh) << 2); // packed (Dv, 64)

  const ldq = <usize>(H * Dh) << 2;
  const ldv = <usize>(H * Dv) << 2;
  const heads = int(args, SIZES) * H;
  const end = share(heads, part + 1, parts);
  for (let index = share(heads, part, parts); index < end; index++) {
    const b = index / H;
    const h = index % H;
    const q = at(args, Q, slots, b, h);
    const k = at(args, K, slots, b, h);
    const v = at(args, V, slots, b, h);
    const o = at(args, O, slots, b, h);
    const dO = at(args, DO, slots, b, h);
    const mask = hasMask ? ptr(args, MASK, slots) + <usize>b * stride(args, MASK, 0) + <usize>h * stride(args, MASK, 1) : 0;
    const dq = ptr(args, LSE + 2, slots) + <usize>(b * T) * ldq + (<usize>(h * Dh) << 2);
    const dk = ptr(args, LSE + 4, slots) + <usize>(b * S) * ldq + (<usize>(h * Dh) << 2);
    const dv = ptr(args, LSE + 6, slots) + <usize>(b * S) * ldv + (<usize>(h * Dv) << 2);
    const qStride = stride(args, Q, 1);
    const qLast = stride(args, Q, 3);
    const kStride = stride(args, K, 1);
    const kLast = stride(args, K, 3);
    const vStride = stride(args, V, 1);
    const doStride = stride(args, DO, 1);
    const doLast = stride(args, DO, 3);

    for (let i = 0; i < T; i += BLOCK) {
      const rows = min(BLOCK, T - i);
      const first = <usize>i << 2;
      const fromQ = q + <usize>i * qStride;
      const fromDo = dO + <usize>i * doStride;
      copyRows(fromQ, qStride, qLast, rows, Dh, scale, scaledQ + first * <usize>Dh);
      copyRows(fromDo, doStride, doLast, rows, Dv, 1, copiedDo + first * <usize>Dv);
      pack8(fromQ, qLast, qStride, Dh, rows, qOverT + first * <usize>up8(Dh));
      pack8(fromDo, doLast, doStride, Dv, rows, doOverT + first * <usize>up8(Dv));
    }
    rowTerms(ptr(args, LSE, slots) + (<usize>(index * T) << 2), T, Dv, o, stride(args, O, 1), stride(args, O, 3), dO, doStride, doLast, rowLse, rowDelta);

    for (let j0 = 0; j0 < S; j0 += CHUNK) {
      const chunk = min(CHUNK, S - j0);
      packLong8(k + <usize>j0 * kStride, kStride, kLast, chunk, Dh, kOverD);
      pack8(k + <usize>j0 * kStride, kLast, kStride, Dh, chunk, kOverS);
      packLong8(v + <usize>j0 * vStride, vStride, stride(args, V, 3), chunk, Dv, vOverD);
      const begin = causal ? j0 & ~(BLOCK - 1) : 0;
      for (let i0 = begin; i0 < T; i0 += BLOCK) {
        const rows = min(BLOCK, T - i0);
        const keys = causal ? min(chunk, i0 + rows - j0) : chunk;
        const first = <usize>i0 << 2;
        scoreTiles(scores, scaledQ + first * <usize>Dh, kOverD, Dh, rows, keys, chunk);
        if (causal || hasMask) forbid(scores, rows, keys, i0, j0, causal, mask, stride(args, MASK, 2), stride(args, MASK, 3));
        scoreTiles(slopes, copiedDo + first * <usize>Dv, vOverD, Dv, rows, keys, chunk);
        differentiate(scores, slopes, up4(rows), keys, rowLse + first, rowDelta + first, scale);
        // Keys beyond `keys` weigh nothing in this block, but a first block must write all of its chunk.
        const toK = dk + <usize>j0 * ldq;
        const toV = dv + <usize>j0 * ldv;
        strips(scores, 4, ROW, doOverT + first * <usize>up8(Dv), rows, toV, ldv, i0 > begin, keys, Dv, scratch);
        strips(slopes, 4, ROW, qOverT + first * <usize>up8(Dh), rows, toK, ldq, i0 > begin, keys, Dh, scratch);
        if (i0 == begin) {
          for (let j = keys; j < chunk; j++) {
            memory.fill(toK + <usize>j * ldq, 0, <usize>Dh << 2);
            memory.fill(toV + <usize>j * ldv, 0, <usize>Dv << 2);
          }
        }
        queryTiles(slopes, kOverS, keys, chunk, dq + <usize>i0 * ldq, ldq, j0 > 0, rows, Dh, scratch);
      }
    }
  }
  return 0;
}

/** dq = or += ds · k; panels of k are `chunk` long, of which a causal block uses fewer. */
function queryTiles(ds: usize, k: usize, keys: i32, chunk: i32, dq: usize, ldq: usize, accumulate: bool, rows: i32, Dh: i32, scratch: usize): void {
  if (keys == chunk) {
    strips(ds, ROW, 4, k, keys, dq, ldq, accumulate, rows, Dh, scratch);
    return;
  }
  for (let d = 0; d < Dh; d += 8) {
    strips(ds, ROW, 4, k, keys, dq + (<usize>d << 2), ldq, accumulate, rows, min(8, Dh - d), scratch);
    k += <usize>chunk << 5;
  }
}

// @ts-ignore: decorator
@inline
function loadStrided(from: usize, last: usize, count: i32): v128 {
  if (last == 4 && count >= 4) return v128.load(from);
  let v = f32x4.splat(0);
  if (count > 0) v = f32x4.replace_lane(v, 0, load<f32>(from));
  if (count > 1) v = f32x4.replace_lane(v, 1, load<f32>(from + last));
  if (count > 2) v = f32x4.replace_lane(v, 2, load<f32>(from + 2 * last));
  if (count > 3) v = f32x4.replace_lane(v, 3, load<f32>(from + 3 * last));
  return v;
}

/** Per row: lse, or +∞ where nothing may be attended to (so that each p is 0), and Σ do·o. */
function rowTerms(lse: usize, T: i32, Dv: i32, o: usize, oStride: usize, oLast: usize, dO: usize, doStride: usize, doLast: usize, rowLse: usize, rowDelta: usize): void {
  for (let i = 0; i < up4(T); i++) {
    const x = <usize>i << 2;
    if (i >= T) {
      store<f32>(rowLse + x, Infinity);
      store<f32>(rowDelta + x, 0);
      continue;
    }
    const value = load<f32>(lse + x);
    store<f32>(rowLse + x, value == -Infinity ? Infinity : value);
    let sum = f32x4.splat(0);
    for (let d = 0; d < Dv; d += 4) {
      const product = f32x4.mul(loadStrided(o + <usize>d * oLast, oLast, Dv - d), loadStrided(dO + <usize>d * doLast, doLast, Dv - d));
      sum = f32x4.add(sum, product);
    }
    store<f32>(rowDelta + x, horizontalSum(sum));
    o += oStride;
    dO += doStride;
  }
}

/** scores ← p, slopes ← ds. */
function differentiate(scores: usize, slopes: usize, rows: i32, keys: i32, rowLse: usize, rowDelta: usize, scale: f32): void {
  const bytes = <usize>up4(keys) << 2;
  const factor = f32x4.splat(scale);
  for (let r = 0; r < rows; r += 4) {
    const l0 = v128.load32_splat(rowLse);
    const l1 = v128.load32_splat(rowLse, 4);
    const l2 = v128.load32_splat(rowLse, 8);
    const l3 = v128.load32_splat(rowLse, 12);
    const d0 = v128.load32_splat(rowDelta);
    const d1 = v128.load32_splat(rowDelta, 4);
    const d2 = v128.load32_splat(rowDelta, 8);
    const d3 = v128.load32_splat(rowDelta, 12);
    let s = scores + <usize>r * ROW;
    let g = slopes + <usize>r * ROW;
    for (const end = s + bytes; s < end; s += 16) {
      const p0 = expNonPositive4(f32x4.sub(v128.load(s), l0));
      const p1 = expNonPositive4(f32x4.sub(v128.load(s, ROW), l1));
      const p2 = expNonPositive4(f32x4.sub(v128.load(s, 2 * ROW), l2));
      const p3 = expNonPositive4(f32x4.sub(v128.load(s, 3 * ROW), l3));
      v128.store(s, p0);
      v128.store(s, p1, ROW);
      v128.store(s, p2, 2 * ROW);
      v128.store(s, p3, 3 * ROW);
      const g0 = f32x4.mul(f32x4.mul(p0, factor), f32x4.sub(v128.load(g), d0));
      const g1 = f32x4.mul(f32x4.mul(p1, factor), f32x4.sub(v128.load(g, ROW), d1));
      const g2 = f32x4.mul(f32x4.mul(p2, factor), f32x4.sub(v128.load(g, 2 * ROW), d2));
      const g3 = f32x4.mul(f32x4.mul(p3, factor), f32x4.sub(v128.load(g, 3 * ROW), d3));
      v128.store(g, g0);
      v128.store(g, g1, ROW);
      v128.store(g, g2, 2 * ROW);
      v128.store(g, g3, 3 * ROW);
      g += 16;
    }
    rowLse += 16;
    rowDelta += 16;
  }
}
