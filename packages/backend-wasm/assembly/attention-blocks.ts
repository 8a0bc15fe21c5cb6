import { int, ptr } from './abi';
import { pack8 } from './pack';
import { strips } from './tile';

/**
 * Attention in tiles: blocks of 64 queries meet chunks of 256 keys, so memory is linear in the lengths. Chunks and blocks
 * are cut by index and are part of the numerics. What is not allowed scores −∞ and weighs exactly 0: appended keys,
 * queries or neighbours leave every bit alone.
 */
export const BLOCK: i32 = 64;
export const CHUNK: i32 = 256;
/** Bytes of a row of scores: a chunk and one cache line, lest columns of a block meet in the same cache sets. */
export const ROW: usize = 1088;

/** Bytes of a row for fewer keys: an odd number of cache lines. What lies closer together needs fewer pages. */
export function rowOf(keys: i32): usize {
  return <usize>((((up8(min(keys, CHUNK)) << 2) + 63) >> 6) | 1) << 6;
}

export const TILE: usize = 192;
/** Rows of a block with those that fill its last strip. */
export const ROWS: i32 = 65;

// Words of both kernels: strides are in bytes, each operand's are (batch, position, head, last).
export const Q: i32 = 0;
export const K: i32 = 6;
export const V: i32 = 12;
export const MASK: i32 = 18; // strides (batch, head, query, key); no mask has slot −1
export const SIZES: i32 = 24; // B, H, T, S, Dh, Dv, causal, scale, workspace (2), its bytes per walker
export const REST: i32 = 35;

// @ts-ignore: decorator
@inline
export function at(args: usize, operand: i32, slots: usize, batch: i32, head: i32): usize {
  return ptr(args, operand, slots) + <usize>batch * stride(args, operand, 0) + <usize>head * stride(args, operand, 2);
}

// @ts-ignore: decorator
@inline
export function stride(args: usize, operand: i32, dimension: i32): usize {
  return <usize>int(args, operand + 2 + dimension);
}

// @ts-ignore: decorator
@inline
export function up4(n: i32): i32 {
  return (n + 3) & ~3;
}

// @ts-ignore: decorator
@inline
export function up5(n: i32): i32 {
  return (n + 4) / 5 * 5;
}

// @ts-ignore: decorator
@inline
export function up8(n: i32): i32 {
  return (n + 7) & ~7;
}

// @ts-ignore: decorator
@inline
export function horizontalMax(v: v128): f32 {
  const pairs = f32x4.pmax(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.pmax(pairs, v128.shuffle<f32>(pairs, pairs, 1, 0, 3, 2)), 0);
}

// @ts-ignore: decorator
@inline
export function horizontalSum(v: v128): f32 {
  const pairs = f32x4.add(v, v128.shuffle<f32>(v, v, 2, 3, 0, 1));
  return f32x4.extract_lane(f32x4.add(pairs, v128.shuffle<f32>(pairs, pairs, 1, 0, 3, 2)), 0);
}

/** Rows times `factor`, filled up with zeros to a multiple of 8, and zeros up to a multiple of five rows. */
export function copyRows(from: usize, rowStride: usize, kStride: usize, rows: i32, k: i32, factor: f32, to: usize): void {
  const f = f32x4.splat(factor);
  const row = <usize>up8(k) << 2;
  let x: usize = 0;
  if (kStride == 4) {
    // Two lines of each row, one row after the other: a processor foresees that each load goes on by the same distance.
    for (; x + 128 <= <usize>k << 2; x += 128) {
      let at = from + x;
      let t = to + x;
      for (let r = 0; r < rows; r++) {
        v128.store(t, f32x4.mul(v128.load(at), f));
        v128.store(t, f32x4.mul(v128.load(at, 16), f), 16);
        v128.store(t, f32x4.mul(v128.load(at, 32), f), 32);
        v128.store(t, f32x4.mul(v128.load(at, 48), f), 48);
        v128.store(t, f32x4.mul(v128.load(at, 64), f), 64);
        v128.store(t, f32x4.mul(v128.load(at, 80), f), 80);
        v128.store(t, f32x4.mul(v128.load(at, 96), f), 96);
        v128.store(t, f32x4.mul(v128.load(at, 112), f), 112);
        at += rowStride;
        t += row;
      }
    }
  }
  for (; x < row; x += 4) {
    let at = from + (x >> 2) * kStride;
    let t = to + x;
    const exists = x < <usize>k << 2;
    for (let r = 0; r < rows; r++) {
      store<f32>(t, exists ? load<f32>(at) * factor : 0);
      at += rowStride;
      t += row;
    }
  }
  memory.fill(to + <usize>rows * row, 0, <usize>(up5(rows) - rows) * row);
}

/** Packs columns along a dimension of any length, in chunks of 256 one after the other, as `scoreTiles` walks them. */
export function packLong8(from: usize, rowStride: usize, kStride: usize, rows: i32, k: i32, to: usize): void {
  for (let p = 0; p < k; p += CHUNK) {
    const kc = min(CHUNK, k - p);
    pack8(from + <usize>p * kStride, rowStride, kStride, rows, kc, to);
    to += <usize>(up8(rows) * kc) << 2;
  }
}

/**
 * A score block: products of `rows` copied rows and `columns` columns over `k`, where the panels of B were packed for
 * `packedColumns`. What is padded is computed too: no edges.
 */
export function scoreTiles(scores: usize, row: usize, a: usize, b: usize, k: i32, rows: i32, columns: i32, packedColumns: i32): void {
  if (k == 0) memory.fill(scores, 0, <usize>BLOCK * row);
  for (let p = 0; p < k; p += CHUNK) {
    const kc = min(CHUNK, k - p);
    strips(a + (<usize>p << 2), <usize>up8(k) << 2, 4, b, kc, scores, row, p > 0, up5(rows), up8(columns), 0);
    b += <usize>(up8(packedColumns) * kc) << 2;
  }
}

/** Puts −∞ where query `i0 + r` may not attend to key `j0 + c`. */
export function forbid(scores: usize, pitch: usize, rows: i32, columns: i32, i0: i32, j0: i32, causal: bool, mask: usize, queryStride: usize, keyStride: usize): void {
  const never = f32x4.splat(-Infinity);
  for (let r = 0; r < rows; r++) {
    const row = scores + <usize>r * pitch;
    if (causal) {
      const last = i0 + r - j0; // the last column allowed
      if (last + 1 < columns) {
        let c = max(0, last + 1);
        for (; c < columns && (c & 3) != 0; c++) store<f32>(row + (<usize>c << 2), -Infinity);
        for (; c < columns; c += 4) v128.store(row + (<usize>c << 2), never);
      }
    }
    if (mask != 0) {
      const from = mask + <usize>(i0 + r) * queryStride + <usize>j0 * keyStride;
      if (keyStride == 4) {
        const wide = columns & ~3;
        let c = 0;
        for (; c < wide; c += 4) {
          const to = row + (<usize>c << 2);
          const allowed = i32x4.ne(v128.load(from + (<usize>c << 2)), i32x4.splat(0));
          v128.store(to, v128.bitselect(v128.load(to), never, allowed));
        }
        for (; c < columns; c++) if (load<i32>(from + (<usize>c << 2)) == 0) store<f32>(row + (<usize>c << 2), -Infinity);
      } else {
        for (let c = 0; c < columns; c++) if (load<i32>(from + <usize>c * keyStride) == 0) store<f32>(row + (<usize>c << 2), -Infinity);
      }
    }
  }
}

/** Multiplies whole quadruples. */
export function scaleAll(at: usize, bytes: usize, factor: f32): void {
  const f = f32x4.splat(factor);
  for (const end = at + bytes; at < end; at += 16) v128.store(at, f32x4.mul(v128.load(at), f));
}
