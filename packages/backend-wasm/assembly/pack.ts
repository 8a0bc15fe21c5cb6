/**
 * Panels: `width` rows (of A, or columns of B) interleaved, so that a register tile reads one address that only grows.
 * Element (r, k) of a panel lies at `k * width + r`; rows that do not exist are zeros. All strides are in bytes.
 */

// @ts-ignore: decorator
@inline
function transpose4(v0: v128, v1: v128, v2: v128, v3: v128, at: usize, stride: usize): void {
  const a = v128.shuffle<f32>(v0, v1, 0, 4, 1, 5); // 00 10 01 11
  const b = v128.shuffle<f32>(v2, v3, 0, 4, 1, 5);
  const c = v128.shuffle<f32>(v0, v1, 2, 6, 3, 7);
  const d = v128.shuffle<f32>(v2, v3, 2, 6, 3, 7);
  v128.store(at, v128.shuffle<f32>(a, b, 0, 1, 4, 5));
  v128.store(at + stride, v128.shuffle<f32>(a, b, 2, 3, 6, 7));
  v128.store(at + 2 * stride, v128.shuffle<f32>(c, d, 0, 1, 4, 5));
  v128.store(at + 3 * stride, v128.shuffle<f32>(c, d, 2, 3, 6, 7));
}

/** Four whole rows, contiguous along k, into columns of panels `stride` bytes wide. */
function packAlongK(from: usize, rowStride: usize, kc: i32, to: usize, stride: usize): void {
  let r0 = from;
  let r1 = from + rowStride;
  let r2 = r1 + rowStride;
  let r3 = r2 + rowStride;
  const wide = from + (<usize>(kc & ~3) << 2);
  const end = from + (<usize>kc << 2);
  for (; r0 < wide; r0 += 16) {
    transpose4(v128.load(r0), v128.load(r1), v128.load(r2), v128.load(r3), to, stride);
    r1 += 16;
    r2 += 16;
    r3 += 16;
    to += 4 * stride;
  }
  for (; r0 < end; r0 += 4) {
    store<f32>(to, load<f32>(r0));
    store<f32>(to, load<f32>(r1), 4);
    store<f32>(to, load<f32>(r2), 8);
    store<f32>(to, load<f32>(r3), 12);
    r1 += 4;
    r2 += 4;
    r3 += 4;
    to += stride;
  }
}

/** Any strides, `rows` ≤ width. */
function packSlowly(from: usize, rowStride: usize, kStride: usize, rows: i32, kc: i32, to: usize, width: i32): void {
  for (let k = 0; k < kc; k++) {
    let at = from;
    for (let r = 0; r < rows; r++) {
      store<f32>(to, load<f32>(at));
      at += rowStride;
      to += 4;
    }
    for (let r = rows; r < width; r++) {
      store<f32>(to, 0);
      to += 4;
    }
    from += kStride;
  }
}

/** `rows` rows of length `kc` into ⌈rows / 4⌉ panels of width 4. */
export function pack4(from: usize, rowStride: usize, kStride: usize, rows: i32, kc: i32, to: usize): void {
  const panel = <usize>kc << 4;
  let r = 0;
  if (rowStride == 4) {
    // A cache line of rows at a time: a panel alone would fetch each line four times.
    for (; r + 16 <= rows; r += 16) {
      let at = from;
      let t = to;
      for (const end = to + panel; t < end; t += 16) {
        v128.store(t, v128.load(at));
        v128.store(t + panel, v128.load(at, 16));
        v128.store(t + 2 * panel, v128.load(at, 32));
        v128.store(t + 3 * panel, v128.load(at, 48));
        at += kStride;
      }
      from += 64;
      to += 4 * panel;
    }
    for (; r + 4 <= rows; r += 4) {
      let at = from;
      for (const end = to + panel; to < end; to += 16) {
        v128.store(to, v128.load(at));
        at += kStride;
      }
      from += 16;
    }
  } else if (kStride == 4) {
    for (; r + 4 <= rows; r += 4) {
      packAlongK(from, rowStride, kc, to, 16);
      from += 4 * rowStride;
      to += panel;
    }
  }
  for (; r < rows; r += 4) {
    packSlowly(from, rowStride, kStride, min(4, rows - r), kc, to, 4);
    from += 4 * rowStride;
    to += panel;
  }
}

/** Brings `kc` runs of `width` ≤ 20 numbers, `stride` bytes apart, together. */
export function gather(from: usize, stride: usize, width: i32, kc: i32, to: usize): void {
  if (width == 20) {
    for (const end = to + <usize>(kc * 80); to < end; to += 80) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      v128.store(to, v128.load(from, 32), 32);
      v128.store(to, v128.load(from, 48), 48);
      v128.store(to, v128.load(from, 64), 64);
      from += stride;
    }
    return;
  }
  const wide = <usize>(width & ~3) << 2;
  const bytes = <usize>width << 2;
  for (let k = 0; k < kc; k++) {
    let x: usize = 0;
    for (; x < wide; x += 16) v128.store(to + x, v128.load(from + x));
    for (; x < bytes; x += 4) store<f32>(to + x, load<f32>(from + x));
    from += stride;
    to += bytes;
  }
}

/** `rows` rows of length `kc` into ⌈rows / 8⌉ panels of width 8. */
export function pack8(from: usize, rowStride: usize, kStride: usize, rows: i32, kc: i32, to: usize): void {
  const panel = <usize>kc << 5;
  let r = 0;
  if (rowStride == 4) {
    for (let width = 32; r + 16 <= rows; r += width) {
      if (r + 32 > rows) width = 16;
      const bytes = <usize>width << 2;
      let first = from;
      // Whole lines, two k of a panel, are what a processor stores fast; it loads a few in a row as fast.
      for (const end = to + (<usize>(kc & ~1) << 5); to < end; to += 64) {
        let at = first;
        let next = first + kStride;
        let t = to;
        for (const last = at + bytes; at < last; at += 64) {
          v128.store(t, v128.load(at));
          v128.store(t, v128.load(at, 16), 16);
          v128.store(t, v128.load(next), 32);
          v128.store(t, v128.load(next, 16), 48);
          t += panel;
          v128.store(t, v128.load(at, 32));
          v128.store(t, v128.load(at, 48), 16);
          v128.store(t, v128.load(next, 32), 32);
          v128.store(t, v128.load(next, 48), 48);
          t += panel;
          next += 64;
        }
        first += 2 * kStride;
      }
      if (kc & 1) {
        let t = to;
        for (const last = first + bytes; first < last; first += 32) {
          v128.store(t, v128.load(first));
          v128.store(t, v128.load(first, 16), 16);
          t += panel;
        }
        to += 32;
      }
      from += bytes;
      to += <usize>((width >> 3) - 1) * panel;
    }
    for (; r + 8 <= rows; r += 8) {
      let at = from;
      for (const end = to + panel; to < end; to += 32) {
        v128.store(to, v128.load(at));
        v128.store(to, v128.load(at, 16), 16);
        at += kStride;
      }
      from += 32;
    }
  } else if (kStride == 4) {
    for (; r + 8 <= rows; r += 8) {
      packAlongK(from, rowStride, kc, to, 32);
      packAlongK(from + 4 * rowStride, rowStride, kc, to + 16, 32);
      from += 8 * rowStride;
      to += panel;
    }
  }
  for (; r < rows; r += 8) {
    packSlowly(from, rowStride, kStride, min(8, rows - r), kc, to, 8);
    from += 8 * rowStride;
    to += panel;
  }
}
