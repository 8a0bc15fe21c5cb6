import { int, ptr, share } from './abi';
import { fail } from './errors';
import { outerOffset } from './outer';

function fillRow(at: usize, value: i32, n: i32): void {
  const end = at + (<usize>n << 2);
  const wide = at + (<usize>(n & ~3) << 2);
  const v = i32x4.splat(value);
  for (; at < wide; at += 16) v128.store(at, v);
  for (; at < end; at += 4) store<i32>(at, value);
}

/** Words: y (2), value bits, n, stride, middle size, middle stride, rows, outer dimensions (size, stride). */
export function fill(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const y = ptr(args, 0, slots);
  const value = int(args, 2);
  const n = int(args, 3);
  const stride = <usize>int(args, 4) << 2;
  const middle = int(args, 5);
  const middleStride = <usize>int(args, 6) << 2;
  const rows = int(args, 7);
  if (rows == 1 && stride == 4) {
    const begin = share(n, part, parts);
    fillRow(y + (<usize>begin << 2), value, share(n, part + 1, parts) - begin);
    return 0;
  }
  const end = share(rows, part + 1, parts);
  for (let row = share(rows, part, parts); row < end; ) {
    const first = row % middle;
    const stop = min(end, row - first + middle);
    let at = y + outerOffset(args + 32, row / middle, 0, 1) + <usize>first * middleStride;
    for (; row < stop; row++) {
      if (stride == 4) fillRow(at, value, n);
      else {
        let to = at;
        for (let i = 0; i < n; i++) {
          store<i32>(to, value);
          to += stride;
        }
      }
      at += middleStride;
    }
  }
  return 0;
}

// @ts-ignore: decorator
@inline
function copyRow(from: usize, xs: usize, to: usize, ys: usize, n: i32): void {
  if (ys == 4) {
    if (xs == 4) {
      const end = to + (<usize>n << 2);
      const wide = to + (<usize>(n & ~3) << 2);
      if (n >= 256) {
        memory.copy(to, from, end - to);
        return;
      }
      for (; to < wide; to += 16) {
        v128.store(to, v128.load(from));
        from += 16;
      }
      for (; to < end; to += 4) {
        store<i32>(to, load<i32>(from));
        from += 4;
      }
      return;
    }
    if (xs == 0) {
      if (n > 0) fillRow(to, load<i32>(from), n);
      return;
    }
  }
  for (let i = 0; i < n; i++) {
    store<i32>(to, load<i32>(from));
    from += xs;
    to += ys;
  }
}

/** Words: x (2), y (2), n, strides of x and y, middle size and strides, rows, outer dimensions (size, two strides). */
export function copyRows(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const x = ptr(args, 0, slots);
  const y = ptr(args, 2, slots);
  const n = int(args, 4);
  const xs = <usize>int(args, 5) << 2;
  const ys = <usize>int(args, 6) << 2;
  const middle = int(args, 7);
  const middleX = <usize>int(args, 8) << 2;
  const middleY = <usize>int(args, 9) << 2;
  const rows = int(args, 10);
  if (rows == 1) {
    const begin = share(n, part, parts);
    copyRow(x + <usize>begin * xs, xs, y + <usize>begin * ys, ys, share(n, part + 1, parts) - begin);
    return 0;
  }
  const end = share(rows, part + 1, parts);
  for (let row = share(rows, part, parts); row < end; ) {
    const first = row % middle;
    const stop = min(end, row - first + middle);
    let from = x + outerOffset(args + 44, row / middle, 0, 2) + <usize>first * middleX;
    let to = y + outerOffset(args + 44, row / middle, 1, 2) + <usize>first * middleY;
    for (; row < stop; row++) {
      copyRow(from, xs, to, ys, n);
      from += middleX;
      to += middleY;
    }
  }
  return 0;
}

/** Side of the squares in which transpositions run: 16 rows of one cache line each stay in the first-level cache. */
const SIDE: i32 = 16;

/**
 * y[…, i, j] = x[…, i, j] where x is contiguous along i and y along j.
 * Words: x (2), y (2), size i, size j, stride of x along j, stride of y along i, matrices, outer dimensions.
 */
export function copyTransposed(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const x = ptr(args, 0, slots);
  const y = ptr(args, 2, slots);
  const sizeI = int(args, 4);
  const sizeJ = int(args, 5);
  const xs = <usize>int(args, 6) << 2;
  const ys = <usize>int(args, 7) << 2;
  const matrices = int(args, 8);
  const bands = (sizeI + SIDE - 1) / SIDE;
  const end = share(matrices * bands, part + 1, parts);
  for (let unit = share(matrices * bands, part, parts); unit < end; unit++) {
    const i0 = (unit % bands) * SIDE;
    const i1 = min(sizeI, i0 + SIDE);
    const from = x + outerOffset(args + 36, unit / bands, 0, 2) + (<usize>i0 << 2);
    const to = y + outerOffset(args + 36, unit / bands, 1, 2) + <usize>i0 * ys;
    let j = 0;
    for (; j + 4 <= sizeJ; j += 4) {
      let at = from + <usize>j * xs;
      let back = to + (<usize>j << 2);
      let i = i0;
      for (; i + 4 <= i1; i += 4) {
        const v0 = v128.load(at);
        const v1 = v128.load(at + xs);
        const v2 = v128.load(at + 2 * xs);
        const v3 = v128.load(at + 3 * xs);
        const a = v128.shuffle<f32>(v0, v1, 0, 4, 1, 5);
        const b = v128.shuffle<f32>(v2, v3, 0, 4, 1, 5);
        const c = v128.shuffle<f32>(v0, v1, 2, 6, 3, 7);
        const d = v128.shuffle<f32>(v2, v3, 2, 6, 3, 7);
        v128.store(back, v128.shuffle<f32>(a, b, 0, 1, 4, 5));
        v128.store(back + ys, v128.shuffle<f32>(a, b, 2, 3, 6, 7));
        v128.store(back + 2 * ys, v128.shuffle<f32>(c, d, 0, 1, 4, 5));
        v128.store(back + 3 * ys, v128.shuffle<f32>(c, d, 2, 3, 6, 7));
        at += 16;
        back += 4 * ys;
      }
      for (; i < i1; i++) {
        store<i32>(back, load<i32>(at));
        store<i32>(back, load<i32>(at + xs), 4);
        store<i32>(back, load<i32>(at + 2 * xs), 8);
        store<i32>(back, load<i32>(at + 3 * xs), 12);
        at += 4;
        back += ys;
      }
    }
    for (; j < sizeJ; j++) {
      let at = from + <usize>j * xs;
      let back = to + (<usize>j << 2);
      for (let i = i0; i < i1; i++) {
        store<i32>(back, load<i32>(at));
        at += 4;
        back += ys;
      }
    }
  }
  return 0;
}

/** Words: y (2), n, whether float32. */
export function iota(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const y = ptr(args, 0, slots);
  const n = int(args, 2);
  const isFloat = int(args, 3) != 0;
  const end = share(n, part + 1, parts);
  for (let i = share(n, part, parts); i < end; i++) {
    const at = y + (<usize>i << 2);
    if (isFloat) store<f32>(at, <f32>i);
    else store<i32>(at, i);
  }
  return 0;
}

/** Words: table (2), ids (2), y (2), R, C, N. Fails with 1 (id, position). */
export function gather(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const table = ptr(args, 0, slots);
  const ids = ptr(args, 2, slots);
  const y = ptr(args, 4, slots);
  const r = int(args, 6);
  const c = int(args, 7);
  const n = int(args, 8);
  const bytes = <usize>c << 2;
  const end = share(n, part + 1, parts);
  for (let i = share(n, part, parts); i < end; i++) {
    const id = load<i32>(ids + (<usize>i << 2));
    if (<u32>id >= <u32>r) return fail(1, id, i);
    copyRow(table + <usize>id * bytes, 4, y + <usize>i * bytes, 4, c);
  }
  return 0;
}

/**
 * Every walker reads all ids, in order, and adds to what it owns: a band of columns, or of rows where there are few
 * columns. Words: ids (2), updates (2), y (2), R, C, N. Fails with 1 (id, position).
 */
export function scatterAdd(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const ids = ptr(args, 0, slots);
  const updates = ptr(args, 2, slots);
  const y = ptr(args, 4, slots);
  const r = int(args, 6);
  const c = int(args, 7);
  const n = int(args, 8);
  const byColumns = c >= 16 * parts;
  const groups = (c + 15) >> 4;
  const left = byColumns ? share(groups, part, parts) << 4 : 0;
  const right = byColumns ? min(c, share(groups, part + 1, parts) << 4) : c;
  const first = byColumns ? 0 : share(r, part, parts);
  const last = byColumns ? r : share(r, part + 1, parts);
  const bytes = <usize>c << 2;
  const width = right - left;
  if (width == c) fillRow(y + <usize>first * bytes, 0, (last - first) * c);
  else for (let row = first; row < last; row++) fillRow(y + <usize>row * bytes + (<usize>left << 2), 0, width);
  const wide = <usize>(width & ~3) << 2;
  for (let i = 0; i < n; i++) {
    const id = load<i32>(ids + (<usize>i << 2));
    if (<u32>id >= <u32>r) return fail(1, id, i);
    if (id < first || id >= last) continue;
    let from = updates + <usize>i * bytes + (<usize>left << 2);
    let to = y + <usize>id * bytes + (<usize>left << 2);
    const stop = to + (<usize>width << 2);
    for (const middle = to + wide; to < middle; to += 16) {
      v128.store(to, f32x4.add(v128.load(to), v128.load(from)));
      from += 16;
    }
    for (; to < stop; to += 4) {
      store<f32>(to, load<f32>(to) + load<f32>(from));
      from += 4;
    }
  }
  return 0;
}
