import { float, int, ptr, share } from './abi';
import { at, BLOCK, CHUNK, copyRows, forbid, horizontalMax, horizontalSum, K, MASK, packLong8, Q, REST, ROW, ROWS, scaleAll, scoreTiles, SIZES, stride, up4, up5, up8, V } from './attention-blocks';
import { expNonPositive4, log4 } from './math';
import { pack8 } from './pack';
import { rowTile, rowTileAlongK, strips, tile } from './tile';

/**
 * o = softmax(scale · q kᵀ) v per batch and head, with a running maximum over the chunks of keys, and lse = log Σ exp.
 * More words: o (2), lse (2). Walkers take blocks of queries; consecutive blocks of one head share its packed keys.
 */
export function attention(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const H = int(args, SIZES + 1);
  const T = int(args, SIZES + 2);
  const S = int(args, SIZES + 3);
  const Dh = int(args, SIZES + 4);
  const Dv = int(args, SIZES + 5);
  const causal = int(args, SIZES + 6) != 0;
  const scale = float(args, SIZES + 7);
  const hasMask = int(args, MASK) >= 0;
  const o = ptr(args, REST, slots);
  const lse = ptr(args, REST + 2, slots);
  const ldo = <usize>(H * Dv) << 2;

  const maxima = ptr(args, SIZES + 8, slots) + <usize>part * <usize>int(args, SIZES + 10); // (64)
  const sums = maxima + BLOCK * 4; // (64)
  const scores = sums + BLOCK * 4; // (65, 272), then weights
  const scaledQ = scores + <usize>ROWS * ROW; // (65, Dh), Dh rounded up to 8
  const values = scaledQ + <usize>(ROWS * up8(Dh) * 4); // (65, Dv), Dv likewise
  const row = <usize>up8(Dv) << 2;
  const packedK = values + <usize>ROWS * row; // for each chunk, packed (256, Dh)
  const packedV = packedK + (<usize>up8(S) * <usize>Dh << 2); // for each chunk, packed (Dv, 256)

  const blocks = (T + BLOCK - 1) / BLOCK;
  // One query, as in decoding, reads keys and values once: packing them would cost more than multiplying. Keys may lie as
  // (S, Dh) or, faster, as (Dh, S). (Tiles count by addresses of k and v, which must grow.)
  const inRows = stride(args, K, 3) == 4;
  const inColumns = stride(args, K, 1) == 4 && stride(args, K, 3) != 0;
  const single = T == 1 && (inRows || inColumns) && stride(args, V, 3) == 4 && stride(args, V, 1) != 0;
  const units = int(args, SIZES) * H * blocks;
  const end = share(units, part + 1, parts);
  let packed = -1;
  for (let unit = share(units, part, parts); unit < end; unit++) {
    const index = unit / blocks;
    const b = index / H;
    const h = index % H;
    const i0 = (unit % blocks) * BLOCK;
    const rows = min(BLOCK, T - i0);
    const kStride = stride(args, K, 1);
    const vStride = stride(args, V, 1);
    const k = at(args, K, slots, b, h);
    const v = at(args, V, slots, b, h);
    if (packed != index && !single) {
      packed = index;
      for (let j = 0; j < S; j += CHUNK) {
        const keys = min(CHUNK, S - j);
        packLong8(k + <usize>j * kStride, kStride, stride(args, K, 3), keys, Dh, packedK + (<usize>j * <usize>Dh << 2));
        pack8(v + <usize>j * vStride, stride(args, V, 3), vStride, Dv, keys, packedV + <usize>j * row);
      }
    }
    const mask = hasMask ? ptr(args, MASK, slots) + <usize>b * stride(args, MASK, 0) + <usize>h * stride(args, MASK, 1) : 0;
    const qStride = stride(args, Q, 1);
    copyRows(at(args, Q, slots, b, h) + <usize>i0 * qStride, qStride, stride(args, Q, 3), rows, Dh, scale, scaledQ);
    for (let r = 0; r < BLOCK; r += 4) {
      v128.store(maxima + (<usize>r << 2), f32x4.splat(-Infinity));
      v128.store(sums + (<usize>r << 2), f32x4.splat(0));
    }
    let allowed = causal ? min(S, i0 + rows) : S;
    if (hasMask) allowed = lastAllowed(mask + <usize>i0 * stride(args, MASK, 2), stride(args, MASK, 2), stride(args, MASK, 3), rows, allowed);
    if (allowed == 0) memory.fill(values, 0, <usize>BLOCK * row);
    for (let j0 = 0; j0 < allowed; j0 += CHUNK) {
      const keys = min(CHUNK, allowed - j0);
      const packedKeys = min(CHUNK, S - j0);
      if (single) singleScores(scores, scaledQ, k + <usize>j0 * kStride, kStride, stride(args, K, 3), Dh, keys, packedK);
      else scoreTiles(scores, ROW, scaledQ, packedK + (<usize>j0 * <usize>Dh << 2), Dh, rows, keys, packedKeys);
      if (causal || hasMask) forbid(scores, ROW, rows, keys, i0, j0, causal, mask, stride(args, MASK, 2), stride(args, MASK, 3));
      softmaxChunk(scores, up4(rows), keys, maxima, sums, values, row, j0 > 0);
      if (single) {
        singleValues(scores, v + <usize>j0 * vStride, vStride, keys, values, row, Dv, j0 > 0, packedV);
        continue;
      }
      const panels = packedV + <usize>j0 * row;
      if (keys == packedKeys) {
        strips(scores, ROW, 4, panels, keys, values, row, j0 > 0, up5(rows), up8(Dv), 0);
        continue;
      }
      // A causal block may use fewer keys than the panels hold.
      const panel = <usize>packedKeys << 5;
      for (let d = 0; d < Dv; d += 8) strips(scores, ROW, 4, panels + <usize>(d >> 3) * panel, keys, values + (<usize>d << 2), row, j0 > 0, up5(rows), 8, 0);
    }
    finish(o + <usize>(b * T + i0) * ldo + (<usize>(h * Dv) << 2), ldo, lse + (<usize>(index * T + i0) << 2), rows, Dv, maxima, sums, values, row);
  }
  return 0;
}

/** One more than the last key below `keys` that any row may attend to: padding at the end is not computed. */
function lastAllowed(mask: usize, queryStride: usize, keyStride: usize, rows: i32, keys: i32): i32 {
  let last = 0;
  for (let r = 0; r < rows && last < keys; r++) {
    let j = keys;
    while (j > last && load<i32>(mask + <usize>(j - 1) * keyStride) == 0) j--;
    last = j;
    if (queryStride == 0) break;
    mask += queryStride;
  }
  return last;
}

/** `scoreTiles` for one query and keys as they lie; `packed` has room for 8 of them. Tiles add rows that mean nothing. */
function singleScores(scores: usize, q: usize, k: usize, kStride: usize, kLast: usize, Dh: i32, keys: i32, packed: usize): void {
  if (Dh == 0) memory.fill(scores, 0, 4 * ROW);
  for (let p = 0; p < Dh; p += CHUNK) {
    const kc = min(CHUNK, Dh - p);
    let from = k;
    let j = 0;
    if (kLast == 4) {
      for (; j + 8 <= keys; j += 8) {
        rowTileAlongK(q, 4, from, kStride, kc, scores + (<usize>j << 2), p > 0);
        from += 8 * kStride;
      }
    } else {
      for (; j + 32 <= keys; j += 32, from += 128) rowTile(q, 4, from, kLast, kc, scores + (<usize>j << 2), p > 0);
      for (; j + 8 <= keys; j += 8, from += 32) tile(q, 4, from, kLast, kc, scores + (<usize>j << 2), ROW, p > 0);
    }
    if (j < keys) {
      pack8(from, kStride, kLast, keys - j, kc, packed);
      tile(q, 4, packed, 32, kc, scores + (<usize>j << 2), ROW, p > 0);
    }
    k += <usize>kc * kLast;
    q += <usize>kc << 2;
  }
}

/** values = or += weights · v for one query and values as they lie; `packed` has room for a panel of a chunk. */
function singleValues(weights: usize, v: usize, vStride: usize, keys: i32, values: usize, row: usize, Dv: i32, accumulate: bool, packed: usize): void {
  let d = 0;
  for (; d + 32 <= Dv; d += 32) rowTile(weights, 4, v + (<usize>d << 2), vStride, keys, values + (<usize>d << 2), accumulate);
  for (; d + 8 <= Dv; d += 8) tile(weights, 4, v + (<usize>d << 2), vStride, keys, values + (<usize>d << 2), row, accumulate);
  if (d < Dv) {
    pack8(v + (<usize>d << 2), 4, vStride, Dv - d, keys, packed);
    tile(weights, 4, packed, 32, keys, values + (<usize>d << 2), row, accumulate);
  }
}

/** Turns a chunk of scores into weights exp(s − maximum); brings what was summed before to the new maximum. */
function softmaxChunk(scores: usize, rows: i32, keys: i32, maxima: usize, sums: usize, values: usize, row: usize, rescale: bool): void {
  const bytes = <usize>up4(keys) << 2;
  const never = f32x4.splat(-Infinity);
  for (let r = 0; r < rows; r += 4) {
    const s0 = scores + <usize>r * ROW;
    const s1 = s0 + ROW;
    const s2 = s1 + ROW;
    const s3 = s2 + ROW;
    for (let x = <usize>keys << 2; x < bytes; x += 4) {
      store<f32>(s0 + x, -Infinity);
      store<f32>(s1 + x, -Infinity);
      store<f32>(s2 + x, -Infinity);
      store<f32>(s3 + x, -Infinity);
    }
    let m0 = never;
    let m1 = never;
    let m2 = never;
    let m3 = never;
    for (let x: usize = 0; x < bytes; x += 16) {
      m0 = f32x4.pmax(m0, v128.load(s0 + x));
      m1 = f32x4.pmax(m1, v128.load(s1 + x));
      m2 = f32x4.pmax(m2, v128.load(s2 + x));
      m3 = f32x4.pmax(m3, v128.load(s3 + x));
    }
    const maximaAt = maxima + (<usize>r << 2);
    const sumsAt = sums + (<usize>r << 2);
    const before = v128.load(maximaAt);
    let lanes = f32x4.splat(horizontalMax(m0));
    lanes = f32x4.replace_lane(lanes, 1, horizontalMax(m1));
    lanes = f32x4.replace_lane(lanes, 2, horizontalMax(m2));
    lanes = f32x4.replace_lane(lanes, 3, horizontalMax(m3));
    const after = f32x4.pmax(before, lanes);
    v128.store(maximaAt, after);
    // Where nothing was allowed so far any finite shift gives weights of 0.
    const shift = v128.bitselect(f32x4.splat(0), after, f32x4.eq(after, never));
    m0 = v128.shuffle<f32>(shift, shift, 0, 0, 0, 0);
    m1 = v128.shuffle<f32>(shift, shift, 1, 1, 1, 1);
    m2 = v128.shuffle<f32>(shift, shift, 2, 2, 2, 2);
    m3 = v128.shuffle<f32>(shift, shift, 3, 3, 3, 3);
    let t0 = f32x4.splat(0);
    let t1 = t0;
    let t2 = t0;
    let t3 = t0;
    for (let x: usize = 0; x < bytes; x += 16) {
      const e0 = expNonPositive4(f32x4.sub(v128.load(s0 + x), m0));
      const e1 = expNonPositive4(f32x4.sub(v128.load(s1 + x), m1));
      const e2 = expNonPositive4(f32x4.sub(v128.load(s2 + x), m2));
      const e3 = expNonPositive4(f32x4.sub(v128.load(s3 + x), m3));
      t0 = f32x4.add(t0, e0);
      t1 = f32x4.add(t1, e1);
      t2 = f32x4.add(t2, e2);
      t3 = f32x4.add(t3, e3);
      v128.store(s0 + x, e0);
      v128.store(s1 + x, e1);
      v128.store(s2 + x, e2);
      v128.store(s3 + x, e3);
    }
    lanes = f32x4.splat(horizontalSum(t0));
    lanes = f32x4.replace_lane(lanes, 1, horizontalSum(t1));
    lanes = f32x4.replace_lane(lanes, 2, horizontalSum(t2));
    lanes = f32x4.replace_lane(lanes, 3, horizontalSum(t3));
    if (!rescale) {
      v128.store(sumsAt, lanes);
      continue;
    }
    const factor = expNonPositive4(f32x4.sub(before, shift));
    v128.store(sumsAt, f32x4.add(f32x4.mul(v128.load(sumsAt), factor), lanes));
    const line = values + <usize>r * row;
    scaleAll(line, row, f32x4.extract_lane(factor, 0));
    scaleAll(line + row, row, f32x4.extract_lane(factor, 1));
    scaleAll(line + 2 * row, row, f32x4.extract_lane(factor, 2));
    scaleAll(line + 3 * row, row, f32x4.extract_lane(factor, 3));
  }
}

/** Divides by the sums and stores; a row with nothing to attend to is 0 and has an lse of −∞. */
function finish(o: usize, ldo: usize, lse: usize, rows: i32, Dv: i32, maxima: usize, sums: usize, values: usize, row: usize): void {
  for (let r = <usize>0; r < <usize>rows << 2; r += 16) {
    const sum = v128.load(sums + r);
    const none = f32x4.eq(sum, f32x4.splat(0));
    // log 0 is −∞ too, as is the maximum.
    v128.store(maxima + r, f32x4.add(v128.load(maxima + r), log4(sum)));
    v128.store(sums + r, v128.andnot(f32x4.div(f32x4.splat(1), sum), none));
  }
  memory.copy(lse, maxima, <usize>rows << 2);
  const wide = <usize>(Dv & ~3) << 2;
  const bytes = <usize>Dv << 2;
  for (let r = 0; r < rows; r++) {
    const factor = v128.load32_splat(sums + (<usize>r << 2));
    let x: usize = 0;
    for (; x < wide; x += 16) v128.store(o + x, f32x4.mul(v128.load(values + x), factor));
    for (; x < bytes; x += 4) store<f32>(o + x, load<f32>(values + x) * f32x4.extract_lane(factor, 0));
    o += ldo;
    values += row;
  }
}
