import { madd } from './simd';

/**
 * The 4 × 8 register tile: C (4 rows, `ldc` bytes apart) = or += Σ_k a[k, 0…3] ⊗ b[k, 0…7], k ascending from zero.
 * Successive k are `lda` and `ldb` bytes apart: 16 and 32 in packed panels. Eight accumulators are what every V8 keeps
 * in registers.
 */
export function tile(a: usize, lda: usize, b: usize, ldb: usize, kc: i32, c: usize, ldc: usize, accumulate: bool): void {
  let c00 = f32x4.splat(0);
  let c01 = c00;
  let c10 = c00;
  let c11 = c00;
  let c20 = c00;
  let c21 = c00;
  let c30 = c00;
  let c31 = c00;
  for (const end = b + <usize>kc * ldb; b < end; b += ldb) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const a0 = v128.load32_splat(a);
    c00 = madd(a0, b0, c00);
    c01 = madd(a0, b1, c01);
    const a1 = v128.load32_splat(a, 4);
    c10 = madd(a1, b0, c10);
    c11 = madd(a1, b1, c11);
    const a2 = v128.load32_splat(a, 8);
    c20 = madd(a2, b0, c20);
    c21 = madd(a2, b1, c21);
    const a3 = v128.load32_splat(a, 12);
    c30 = madd(a3, b0, c30);
    c31 = madd(a3, b1, c31);
    a += lda;
  }
  const r1 = c + ldc;
  const r2 = r1 + ldc;
  const r3 = r2 + ldc;
  if (accumulate) {
    c00 = f32x4.add(v128.load(c), c00);
    c01 = f32x4.add(v128.load(c, 16), c01);
    c10 = f32x4.add(v128.load(r1), c10);
    c11 = f32x4.add(v128.load(r1, 16), c11);
    c20 = f32x4.add(v128.load(r2), c20);
    c21 = f32x4.add(v128.load(r2, 16), c21);
    c30 = f32x4.add(v128.load(r3), c30);
    c31 = f32x4.add(v128.load(r3, 16), c31);
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(r1, c10);
  v128.store(r1, c11, 16);
  v128.store(r2, c20);
  v128.store(r2, c21, 16);
  v128.store(r3, c30);
  v128.store(r3, c31, 16);
}

/**
 * Five rows of A by `panels` panels of B, 8 columns each, `next` bytes apart: C (rows `ldc` bytes apart) = or += A · B in tiles of
 * 5 × 8, k ascending from zero. The rows begin at a0 … a4 and may lie anywhere; successive k are `lda`
 * and `ldb` bytes apart. Where there are fewer than five `rows`, those after the last must repeat it.
 * Ten accumulators cover the latency of two multiply-add units, eight just fail to.
 */
// @ts-ignore: decorator
@inline
function stripOf(a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, lda: usize, b: usize, ldb: usize, next: usize, kc: i32, c: usize, ldc: usize, rows: i32, panels: i32, accumulate: bool): void {
  for (; panels > 0; panels--) {
    let c00 = f32x4.splat(0);
    let c01 = c00;
    let c10 = c00;
    let c11 = c00;
    let c20 = c00;
    let c21 = c00;
    let c30 = c00;
    let c31 = c00;
    let c40 = c00;
    let c41 = c00;
    let x: usize = 0;
    let at = b;
    for (const end = b + <usize>kc * ldb; at < end; at += ldb) {
      const b0 = v128.load(at);
      const b1 = v128.load(at, 16);
      const x0 = v128.load32_splat(a0 + x);
      c00 = madd(x0, b0, c00);
      c01 = madd(x0, b1, c01);
      const x1 = v128.load32_splat(a1 + x);
      c10 = madd(x1, b0, c10);
      c11 = madd(x1, b1, c11);
      // Never so. Older V8 moves all loads of a block to its start: in one block they would not fit the registers.
      if (at == 0) break;
      const x2 = v128.load32_splat(a2 + x);
      c20 = madd(x2, b0, c20);
      c21 = madd(x2, b1, c21);
      const x3 = v128.load32_splat(a3 + x);
      c30 = madd(x3, b0, c30);
      c31 = madd(x3, b1, c31);
      const x4 = v128.load32_splat(a4 + x);
      c40 = madd(x4, b0, c40);
      c41 = madd(x4, b1, c41);
      x += lda;
    }
    const r1 = rows > 1 ? c + ldc : c;
    const r2 = rows > 2 ? r1 + ldc : r1;
    const r3 = rows > 3 ? r2 + ldc : r2;
    const r4 = rows > 4 ? r3 + ldc : r3;
    if (accumulate) {
      c00 = f32x4.add(v128.load(c), c00);
      c01 = f32x4.add(v128.load(c, 16), c01);
      c10 = f32x4.add(v128.load(r1), c10);
      c11 = f32x4.add(v128.load(r1, 16), c11);
      c20 = f32x4.add(v128.load(r2), c20);
      c21 = f32x4.add(v128.load(r2, 16), c21);
      c30 = f32x4.add(v128.load(r3), c30);
      c31 = f32x4.add(v128.load(r3, 16), c31);
      c40 = f32x4.add(v128.load(r4), c40);
      c41 = f32x4.add(v128.load(r4, 16), c41);
    }
    v128.store(c, c00);
    v128.store(c, c01, 16);
    v128.store(r1, c10);
    v128.store(r1, c11, 16);
    v128.store(r2, c20);
    v128.store(r2, c21, 16);
    v128.store(r3, c30);
    v128.store(r3, c31, 16);
    v128.store(r4, c40);
    v128.store(r4, c41, 16);
    c += 32;
    b += next;
  }
}

/** The same for packed panels, one after the other. */
export function strip(a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, lda: usize, b: usize, kc: i32, c: usize, ldc: usize, rows: i32, panels: i32, accumulate: bool): void {
  stripOf(a0, a1, a2, a3, a4, lda, b, 32, <usize>kc << 5, kc, c, ldc, rows, panels, accumulate);
}

/** The same where a row of B is contiguous and the next one is `ldb` bytes away: panels are columns side by side. */
export function stripOverRows(a0: usize, a1: usize, a2: usize, a3: usize, a4: usize, lda: usize, b: usize, ldb: usize, kc: i32, c: usize, ldc: usize, rows: i32, panels: i32, accumulate: bool): void {
  stripOf(a0, a1, a2, a3, a4, lda, b, ldb, 32, kc, c, ldc, rows, panels, accumulate);
}

/** The `rows` × `columns` of a tile 8 wide that exist. */
function storeEdge(tile: usize, c: usize, ldc: usize, accumulate: bool, rows: i32, columns: i32): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const at = c + (<usize>j << 2);
      const value = load<f32>(tile + (<usize>j << 2));
      store<f32>(at, accumulate ? load<f32>(at) + value : value);
    }
    c += ldc;
    tile += 32;
  }
}

/**
 * C (rows × columns) = or += A · B in strips. B is packed in panels of 8; A is any memory, `mStride` bytes from row to
 * row and `lda` from one k to the next. `scratch` has room for a tile.
 */
export function strips(a: usize, mStride: usize, lda: usize, b: usize, kc: i32, c: usize, ldc: usize, accumulate: bool, rows: i32, columns: i32, scratch: usize): void {
  const edge = columns & 7;
  const whole = <usize>(columns - edge) << 2;
  for (; rows > 0; rows -= 5) {
    const a1 = rows > 1 ? a + mStride : a;
    const a2 = rows > 2 ? a1 + mStride : a1;
    const a3 = rows > 3 ? a2 + mStride : a2;
    const a4 = rows > 4 ? a3 + mStride : a3;
    strip(a, a1, a2, a3, a4, lda, b, kc, c, ldc, rows, columns >> 3, accumulate);
    if (edge > 0) {
      strip(a, a1, a2, a3, a4, lda, b + whole * kc, kc, scratch, 32, 5, 1, false);
      storeEdge(scratch, c + whole, ldc, accumulate, min(5, rows), edge);
    }
    a += 5 * mStride;
    c += 5 * ldc;
  }
}

/** As `strips`, where B lies in rows `ldb` bytes apart that are whole panels of 8 columns long. */
export function stripsOverRows(a: usize, mStride: usize, lda: usize, b: usize, ldb: usize, kc: i32, c: usize, ldc: usize, accumulate: bool, rows: i32, columns: i32, scratch: usize): void {
  const edge = columns & 7;
  const whole = <usize>(columns - edge) << 2;
  for (; rows > 0; rows -= 5) {
    const a1 = rows > 1 ? a + mStride : a;
    const a2 = rows > 2 ? a1 + mStride : a1;
    const a3 = rows > 3 ? a2 + mStride : a2;
    const a4 = rows > 4 ? a3 + mStride : a3;
    stripOverRows(a, a1, a2, a3, a4, lda, b, ldb, kc, c, ldc, rows, columns >> 3, accumulate);
    if (edge > 0) {
      stripOverRows(a, a1, a2, a3, a4, lda, b + whole, ldb, kc, scratch, 32, 5, 1, false);
      storeEdge(scratch, c + whole, ldc, accumulate, min(5, rows), edge);
    }
    a += 5 * mStride;
    c += 5 * ldc;
  }
}

/** A tile of which only `rows` × `columns` exist; `scratch` has room for a whole one. */
export function tileEdge(a: usize, lda: usize, b: usize, ldb: usize, kc: i32, c: usize, ldc: usize, accumulate: bool, rows: i32, columns: i32, scratch: usize): void {
  tile(a, lda, b, ldb, kc, scratch, 32, false);
  storeEdge(scratch, c, ldc, accumulate, rows, columns);
}

/** The same in tiles over packed panels of A. */
export function tiles(a: usize, b: usize, kc: i32, c: usize, ldc: usize, accumulate: bool, rows: i32, columns: i32, scratch: usize): void {
  const panelA = <usize>kc << 4;
  const panelB = <usize>kc << 5;
  for (let j = 0; j < columns; j += 8) {
    const width = columns - j;
    let pa = a;
    let pc = c + (<usize>j << 2);
    for (let i = 0; i < rows; i += 4) {
      if (width >= 8 && rows - i >= 4) tile(pa, 16, b, 32, kc, pc, ldc, accumulate);
      else tileEdge(pa, 16, b, 32, kc, pc, ldc, accumulate, min(4, rows - i), min(8, width), scratch);
      pa += panelA;
      pc += 4 * ldc;
    }
    b += panelB;
  }
}

/** A single row of A (`lda` bytes between k) by 32 columns of an unpacked B whose rows are contiguous. */
export function rowTile(a: usize, lda: usize, b: usize, ldb: usize, kc: i32, c: usize, accumulate: bool): void {
  let c0 = f32x4.splat(0);
  let c1 = c0;
  let c2 = c0;
  let c3 = c0;
  let c4 = c0;
  let c5 = c0;
  let c6 = c0;
  let c7 = c0;
  for (const end = b + <usize>kc * ldb; b < end; b += ldb) {
    const x = v128.load32_splat(a);
    c0 = madd(x, v128.load(b), c0);
    c1 = madd(x, v128.load(b, 16), c1);
    c2 = madd(x, v128.load(b, 32), c2);
    c3 = madd(x, v128.load(b, 48), c3);
    c4 = madd(x, v128.load(b, 64), c4);
    c5 = madd(x, v128.load(b, 80), c5);
    c6 = madd(x, v128.load(b, 96), c6);
    c7 = madd(x, v128.load(b, 112), c7);
    a += lda;
  }
  if (accumulate) {
    c0 = f32x4.add(v128.load(c), c0);
    c1 = f32x4.add(v128.load(c, 16), c1);
    c2 = f32x4.add(v128.load(c, 32), c2);
    c3 = f32x4.add(v128.load(c, 48), c3);
    c4 = f32x4.add(v128.load(c, 64), c4);
    c5 = f32x4.add(v128.load(c, 80), c5);
    c6 = f32x4.add(v128.load(c, 96), c6);
    c7 = f32x4.add(v128.load(c, 112), c7);
  }
  v128.store(c, c0);
  v128.store(c, c1, 16);
  v128.store(c, c2, 32);
  v128.store(c, c3, 48);
  v128.store(c, c4, 64);
  v128.store(c, c5, 80);
  v128.store(c, c6, 96);
  v128.store(c, c7, 112);
}

/** A single row of A by 8 columns of an unpacked B whose columns are contiguous, `ldb` bytes apart. */
export function rowTileAlongK(a: usize, lda: usize, b: usize, ldb: usize, kc: i32, c: usize, accumulate: bool): void {
  const b1 = b + ldb;
  const b2 = b1 + ldb;
  const b3 = b2 + ldb;
  const b4 = b3 + ldb;
  const b5 = b4 + ldb;
  const b6 = b5 + ldb;
  const b7 = b6 + ldb;
  let low = f32x4.splat(0);
  let high = low;
  let x: usize = 0;
  for (const end = <usize>(kc & ~3) << 2; x < end; x += 16) {
    // Four k of four columns at a time, turned so that lanes are columns: k still ascends one by one.
    let v0 = v128.load(b + x);
    let v1 = v128.load(b1 + x);
    let v2 = v128.load(b2 + x);
    let v3 = v128.load(b3 + x);
    let p = v128.shuffle<f32>(v0, v1, 0, 4, 1, 5);
    let q = v128.shuffle<f32>(v2, v3, 0, 4, 1, 5);
    let r = v128.shuffle<f32>(v0, v1, 2, 6, 3, 7);
    let s = v128.shuffle<f32>(v2, v3, 2, 6, 3, 7);
    const a0 = v128.load32_splat(a);
    const a1 = v128.load32_splat(a + lda);
    const a2 = v128.load32_splat(a + 2 * lda);
    const a3 = v128.load32_splat(a + 3 * lda);
    low = madd(a0, v128.shuffle<f32>(p, q, 0, 1, 4, 5), low);
    low = madd(a1, v128.shuffle<f32>(p, q, 2, 3, 6, 7), low);
    low = madd(a2, v128.shuffle<f32>(r, s, 0, 1, 4, 5), low);
    low = madd(a3, v128.shuffle<f32>(r, s, 2, 3, 6, 7), low);
    v0 = v128.load(b4 + x);
    v1 = v128.load(b5 + x);
    v2 = v128.load(b6 + x);
    v3 = v128.load(b7 + x);
    p = v128.shuffle<f32>(v0, v1, 0, 4, 1, 5);
    q = v128.shuffle<f32>(v2, v3, 0, 4, 1, 5);
    r = v128.shuffle<f32>(v0, v1, 2, 6, 3, 7);
    s = v128.shuffle<f32>(v2, v3, 2, 6, 3, 7);
    high = madd(a0, v128.shuffle<f32>(p, q, 0, 1, 4, 5), high);
    high = madd(a1, v128.shuffle<f32>(p, q, 2, 3, 6, 7), high);
    high = madd(a2, v128.shuffle<f32>(r, s, 0, 1, 4, 5), high);
    high = madd(a3, v128.shuffle<f32>(r, s, 2, 3, 6, 7), high);
    a += 4 * lda;
  }
  for (const end = <usize>kc << 2; x < end; x += 4) {
    const y = v128.load32_splat(a);
    let v = v128.load32_splat(b + x);
    v = v128.load32_lane(b1 + x, v, 1);
    v = v128.load32_lane(b2 + x, v, 2);
    low = madd(y, v128.load32_lane(b3 + x, v, 3), low);
    v = v128.load32_splat(b4 + x);
    v = v128.load32_lane(b5 + x, v, 1);
    v = v128.load32_lane(b6 + x, v, 2);
    high = madd(y, v128.load32_lane(b7 + x, v, 3), high);
    a += lda;
  }
  if (accumulate) {
    low = f32x4.add(v128.load(c), low);
    high = f32x4.add(v128.load(c, 16), high);
  }
  v128.store(c, low);
  v128.store(c, high, 16);
}
