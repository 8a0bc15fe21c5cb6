import { int, ptr, share } from './abi';
import { pack4, pack5, pack8 } from './pack';
import { packedTiles, rowTile, rowTileAlongK, storeEdge, strip, tileEdge } from './tile';

/** Partial sums run over this many k, from 0 upwards. It is part of the numerics: every path keeps to it. */
const KC: i32 = 512;
/** Columns of B that are packed at a time: 1 MiB, for the second-level cache. `src/encoders/matmul.ts` knows both. */
const NC: i32 = 512;

/** Bytes of one walker's own scratch: an edge tile and some packed rows of A. */
const TILE: usize = 192;
const ROWS: i32 = 20;
const SCRATCH: usize = TILE + <usize>(ROWS * KC * 4);
/** Rows of A are packed where they are contiguous and k is more than a cache line apart; otherwise they are read as they lie. */
const FAR: usize = 64;

/** Words: b (2), row stride, k stride (bytes), columns, kc, packed B (2). */
export function matmulPack(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const b = ptr(args, 0, slots);
  const nStride = <usize>int(args, 2);
  const kStride = <usize>int(args, 3);
  const columns = int(args, 4);
  const kc = int(args, 5);
  const packed = ptr(args, 6, slots);
  // Two panels of 8 are one cache line of a row.
  const groups = (columns + 15) >> 4;
  const begin = share(groups, part, parts) << 4;
  const end = min(columns, share(groups, part + 1, parts) << 4);
  if (begin < end) pack8(b + <usize>begin * nStride, nStride, kStride, end - begin, kc, packed + <usize>begin * <usize>(kc << 2));
  return 0;
}

/** Offset of matrix `index` of a batch; dimensions innermost first as (size, stride of A, stride of B) in bytes. */
// @ts-ignore: decorator
@inline
function batchOffset(dims: usize, count: i32, index: i32, operand: i32): usize {
  let at: usize = 0;
  for (let d = 0; d < count; d++) {
    const dim = dims + <usize>(d * 12);
    const size = load<i32>(dim);
    at += <usize>(index % size) * <usize>load<i32>(dim + (<usize>operand << 2), 4);
    index /= size;
  }
  return at;
}

/** At most five rows of one product. */
function multiplyStrip(a: usize, mStride: usize, kStride: usize, rows: i32, kc: i32, packed: usize, c: usize, ldc: usize, columns: i32, accumulate: bool, scratch: usize): void {
  // What rows are missing repeats the last.
  const a1 = rows > 1 ? a + mStride : a;
  const a2 = rows > 2 ? a1 + mStride : a1;
  const a3 = rows > 3 ? a2 + mStride : a2;
  const a4 = rows > 4 ? a3 + mStride : a3;
  const panel = <usize>kc << 5;
  let j = 0;
  if (rows == 5) {
    strip(a, a1, a2, a3, a4, kStride, packed, kc, c, ldc, columns >> 3, accumulate);
    j = columns & ~7;
  }
  for (; j < columns; j += 8) {
    strip(a, a1, a2, a3, a4, kStride, packed + <usize>(j >> 3) * panel, kc, scratch, 32, 1, false);
    storeEdge(scratch, c + (<usize>j << 2), ldc, accumulate, rows, min(8, columns - j));
  }
}

/** Rows [begin, end) of one product with a packed block of B. */
function multiplyRows(a: usize, mStride: usize, kStride: usize, begin: i32, end: i32, kc: i32, packed: usize, c: usize, ldc: usize, columns: i32, accumulate: bool, scratch: usize): void {
  const far = kStride > FAR && mStride == 4;
  const packedA = scratch + TILE;
  for (let i = begin; i < end; i += ROWS) {
    const rows = min(ROWS, end - i);
    const from = a + <usize>i * mStride;
    if (far) pack5(from, kStride, rows, kc, packedA);
    for (let r = 0; r < rows; r += 5) {
      const to = c + <usize>(i + r) * ldc;
      const height = min(5, rows - r);
      if (far) multiplyStrip(packedA + (<usize>(r * kc) << 2), 4, 20, height, kc, packed, to, ldc, columns, accumulate, scratch);
      else multiplyStrip(from + <usize>r * mStride, mStride, kStride, height, kc, packed, to, ldc, columns, accumulate, scratch);
    }
  }
}

/**
 * All matrices of a batch that share one block of B. Walkers split the rows, or the columns where there are few rows.
 * Words: a (2), row stride, k stride (bytes), c (2), N of C, rows, columns, kc, accumulate, packed B (2), scratch (2),
 * matrices, bytes between matrices of C, split columns, batch dimensions, 3 each.
 */
export function matmulShared(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const a = ptr(args, 0, slots);
  const mStride = <usize>int(args, 2);
  const kStride = <usize>int(args, 3);
  const c = ptr(args, 4, slots);
  const ldc = <usize>int(args, 6) << 2;
  const rows = int(args, 7);
  const columns = int(args, 8);
  const kc = int(args, 9);
  const accumulate = int(args, 10) != 0;
  const packed = ptr(args, 11, slots);
  const scratch = ptr(args, 13, slots) + <usize>part * SCRATCH;
  const matrices = int(args, 15);
  const cStride = <usize>int(args, 16);
  const splitColumns = int(args, 17) != 0;
  const dims = int(args, 18);
  let begin = 0;
  let end = rows;
  let left = 0;
  let right = columns;
  if (splitColumns) {
    const panels = (columns + 7) >> 3;
    left = share(panels, part, parts) << 3;
    right = min(columns, share(panels, part + 1, parts) << 3);
    if (left >= right) return 0;
  } else {
    const panels = (rows + 3) >> 2;
    begin = share(panels, part, parts) << 2;
    end = min(rows, share(panels, part + 1, parts) << 2);
  }
  for (let i = 0; i < matrices; i++) {
    const at = a + batchOffset(args + 76, dims, i, 0);
    const to = c + <usize>i * cStride + (<usize>left << 2);
    multiplyRows(at, mStride, kStride, begin, end, kc, packed + <usize>left * <usize>(kc << 2), to, ldc, right - left, accumulate, scratch);
  }
  return 0;
}

/**
 * Many products, each with its own B; a walker takes whole matrices and packs both sides itself.
 * Words: a (2), row stride, k stride, b (2), column stride, k stride (bytes), c (2), M, N, K, scratch (2), scratch bytes
 * of one walker, matrices, batch dimensions, 3 each.
 */
export function matmulBatch(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const a = ptr(args, 0, slots);
  const mStride = <usize>int(args, 2);
  const akStride = <usize>int(args, 3);
  const b = ptr(args, 4, slots);
  const nStride = <usize>int(args, 6);
  const bkStride = <usize>int(args, 7);
  const c = ptr(args, 8, slots);
  const m = int(args, 10);
  const n = int(args, 11);
  const k = int(args, 12);
  const scratch = ptr(args, 13, slots) + <usize>part * <usize>int(args, 15);
  const matrices = int(args, 16);
  const dims = int(args, 17);
  const packed = scratch + SCRATCH;
  const ldc = <usize>n << 2;
  const end = share(matrices, part + 1, parts);
  for (let i = share(matrices, part, parts); i < end; i++) {
    const fromA = a + batchOffset(args + 72, dims, i, 0);
    const fromB = b + batchOffset(args + 72, dims, i, 1);
    const to = c + <usize>i * <usize>m * ldc;
    for (let j = 0; j < n; j += NC) {
      const columns = min(NC, n - j);
      for (let p = 0; p < k; p += KC) {
        const kc = min(KC, k - p);
        pack8(fromB + <usize>j * nStride + <usize>p * bkStride, nStride, bkStride, columns, kc, packed);
        multiplyRows(fromA + <usize>p * akStride, mStride, akStride, 0, m, kc, packed, to + (<usize>j << 2), ldc, columns, p > 0, scratch);
      }
    }
  }
  return 0;
}

/** Columns that a walker of `matmulFew` takes at a time. */
const GROUP: i32 = 32;

/**
 * At most four rows, as in decoding: B is read once, so it is not packed, but for columns that fill no register.
 * Words as of `matmulBatch`.
 */
export function matmulFew(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const a = ptr(args, 0, slots);
  const mStride = <usize>int(args, 2);
  const akStride = <usize>int(args, 3);
  const b = ptr(args, 4, slots);
  const nStride = <usize>int(args, 6);
  const bkStride = <usize>int(args, 7);
  const c = ptr(args, 8, slots);
  const m = int(args, 10);
  const n = int(args, 11);
  const k = int(args, 12);
  const scratch = ptr(args, 13, slots) + <usize>part * <usize>int(args, 15);
  const matrices = int(args, 16);
  const dims = int(args, 17);
  const packedA = scratch + TILE;
  const packedB = packedA + <usize>(4 * KC * 4);
  const ldc = <usize>n << 2;
  const groups = (n + GROUP - 1) / GROUP;
  const end = share(matrices * groups, part + 1, parts);
  for (let unit = share(matrices * groups, part, parts); unit < end; ) {
    const i = unit / groups;
    const first = unit - i * groups;
    const last = min(groups, first + end - unit);
    unit += last - first;
    const right = min(n, last * GROUP);
    const fromA = a + batchOffset(args + 72, dims, i, 0);
    const fromB = b + batchOffset(args + 72, dims, i, 1);
    const to = c + <usize>i * <usize>m * ldc;
    for (let p = 0; p < k; p += KC) {
      const kc = min(KC, k - p);
      const atA = fromA + <usize>p * akStride;
      const atB = fromB + <usize>p * bkStride;
      if (m > 1) pack4(atA, mStride, akStride, m, kc, packedA);
      let j = first * GROUP;
      // The tiles below count k by addresses of B, which must grow.
      const inRows = nStride == 4 && bkStride != 0;
      if (m == 1 && inRows) {
        for (; j + 32 <= right; j += 32) rowTile(atA, akStride, atB + (<usize>j << 2), bkStride, kc, to + (<usize>j << 2), p > 0);
      } else if (m == 1 && bkStride == 4) {
        for (; j + 8 <= right; j += 8) rowTileAlongK(atA, akStride, atB + <usize>j * nStride, nStride, kc, to + (<usize>j << 2), p > 0);
      } else if (inRows) {
        for (; j + 8 <= right; j += 8) tileEdge(packedA, 16, atB + (<usize>j << 2), bkStride, kc, to + (<usize>j << 2), ldc, p > 0, m, 8, scratch);
      }
      if (j < right) {
        if (m == 1) pack4(atA, mStride, akStride, 1, kc, packedA);
        for (; j < right; j += GROUP) {
          const columns = min(GROUP, right - j);
          pack8(atB + <usize>j * nStride, nStride, bkStride, columns, kc, packedB);
          packedTiles(packedA, packedB, kc, to + (<usize>j << 2), ldc, p > 0, m, columns, scratch);
        }
      }
    }
  }
  return 0;
}
