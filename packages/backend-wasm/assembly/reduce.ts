/**
 * Sums, maxima and minima over the trailing dimensions. All ways through memory share one order, so that the bits depend
 * on nothing but the reduced elements: chunks of 512 elements; within a chunk, element i goes to lane i mod 8, lanes are
 * folded as ((0+4)+(2+6)) + ((1+5)+(3+7)); sums of chunks are added up in float64.
 */
import { int, ptr, share } from './abi';
import { gather } from './gather';
import { loadPart, zero } from './rows';

const CHUNK: i32 = 512;
/** Columns that are reduced together; 8 rows of lanes and 2 of totals stay in the first-level cache. */
const COLUMNS: i32 = 512;

/** As in src/encoders/reduce.ts. */
const enum Op {
  Sum,
  Max,
  Min,
  IntSum,
  IntMax,
  IntMin,
}

// Maxima and minima keep NaN in two instructions more than they would take without: a compiler needs eight for f32x4.max.
// `wide`: whether chunks are added up in float64.
@unmanaged
class Sum {
  @inline apply(x: v128, y: v128): v128 {
    return f32x4.add(x, y);
  }
  @inline get wide(): bool {
    return true;
  }
}

@unmanaged
class Max {
  @inline apply(x: v128, y: v128): v128 {
    return v128.or(f32x4.pmax(y, x), f32x4.ne(x, x));
  }
  @inline get wide(): bool {
    return false;
  }
}

@unmanaged
class Min {
  @inline apply(x: v128, y: v128): v128 {
    return v128.or(f32x4.pmin(y, x), f32x4.ne(x, x));
  }
  @inline get wide(): bool {
    return false;
  }
}

@unmanaged
class IntSum {
  @inline apply(x: v128, y: v128): v128 {
    return i32x4.add(x, y);
  }
  @inline get wide(): bool {
    return false;
  }
}

@unmanaged
class IntMax {
  @inline apply(x: v128, y: v128): v128 {
    return i32x4.max_s(x, y);
  }
  @inline get wide(): bool {
    return false;
  }
}

@unmanaged
class IntMin {
  @inline apply(x: v128, y: v128): v128 {
    return i32x4.min_s(x, y);
  }
  @inline get wide(): bool {
    return false;
  }
}

/** A chunk of up to 512 contiguous elements, in lane 0. */
function chunk<T>(p: usize, n: i32, identity: v128): v128 {
  const f = changetype<T>(0);
  const end = p + (<usize>n << 2);
  let a = identity;
  let b = identity;
  for (; p + 32 <= end; p += 32) {
    a = f.apply(a, v128.load(p));
    b = f.apply(b, v128.load(p, 16));
  }
  if (p + 16 <= end) {
    a = f.apply(a, v128.load(p));
    p += 16;
    if (p < end) b = f.apply(b, loadPart(p, <i32>((end - p) >> 2), identity));
  } else if (p < end) a = f.apply(a, loadPart(p, <i32>((end - p) >> 2), identity));
  const four = f.apply(a, b);
  const two = f.apply(four, v128.shuffle<i64>(four, four, 1, 0));
  return f.apply(two, v128.shuffle<i32>(two, two, 1, 0, 3, 2));
}

/**
 * Reduces `count` elements in row-major order of the window `dims`; the word of the result. Contiguous ones are read in
 * place, others by way of `scratch`, which has room for a chunk after 64 bytes.
 */
function fold<T>(x: usize, rank: i32, dims: usize, count: i32, identity: v128, scratch: usize): i32 {
  const f = changetype<T>(0);
  const contiguous = rank == 1 && load<i32>(dims, 4) == 1;
  let total = identity;
  let sum: f64 = 0;
  for (let at = 0; at < count; at += CHUNK) {
    const n = min(count - at, CHUNK);
    let from = x + (<usize>at << 2);
    if (!contiguous) {
      from = scratch + 64;
      gather(from, x, rank, dims, scratch, at, n);
    }
    const v = chunk<T>(from, n, identity);
    if (f.wide) sum += <f64>f32x4.extract_lane(v, 0);
    else total = f.apply(total, v);
  }
  return f.wide ? reinterpret<i32>(<f32>sum) : i32x4.extract_lane(total, 0);
}

/** Elements from the start of window `dims` to its element `index`. */
function offsetOf(index: i32, rank: i32, dims: usize): i32 {
  if (rank == 1) return index * load<i32>(dims, 4);
  let offset = 0;
  for (let d = rank - 1; d >= 0; d--) {
    const dim = dims + (<usize>d << 3);
    const size = load<i32>(dim);
    offset += (index % size) * load<i32>(dim, 4);
    index /= size;
  }
  return offset;
}

/**
 * One result after the other. Words: x (2), y (2), operation, bits of the identity, results, reduced elements of each,
 * scratch (2), scratch bytes of a part, rank of the kept dimensions, rank of the reduced ones, then (size, stride) of
 * both, outermost first.
 */
export function reduceRows(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const identity = i32x4.splat(int(args, 5));
  const count = int(args, 7);
  const scratch = ptr(args, 8, slots) + <usize>int(args, 10) * part;
  const kept = int(args, 11);
  const rank = int(args, 12);
  const keptDims = args + 52;
  const dims = keptDims + (<usize>kept << 3);
  const end = share(int(args, 6), part + 1, parts);
  for (let row = share(int(args, 6), part, parts); row < end; row++) {
    const x = ptr(args, 0, slots) + (<usize>offsetOf(row, kept, keptDims) << 2);
    store<i32>(ptr(args, 2, slots) + (<usize>row << 2), foldBy(int(args, 4), x, rank, dims, count, identity, scratch));
  }
  return 0;
}

function foldBy(op: i32, x: usize, rank: i32, dims: usize, count: i32, identity: v128, scratch: usize): i32 {
  switch (op) {
    case Op.Sum: return fold<Sum>(x, rank, dims, count, identity, scratch);
    case Op.Max: return fold<Max>(x, rank, dims, count, identity, scratch);
    case Op.Min: return fold<Min>(x, rank, dims, count, identity, scratch);
    case Op.IntSum: return fold<IntSum>(x, rank, dims, count, identity, scratch);
    case Op.IntMax: return fold<IntMax>(x, rank, dims, count, identity, scratch);
    default: return fold<IntMin>(x, rank, dims, count, identity, scratch);
  }
}

/**
 * Many results side by side: the innermost kept dimension, of C columns, is contiguous. Words as for `reduceRows`, and
 * the kept dimensions are those outside the columns; C follows the dimensions.
 */
export function reduceColumns(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const identity = i32x4.splat(int(args, 5));
  const count = int(args, 7);
  const scratch = ptr(args, 8, slots) + <usize>int(args, 10) * part;
  const kept = int(args, 11);
  const rank = int(args, 12);
  const keptDims = args + 52;
  const dims = keptDims + (<usize>kept << 3);
  const columns = load<i32>(dims + (<usize>rank << 3));
  // Dealt out in units of 16 columns; a walker takes as many neighbours at once as its lanes have room for.
  const units = (columns + 15) >> 4;
  const end = share(int(args, 6) / columns * units, part + 1, parts);
  for (let unit = share(int(args, 6) / columns * units, part, parts); unit < end; ) {
    const outer = unit / units;
    const first = (unit % units) << 4;
    const taken = min(min(units - unit % units, end - unit), COLUMNS >> 4);
    const width = min(taken << 4, columns - first);
    const x = ptr(args, 0, slots) + (<usize>(offsetOf(outer, kept, keptDims) + first) << 2);
    const y = ptr(args, 2, slots) + (<usize>(outer * columns + first) << 2);
    switch (int(args, 4)) {
      case Op.Sum: reduceTile<Sum>(x, y, rank, dims, count, width & ~3, identity, scratch); break;
      case Op.Max: reduceTile<Max>(x, y, rank, dims, count, width & ~3, identity, scratch); break;
      case Op.Min: reduceTile<Min>(x, y, rank, dims, count, width & ~3, identity, scratch); break;
      case Op.IntSum: reduceTile<IntSum>(x, y, rank, dims, count, width & ~3, identity, scratch); break;
      case Op.IntMax: reduceTile<IntMax>(x, y, rank, dims, count, width & ~3, identity, scratch); break;
      case Op.IntMin: reduceTile<IntMin>(x, y, rank, dims, count, width & ~3, identity, scratch); break;
    }
    for (let column = width & ~3; column < width; column++) {
      const at = <usize>column << 2;
      store<i32>(y + at, foldBy(int(args, 4), x + at, rank, dims, count, identity, scratch));
    }
    unit += taken;
  }
  return 0;
}

/** `width` columns, a multiple of 4. Scratch: 8 rows of lanes, and for sums the totals in float64. */
function reduceTile<T>(x: usize, y: usize, rank: i32, dims: usize, count: i32, width: i32, identity: v128, scratch: usize): void {
  const f = changetype<T>(0);
  const bytes = <usize>width << 2;
  const row = <usize>COLUMNS << 2;
  const totals = scratch + 8 * row;
  if (f.wide) memory.fill(totals, 0, 2 * bytes);
  else for (let at: usize = 0; at < bytes; at += 16) v128.store(y + at, identity);
  for (let from = 0; from < count; from += CHUNK) {
    const to = min(from + CHUNK, count);
    for (let lane = 0; lane < 8; lane++) {
      const lanes = scratch + <usize>lane * row;
      let r = from + lane;
      if (r + 24 < to) addRows<T>(lanes, bytes, identity, true, rowAt(x, r, rank, dims), rowAt(x, r + 8, rank, dims), rowAt(x, r + 16, rank, dims), rowAt(x, r + 24, rank, dims));
      else if (r < to) {
        addRow<T>(lanes, bytes, identity, true, rowAt(x, r, rank, dims));
        for (r += 8; r < to; r += 8) addRow<T>(lanes, bytes, identity, false, rowAt(x, r, rank, dims));
        continue;
      } else {
        for (let at: usize = 0; at < bytes; at += 16) v128.store(lanes + at, identity);
        continue;
      }
      for (r += 32; r + 24 < to; r += 32) addRows<T>(lanes, bytes, identity, false, rowAt(x, r, rank, dims), rowAt(x, r + 8, rank, dims), rowAt(x, r + 16, rank, dims), rowAt(x, r + 24, rank, dims));
      for (; r < to; r += 8) addRow<T>(lanes, bytes, identity, false, rowAt(x, r, rank, dims));
    }
    for (let at: usize = 0; at < bytes; at += 16) {
      const p = scratch + at;
      const even = f.apply(f.apply(v128.load(p), v128.load(p + 4 * row)), f.apply(v128.load(p + 2 * row), v128.load(p + 6 * row)));
      const odd = f.apply(f.apply(v128.load(p + row), v128.load(p + 5 * row)), f.apply(v128.load(p + 3 * row), v128.load(p + 7 * row)));
      const v = f.apply(even, odd);
      if (f.wide) {
        const total = totals + 2 * at;
        v128.store(total, f64x2.add(v128.load(total), f64x2.promote_low_f32x4(v)));
        v128.store(total, f64x2.add(v128.load(total, 16), f64x2.promote_low_f32x4(v128.shuffle<i64>(v, v, 1, 0))), 16);
      } else v128.store(y + at, f.apply(v128.load(y + at), v));
    }
  }
  if (f.wide) {
    for (let at: usize = 0; at < bytes; at += 16) {
      const total = totals + 2 * at;
      v128.store(y + at, v128.shuffle<i64>(f32x4.demote_f64x2_zero(v128.load(total)), f32x4.demote_f64x2_zero(v128.load(total, 16)), 0, 2));
    }
  }
}

// @ts-ignore: decorator
@inline
function rowAt(x: usize, row: i32, rank: i32, dims: usize): usize {
  return x + (<usize>offsetOf(row, rank, dims) << 2);
}

/** lanes = T(lanes, a); `fresh` lanes hold the identity. */
function addRow<T>(lanes: usize, bytes: usize, identity: v128, fresh: bool, a: usize): void {
  const f = changetype<T>(0);
  for (let at: usize = 0; at < bytes; at += 16) {
    v128.store(lanes + at, f.apply(fresh ? identity : v128.load(lanes + at), v128.load(a + at)));
  }
}

/** As four times `addRow`. */
function addRows<T>(lanes: usize, bytes: usize, identity: v128, fresh: bool, a: usize, b: usize, c: usize, d: usize): void {
  const f = changetype<T>(0);
  for (let at: usize = 0; at < bytes; at += 16) {
    let v = f.apply(fresh ? identity : v128.load(lanes + at), v128.load(a + at));
    v = f.apply(v, v128.load(b + at));
    v = f.apply(v, v128.load(c + at));
    v128.store(lanes + at, f.apply(v, v128.load(d + at)));
  }
}

/**
 * First index of the largest element; NaN counts as largest. Words: x (2), y (2), rows, n, stride of an element, whether
 * they are float32, rank of the kept dimensions, (size, stride) of those.
 */
export function argMax(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const n = int(args, 5);
  const step = <usize>int(args, 6) << 2;
  const float = int(args, 7) != 0;
  const end = share(int(args, 4), part + 1, parts);
  for (let row = share(int(args, 4), part, parts); row < end; row++) {
    const x = ptr(args, 0, slots) + (<usize>offsetOf(row, int(args, 8), args + 36) << 2);
    let best: i32;
    if (!float) best = argMaxInt(x, n, step);
    else if (step == 4) best = argMaxContiguous(x, n);
    else best = argMaxFloat(x, n, step);
    store<i32>(ptr(args, 2, slots) + (<usize>row << 2), best);
  }
  return 0;
}

function argMaxInt(x: usize, n: i32, step: usize): i32 {
  let best = 0;
  let largest = load<i32>(x);
  for (let i = 1; i < n; i++) {
    x += step;
    if (load<i32>(x) > largest) {
      largest = load<i32>(x);
      best = i;
    }
  }
  return best;
}

function argMaxFloat(x: usize, n: i32, step: usize): i32 {
  let best = 0;
  let largest = load<f32>(x);
  for (let i = 1; i < n && largest == largest; i++) {
    x += step;
    const value = load<f32>(x);
    if (!(value <= largest)) {
      largest = value;
      best = i;
    }
  }
  return best;
}

/** Two passes: the largest element, then the first that equals it. */
function argMaxContiguous(x: usize, n: i32): i32 {
  const end = x + (<usize>(n & ~3) << 2);
  if (n < 4) return argMaxFloat(x, n, 4);
  let largest = v128.load(x);
  let nan = zero();
  for (let p = x; p < end; p += 16) {
    const v = v128.load(p);
    largest = f32x4.pmax(largest, v);
    nan = v128.or(nan, f32x4.ne(v, v));
  }
  // The last vector again, so that the end needs no other treatment.
  const last = v128.load(x + (<usize>(n - 4) << 2));
  if (v128.any_true(v128.or(nan, f32x4.ne(last, last)))) return argMaxFloat(x, n, 4);
  largest = f32x4.pmax(largest, last);
  largest = f32x4.pmax(largest, v128.shuffle<i64>(largest, largest, 1, 0));
  largest = f32x4.pmax(largest, v128.shuffle<i32>(largest, largest, 1, 0, 3, 2));
  for (let p = x; p < end; p += 16) {
    const mask = i32x4.bitmask(f32x4.eq(v128.load(p), largest));
    if (mask) return <i32>((p - x) >> 2) + ctz(mask);
  }
  return n - 4 + ctz(i32x4.bitmask(f32x4.eq(last, largest)));
}
