import { int, ptr, share } from './abi';
import { elementwiseRange } from './elementwise';
import { gather, pack4, pack8 } from './pack';
import { rowTile, rowTileAlongK, strips, tileEdge, tiles } from './tile';

/** Partial sums run over this many k, from 0 upwards. It is part of the numerics: every path keeps to it. */
const KC: i32 = 256;

/** Bytes of one walker's own scratch: an edge tile and some gathered rows of A. `src/encoders/matmul.ts` knows them too. */
const TILE: usize = 192;
const ROWS: i32 = 40;
const SCRATCH: usize = TILE + <usize>(ROWS * KC * 4);
/** Columns of B that stay in the first-level cache while `ROWS` rows of A pass by. */
const COLUMNS: i32 = 16;
/** Where rows of A are contiguous and k is more than a cache line apart, so many rows are gathered; others stay as they lie. */
const GATHERED: i32 = 20;
const FAR: usize = 64;

/** Bytes of one k of a packed block. */
// @ts-ignore: decorator
@inline
function panelK(columns: i32): usize {
  return <usize>((columns + 7) & ~7) << 2;
}

/** Columns [begin, end) of a block of `columns` columns and `k` k: for each chunk of k its panels. */
function packBlock(b: usize, nStride: usize, kStride: usize, begin: i32, end: i32, columns: i32, k: i32, packed: usize): void {
  for (let p = 0; p < k; p += KC) {
    const kc = min(KC, k - p);
    const to = packed + <usize>p * panelK(columns) + (<usize>(begin * kc) << 2);
    pack8(b + <usize>begin * nStride + <usize>p * kStride, nStride, kStride, end - begin, kc, to);
  }
}

/** Words: b (2), row stride, k stride (bytes), columns, k, packed B (2). */
export function matmulPack(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const columns = int(args, 4);
  // Two panels of 8 are one cache line of a row.
  const groups = (columns + 15) >> 4;
  const begin = share(groups, part, parts) << 4;
  const end = min(columns, share(groups, part + 1, parts) << 4);
  if (begin < end) packBlock(ptr(args, 0, slots), <usize>int(args, 2), <usize>int(args, 3), begin, end, columns, int(args, 5), ptr(args, 6, slots));
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

/**
 * Rows [begin, end) and columns [left, right) of one product with a packed block of B: for each chunk of k its panels.
 * Rows go in fives, but for what makes the last of them whole fours where that is possible. Rows that are done, whole
 * ones, go through the element-wise program at `epilogue`, if there is one: element 0 of C is its element `first`.
 */
function multiplyBlock(a: usize, mStride: usize, kStride: usize, begin: i32, end: i32, k: i32, packed: usize, packedK: usize, left: i32, right: i32, c: usize, ldc: usize, accumulate: bool, scratch: usize, epilogue: usize, slots: usize, part: i32, first: i32): void {
  const far = kStride > FAR && mStride == 4;
  const own = scratch + TILE;
  const fours = (5 - (end - begin) % 5) % 5 << 2;
  const fives = end - begin - (fours <= end - begin ? fours : (end - begin) % 5);
  for (let i = begin, rows = 0; i < end; i += rows) {
    const five = i < begin + fives;
    rows = five ? min(ROWS, begin + fives - i) : end - i;
    for (let p = 0; p < k; p += KC) {
      const kc = min(KC, k - p);
      const from = a + <usize>i * mStride + <usize>p * kStride;
      if (!five) pack4(from, mStride, kStride, rows, kc, own);
      else if (far) for (let r = 0; r < rows; r += GATHERED) gather(from + (<usize>r << 2), kStride, min(GATHERED, rows - r), kc, own + (<usize>(r * kc) << 2));
      const add = accumulate || p > 0;
      for (let j = left; j < right; j += COLUMNS) {
        const columns = min(COLUMNS, right - j);
        const b = packed + <usize>p * packedK + (<usize>(j * kc) << 2);
        const to = c + <usize>i * ldc + (<usize>j << 2);
        if (!five) {
          tiles(own, b, kc, to, ldc, add, rows, columns, scratch);
        } else if (far) {
          for (let r = 0; r < rows; r += GATHERED) {
            const height = min(GATHERED, rows - r);
            strips(own + (<usize>(r * kc) << 2), 4, <usize>height << 2, b, kc, to + <usize>r * ldc, ldc, add, height, columns, scratch);
          }
        } else {
          strips(from, mStride, kStride, b, kc, to, ldc, add, rows, columns, scratch);
        }
      }
    }
    if (epilogue != 0) {
      const n = <i32>(ldc >> 2);
      elementwiseRange(epilogue, slots, part, first + i * n, first + (i + rows) * n);
    }
  }
}

/**
 * All matrices of a batch that share one block of B. Walkers split the rows, or the columns where there are few rows.
 * Words: a (2), row stride, k stride (bytes), c (2), N of C, rows, columns, k, accumulate, packed B (2), scratch (2),
 * matrices, bytes between matrices of C, split columns, where the words of an epilogue begin (0: none), batch dimensions,
 * 3 each.
 */
export function matmulShared(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const a = ptr(args, 0, slots);
  const mStride = <usize>int(args, 2);
  const kStride = <usize>int(args, 3);
  const c = ptr(args, 4, slots);
  const ldc = <usize>int(args, 6) << 2;
  const rows = int(args, 7);
  const columns = int(args, 8);
  const k = int(args, 9);
  const accumulate = int(args, 10) != 0;
  const packed = ptr(args, 11, slots);
  const scratch = ptr(args, 13, slots) + <usize>part * SCRATCH;
  const matrices = int(args, 15);
  const cStride = <usize>int(args, 16);
  const splitColumns = int(args, 17) != 0;
  const epilogue = int(args, 18) != 0 ? args + (<usize>int(args, 18) << 2) : 0;
  const dims = int(args, 19);
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
    const at = a + batchOffset(args + 80, dims, i, 0);
    const first = i * <i32>(cStride >> 2);
    multiplyBlock(at, mStride, kStride, begin, end, k, packed, panelK(columns), left, right, c + <usize>i * cStride, ldc, accumulate, scratch, epilogue, slots, part, first);
  }
  return 0;
}

/**
 * Many products, each with its own B; a walker takes whole matrices and packs both sides itself.
 * Words: a (2), row stride, k stride, b (2), column stride, k stride (bytes), c (2), M, N, K, scratch (2), scratch bytes
 * of one walker, k and columns of a block of B, matrices, batch dimensions, 3 each.
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
  const depth = int(args, 16);
  const width = int(args, 17);
  const matrices = int(args, 18);
  const dims = int(args, 19);
  const packed = scratch + SCRATCH;
  const ldc = <usize>n << 2;
  const end = share(matrices, part + 1, parts);
  for (let i = share(matrices, part, parts); i < end; i++) {
    const fromA = a + batchOffset(args + 80, dims, i, 0);
    const fromB = b + batchOffset(args + 80, dims, i, 1);
    const to = c + <usize>i * <usize>m * ldc;
    for (let j = 0; j < n; j += width) {
      const columns = min(width, n - j);
      for (let p = 0; p < k; p += depth) {
        const thick = min(depth, k - p);
        packBlock(fromB + <usize>j * nStride + <usize>p * bkStride, nStride, bkStride, 0, columns, columns, thick, packed);
        multiplyBlock(fromA + <usize>p * akStride, mStride, akStride, 0, m, thick, packed, panelK(columns), 0, columns, to + (<usize>j << 2), ldc, p > 0, scratch, 0, slots, part, 0);
      }
    }
  }
  return 0;
}

/**
 * One small product over a long k: walkers take whole chunks of k, each into a result of its own, which `matmulSum` adds
 * up in the order of k: the bits are those of `matmulShared`. What rows before were computed by a walker, it reads itself.
 * Words: a (2), row stride, k stride, b (2), column stride, k stride (bytes), partial results (2), M, N, K, scratch (2),
 * scratch bytes of one walker.
 */
export function matmulSplit(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const mStride = <usize>int(args, 2);
  const akStride = <usize>int(args, 3);
  const nStride = <usize>int(args, 6);
  const bkStride = <usize>int(args, 7);
  const m = int(args, 10);
  const n = int(args, 11);
  const k = int(args, 12);
  const scratch = ptr(args, 13, slots) + <usize>part * <usize>int(args, 15);
  const packed = scratch + SCRATCH;
  const ldc = <usize>n << 2;
  const chunks = (k + KC - 1) / KC;
  const end = share(chunks, part + 1, parts);
  for (let chunk = share(chunks, part, parts); chunk < end; chunk++) {
    const p = <usize>(chunk * KC);
    const kc = min(KC, k - chunk * KC);
    packBlock(ptr(args, 4, slots) + p * bkStride, nStride, bkStride, 0, n, n, kc, packed);
    multiplyBlock(ptr(args, 0, slots) + p * akStride, mStride, akStride, 0, m, kc, packed, panelK(n), 0, n, ptr(args, 8, slots) + <usize>(chunk * m) * ldc, ldc, false, scratch, 0, slots, part, 0);
  }
  return 0;
}

/** c = the sum of `chunks` partial results of n elements each, in their order. Words: partial results (2), c (2), n, chunks. */
export function matmulSum(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const n = int(args, 4);
  const chunks = int(args, 5);
  const bytes = <usize>n << 2;
  const vectors = (n + 3) >> 2;
  let at = <usize>share(vectors, part, parts) << 4;
  const end = min(<usize>share(vectors, part + 1, parts) << 4, bytes);
  const from = ptr(args, 0, slots);
  const c = ptr(args, 2, slots);
  for (; at + 16 <= end; at += 16) {
    let sum = v128.load(from + at);
    for (let i = 1; i < chunks; i++) sum = f32x4.add(sum, v128.load(from + at + <usize>i * bytes));
    v128.store(c + at, sum);
  }
  for (; at < end; at += 4) {
    let sum = load<f32>(from + at);
    for (let i = 1; i < chunks; i++) sum += load<f32>(from + at + <usize>i * bytes);
    store<f32>(c + at, sum);
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
  const matrices = int(args, 18);
  const dims = int(args, 19);
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
    const fromA = a + batchOffset(args + 80, dims, i, 0);
    const fromB = b + batchOffset(args + 80, dims, i, 1);
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
          tiles(packedA, packedB, kc, to + (<usize>j << 2), ldc, p > 0, m, columns, scratch);
        }
      }
    }
  }
  return 0;
}
