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

/** `rows` contiguous rows of length `kc` into ⌈rows / 5⌉ panels of width 5; rows that do not exist are left out. */
export function pack5(from: usize, kStride: usize, rows: i32, kc: i32, to: usize): void {
  const panel = <usize>(kc * 20);
  let r = 0;
  for (; r + 20 <= rows; r += 20) {
    let at = from;
    for (const end = to + panel; to < end; to += 20) {
      v128.store(to, v128.load(at));
      store<f32>(to, load<f32>(at, 16), 16);
      v128.store(to + panel, v128.load(at, 20));
      store<f32>(to + panel, load<f32>(at, 36), 16);
      v128.store(to + 2 * panel, v128.load(at, 40));
      store<f32>(to + 2 * panel, load<f32>(at, 56), 16);
      v128.store(to + 3 * panel, v128.load(at, 60));
      store<f32>(to + 3 * panel, load<f32>(at, 76), 16);
      at += kStride;
    }
    from += 80;
    to += 3 * panel;
  }
  for (; r < rows; r += 5) {
    const height = min(5, rows - r);
    let at = from;
    for (const end = to + panel; to < end; to += 20) {
      for (let i: usize = 0; i < <usize>height << 2; i += 4) store<f32>(to + i, load<f32>(at + i));
      at += kStride;
    }
    from += 20;
  }
}

/** `rows` rows of length `kc` into ⌈rows / 8⌉ panels of width 8. */
export function pack8(from: usize, rowStride: usize, kStride: usize, rows: i32, kc: i32, to: usize): void {
  const panel = <usize>kc << 5;
  let r = 0;
  if (rowStride == 4) {
    for (; r + 16 <= rows; r += 16) {
      let at = from;
      let t = to;
      for (const end = to + panel; t < end; t += 32) {
        v128.store(t, v128.load(at));
        v128.store(t, v128.load(at, 16), 16);
        v128.store(t + panel, v128.load(at, 32));
        v128.store(t + panel, v128.load(at, 48), 16);
        at += kStride;
      }
      from += 64;
      to += 2 * panel;
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
