import { float, int, ptr, share } from './abi';
import { at, BLOCK, CHUNK, copyRows, forbid, horizontalSum, K, MASK, packLong8, Q, REST, rowOf, ROWS, scoreTiles, SIZES, stride, TILE, up4, up5, up8, V } from './attention-blocks';
import { expNonPositive4 } from './math';
import { stripsOverRows } from './tile';

const O: i32 = REST;
const DO: i32 = REST + 6;
const LSE: i32 = REST + 12;

/**
 * With p = exp(s − lse) and ds = p · (do vᵀ − Σ do·o): dv = pᵀ do, dq = ds · scale k, dk = dsᵀ · scale q. Chunks of keys outside,
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
  const row = rowOf(S);
  const scores = scratch + TILE; // (65, row), then p
  const slopes = scores + <usize>ROWS * row; // (65, row): do vᵀ, then ds
  const kOverD = slopes + <usize>ROWS * row; // one chunk of k, packed (256, Dh)
  const rowQ = <usize>up8(Dh) << 2;
  const rowV = <usize>up8(Dv) << 2;
  const scaledK = kOverD + <usize>(CHUNK * Dh * 4); // the same, scaled, as rows: (up to 260, Dh), Dh rounded up to 8
  const vOverD = scaledK + <usize>up5(CHUNK) * rowQ; // one chunk of v, packed (256, Dv)
  const rowsT = <usize>up4(T) + 4;
  const rowLse = vOverD + <usize>(CHUNK * Dv * 4); // (T)
  const rowDelta = rowLse + (rowsT << 2); // (T)
  const scaledQ = rowDelta + (rowsT << 2); // (T, Dh), Dh rounded up to 8
  const copiedDo = scaledQ + rowsT * rowQ; // (T, Dv), Dv rounded up to 8

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
    const kStride = stride(args, K, 1);
    const kLast = stride(args, K, 3);
    const vStride = stride(args, V, 1);

    copyRows(q, stride(args, Q, 1), stride(args, Q, 3), T, Dh, scale, scaledQ);
    copyRows(dO, stride(args, DO, 1), stride(args, DO, 3), T, Dv, 1, copiedDo);
    rowTerms(ptr(args, LSE, slots) + (<usize>(index * T) << 2), T, Dv, o, stride(args, O, 1), stride(args, O, 3), copiedDo, rowLse, rowDelta);

    for (let j0 = 0; j0 < S; j0 += CHUNK) {
      const chunk = min(CHUNK, S - j0);
      packLong8(k + <usize>j0 * kStride, kStride, kLast, chunk, Dh, kOverD);
      copyRows(k + <usize>j0 * kStride, kStride, kLast, chunk, Dh, scale, scaledK);
      packLong8(v + <usize>j0 * vStride, vStride, stride(args, V, 3), chunk, Dv, vOverD);
      const begin = causal ? j0 & ~(BLOCK - 1) : 0;
      for (let i0 = begin; i0 < T; i0 += BLOCK) {
        const rows = min(BLOCK, T - i0);
        const keys = causal ? min(chunk, i0 + rows - j0) : chunk;
        const first = <usize>i0 << 2;
        const qRows = scaledQ + <usize>i0 * rowQ;
        const doRows = copiedDo + <usize>i0 * rowV;
        scoreTiles(scores, row, qRows, kOverD, Dh, rows, keys, chunk);
        if (causal || hasMask) forbid(scores, row, rows, keys, i0, j0, causal, mask, stride(args, MASK, 2), stride(args, MASK, 3));
        scoreTiles(slopes, row, doRows, vOverD, Dv, rows, keys, chunk);
        differentiate(scores, slopes, row, up4(rows), keys, rowLse + first, rowDelta + first);
        // Keys beyond `keys` weigh nothing in this block, but a first block must write all of its chunk.
        const toK = dk + <usize>j0 * ldq;
        const toV = dv + <usize>j0 * ldv;
        stripsOverRows(scores, 4, row, doRows, rowV, rows, toV, ldv, i0 > begin, keys, Dv, scratch);
        stripsOverRows(slopes, 4, row, qRows, rowQ, rows, toK, ldq, i0 > begin, keys, Dh, scratch);
        if (i0 == begin) {
          for (let j = keys; j < chunk; j++) {
            memory.fill(toK + <usize>j * ldq, 0, <usize>Dh << 2);
            memory.fill(toV + <usize>j * ldv, 0, <usize>Dv << 2);
          }
        }
        stripsOverRows(slopes, row, 4, scaledK, rowQ, keys, dq + <usize>i0 * ldq, ldq, j0 > 0, rows, Dh, scratch);
      }
    }
  }
  return 0;
}

function loadStrided(from: usize, last: usize, count: i32): v128 {
  let v = v128.load32_zero(from);
  if (count > 1) v = f32x4.replace_lane(v, 1, load<f32>(from + last));
  if (count > 2) v = f32x4.replace_lane(v, 2, load<f32>(from + 2 * last));
  if (count > 3) v = f32x4.replace_lane(v, 3, load<f32>(from + 3 * last));
  return v;
}

/** Per row: lse, or +∞ where nothing may be attended to (so that each p is 0), and Σ do·o; do as `copyRows` left it. */
function rowTerms(lse: usize, T: i32, Dv: i32, o: usize, oStride: usize, oLast: usize, copiedDo: usize, rowLse: usize, rowDelta: usize): void {
  const wide = oLast == 4 ? Dv & ~3 : 0;
  const end = <usize>T << 2;
  for (let x: usize = 0; x < end; x += 4) {
    const value = load<f32>(lse + x);
    store<f32>(rowLse + x, value == -Infinity ? Infinity : value);
    let sum = f32x4.splat(0);
    let d = 0;
    for (; d < wide; d += 4) sum = f32x4.add(sum, f32x4.mul(v128.load(o + (<usize>d << 2)), v128.load(copiedDo + (<usize>d << 2))));
    for (; d < Dv; d += 4) sum = f32x4.add(sum, f32x4.mul(loadStrided(o + <usize>d * oLast, oLast, Dv - d), v128.load(copiedDo + (<usize>d << 2))));
    store<f32>(rowDelta + x, horizontalSum(sum));
    o += oStride;
    copiedDo += <usize>up8(Dv) << 2;
  }
  for (let x = end; (x & 12) != 0; x += 4) {
    store<f32>(rowLse + x, Infinity);
    store<f32>(rowDelta + x, 0);
  }
}

/** scores ← p, slopes ← ds. */
function differentiate(scores: usize, slopes: usize, row: usize, rows: i32, keys: i32, rowLse: usize, rowDelta: usize): void {
  const bytes = <usize>up4(keys) << 2;
  for (let r = 0; r < rows; r += 4) {
    const l0 = v128.load32_splat(rowLse);
    const l1 = v128.load32_splat(rowLse, 4);
    const l2 = v128.load32_splat(rowLse, 8);
    const l3 = v128.load32_splat(rowLse, 12);
    const d0 = v128.load32_splat(rowDelta);
    const d1 = v128.load32_splat(rowDelta, 4);
    const d2 = v128.load32_splat(rowDelta, 8);
    const d3 = v128.load32_splat(rowDelta, 12);
    const s0 = scores + <usize>r * row;
    const s1 = s0 + row;
    const s2 = s1 + row;
    const s3 = s2 + row;
    const g0 = slopes + <usize>r * row;
    const g1 = g0 + row;
    const g2 = g1 + row;
    const g3 = g2 + row;
    for (let x: usize = 0; x < bytes; x += 16) {
      const p0 = expNonPositive4(f32x4.sub(v128.load(s0 + x), l0));
      const p1 = expNonPositive4(f32x4.sub(v128.load(s1 + x), l1));
      const p2 = expNonPositive4(f32x4.sub(v128.load(s2 + x), l2));
      const p3 = expNonPositive4(f32x4.sub(v128.load(s3 + x), l3));
      v128.store(s0 + x, p0);
      v128.store(s1 + x, p1);
      v128.store(s2 + x, p2);
      v128.store(s3 + x, p3);
      v128.store(g0 + x, f32x4.mul(p0, f32x4.sub(v128.load(g0 + x), d0)));
      v128.store(g1 + x, f32x4.mul(p1, f32x4.sub(v128.load(g1 + x), d1)));
      v128.store(g2 + x, f32x4.mul(p2, f32x4.sub(v128.load(g2 + x), d2)));
      v128.store(g3 + x, f32x4.mul(p3, f32x4.sub(v128.load(g3 + x), d3)));
    }
    rowLse += 16;
    rowDelta += 16;
  }
}
