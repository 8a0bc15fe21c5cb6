import { int, ptr, share } from './abi';

/**
 * Where the k largest elements of each row are, largest first, of equals the first; NaN counts as largest. Words: x (2),
 * y (2), rows, n, k. The ids of a row are a heap while the row is read, with the worst of them on top, in y itself.
 */
export function topK(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const n = int(args, 5);
  const k = int(args, 6);
  const end = share(int(args, 4), part + 1, parts);
  for (let row = share(int(args, 4), part, parts); row < end; row++) {
    const x = ptr(args, 0, slots) + ((<usize>row * <usize>n) << 2);
    const heap = ptr(args, 2, slots) + ((<usize>row * <usize>k) << 2);
    for (let i = 0; i < k; i++) store<i32>(heap + (<usize>i << 2), i);
    for (let i = (k >> 1) - 1; i >= 0; i--) sink(x, heap, i, k);
    let worst = load<f32>(x + (<usize>load<i32>(heap) << 2));
    for (let i = k; i < n; i++) {
      const value = load<f32>(x + (<usize>i << 2));
      // Most elements end here. Later ids lose against equals.
      if (value <= worst || worst != worst) continue;
      store<i32>(heap, i);
      sink(x, heap, 0, k);
      worst = load<f32>(x + (<usize>load<i32>(heap) << 2));
    }
    // The worst goes to the end, again and again.
    for (let size = k - 1; size > 0; size--) {
      const last = heap + (<usize>size << 2);
      const id = load<i32>(heap);
      store<i32>(heap, load<i32>(last));
      store<i32>(last, id);
      sink(x, heap, 0, size);
    }
  }
  return 0;
}

/** Lets the id at `at` sink until neither of its children in the heap comes after it. */
function sink(x: usize, heap: usize, at: i32, size: i32): void {
  const id = load<i32>(heap + (<usize>at << 2));
  while (true) {
    let child = 2 * at + 1;
    if (child >= size) break;
    let other = load<i32>(heap + (<usize>child << 2));
    if (child + 1 < size) {
      const right = load<i32>(heap + (<usize>(child + 1) << 2));
      if (isBefore(x, other, right)) {
        other = right;
        child++;
      }
    }
    if (!isBefore(x, id, other)) break;
    store<i32>(heap + (<usize>at << 2), other);
    at = child;
  }
  store<i32>(heap + (<usize>at << 2), id);
}

/** Whether element a comes before element b in the result. */
// @ts-ignore: decorator
@inline
function isBefore(x: usize, a: i32, b: i32): bool {
  const u = load<f32>(x + (<usize>a << 2));
  const v = load<f32>(x + (<usize>b << 2));
  if (u > v) return true;
  if (u < v) return false;
  const nanU = u != u;
  const nanV = v != v;
  return nanU == nanV ? a < b : nanU;
}
