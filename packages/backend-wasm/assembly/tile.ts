import { madd } from './simd';

/**
 * The 4 × 8 register tile: C (4 rows, `ldc` bytes apart) = or += Σ_k a[k, 0…3] ⊗ b[k, 0…7], k ascending from zero. B is
 * a packed panel; the quadruples of A are `lda` bytes apart, 16 in a packed panel. Eight accumulators are what every V8
 * keeps in registers.
 */
export function tile(a: usize, lda: usize, b: usize, kc: i32, c: usize, ldc: usize, accumulate: bool): void {
  let c00 = f32x4.splat(0);
  let c01 = c00;
  let c10 = c00;
  let c11 = c00;
  let c20 = c00;
  let c21 = c00;
  let c30 = c00;
  let c31 = c00;
  for (const end = b + (<usize>kc << 5); b < end; b += 32) {
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

/** A tile of which only `rows` × `columns` exist; `scratch` has room for a whole one. */
export function tileEdge(a: usize, lda: usize, b: usize, kc: i32, c: usize, ldc: usize, accumulate: bool, rows: i32, columns: i32, scratch: usize): void {
  tile(a, lda, b, kc, scratch, 32, false);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const at = c + (<usize>j << 2);
      const value = load<f32>(scratch + (<usize>j << 2));
      store<f32>(at, accumulate ? load<f32>(at) + value : value);
    }
    c += ldc;
    scratch += 32;
  }
}

/**
 * C (rows × columns) = or += A · B. B is packed in panels of 8; A is any memory in which quadruples of rows are
 * contiguous, `panelA` bytes from one quadruple to the next, `lda` bytes from one k to the next.
 */
export function tiles(a: usize, panelA: usize, lda: usize, b: usize, kc: i32, c: usize, ldc: usize, accumulate: bool, rows: i32, columns: i32, scratch: usize): void {
  const panelB = <usize>kc << 5;
  // A panel of B stays in the first-level cache while the block of A passes by.
  for (let j = 0; j < columns; j += 8) {
    const width = columns - j;
    let pa = a;
    let pc = c + (<usize>j << 2);
    for (let i = 0; i < rows; i += 4) {
      if (width >= 8 && rows - i >= 4) tile(pa, lda, b, kc, pc, ldc, accumulate);
      else tileEdge(pa, lda, b, kc, pc, ldc, accumulate, min(4, rows - i), min(8, width), scratch);
      pa += panelA;
      pc += 4 * ldc;
    }
    b += panelB;
  }
}

/** The same over packed panels of A. */
// @ts-ignore: decorator
@inline
export function packedTiles(a: usize, b: usize, kc: i32, c: usize, ldc: usize, accumulate: bool, rows: i32, columns: i32, scratch: usize): void {
  tiles(a, <usize>kc << 4, 16, b, kc, c, ldc, accumulate, rows, columns, scratch);
}
