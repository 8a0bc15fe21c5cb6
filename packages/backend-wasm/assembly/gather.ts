/** Copies of strided windows. */

/**
 * Elements `at` … `at + count − 1`, in row-major order, of a strided window of `rank` dimensions (size, stride in
 * elements; outermost first). `odometer` is room for `rank` words.
 */
export function gather(y: usize, x: usize, rank: i32, dims: usize, odometer: usize, at: i32, count: i32): void {
  let rest = at;
  for (let d = rank - 1; d >= 0; d--) {
    const dim = dims + (<usize>d << 3);
    const size = load<i32>(dim);
    const index = rest % size;
    rest /= size;
    store<i32>(odometer + (<usize>d << 2), index);
    x += <usize>(index * load<i32>(dim, 4)) << 2;
  }
  const inner = dims + (<usize>(rank - 1) << 3);
  const innerSize = load<i32>(inner);
  const step = <usize>load<i32>(inner, 4) << 2;
  let first = load<i32>(odometer + (<usize>(rank - 1) << 2));
  while (true) {
    const n = min(innerSize - first, count);
    gatherRow(y, x, step, n);
    count -= n;
    if (count == 0) return;
    y += <usize>n << 2;
    x -= <usize>first * step;
    first = 0;
    for (let d = rank - 2; d >= 0; d--) {
      const dim = dims + (<usize>d << 3);
      const counter = odometer + (<usize>d << 2);
      const index = load<i32>(counter) + 1;
      x += <usize>load<i32>(dim, 4) << 2;
      if (index < load<i32>(dim)) {
        store<i32>(counter, index);
        break;
      }
      store<i32>(counter, 0);
      x -= <usize>(index * load<i32>(dim, 4)) << 2;
    }
  }
}

function gatherRow(y: usize, x: usize, step: usize, n: i32): void {
  const end = y + (<usize>n << 2);
  const wide = y + (<usize>(n & ~3) << 2);
  if (step == 4) {
    for (; y < wide; y += 16, x += 16) v128.store(y, v128.load(x));
  } else if (step == 0) {
    const v = v128.load32_splat(x);
    for (; y < wide; y += 16) v128.store(y, v);
  } else {
    for (; y < wide; y += 16, x += step << 2) {
      const a = load<u32>(x);
      const b = load<u32>(x + step);
      const c = load<u32>(x + 2 * step);
      const d = load<u32>(x + 3 * step);
      store<u32>(y, a);
      store<u32>(y, b, 4);
      store<u32>(y, c, 8);
      store<u32>(y, d, 12);
    }
  }
  for (; y < end; y += 4, x += step) store<u32>(y, load<u32>(x));
}
