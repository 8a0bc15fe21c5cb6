/**
 * Element-wise programs, a tile at a time: each instruction is one SIMD loop over a tile that stays in the first-level
 * cache. Contiguous inputs and most results are used where they lie; scalars and literals are one vector that does not
 * advance; other inputs are gathered into a tile.
 */
import { int, ptr, share } from './abi';
import { gather } from './gather';
import * as math from './math';
import { loadPart, storePart, zero } from './rows';

/** What an entry of the register table is. Words: kind, (slot, byte offset) or literal bits, offset in the scratch memory. */
const enum Kind {
  /** Read where it lies. */
  Input,
  /** Written where it lies. */
  Output,
  /** A tile of scratch memory. */
  Tile,
  /** One element for all. */
  Scalar,
  Literal,
  /** A strided input, copied into a tile. */
  Gathered,
}

/**
 * Words: elements, elements of a tile, entries, instructions, gathers that are the same for every tile, other gathers,
 * scratch (2), scratch bytes of each part; then the entries (4 each), the instructions (5 each: operation, result,
 * operands), and the gathers (entry, rank, rank × (size, stride)), outermost dimension first.
 *
 * Scratch memory of a part: the table (address, step, advance from tile to tile, unused; 16 bytes an entry), then 64
 * bytes for the odometer, then vectors and tiles at the offsets that the encoder chose.
 */
export function elementwise(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const n = int(args, 0);
  const tile = int(args, 1);
  const tiles = (n + tile - 1) / tile;
  elementwiseRange(args, slots, part, share(tiles, part, parts) * tile, min(share(tiles, part + 1, parts) * tile, n));
  return 0;
}

/** Elements `begin` … `end`−1 of a program whose words are at `args`. Where rows repeat, `begin` is the start of one. */
export function elementwiseRange(args: usize, slots: usize, part: i32, begin: i32, end: i32): void {
  if (begin >= end) return;
  const tile = int(args, 1);
  const entries = int(args, 2);
  const instructions = int(args, 3);
  const repeats = int(args, 4);
  const gathers = int(args, 5);
  const table = ptr(args, 6, slots) + <usize>int(args, 8) * part;
  const odometer = table + (<usize>entries << 4);
  const entryWords = args + 36;
  const program = entryWords + (<usize>entries << 4);
  const repeatWords = program + <usize>instructions * 20;

  for (let e = 0; e < entries; e++) {
    const words = entryWords + (<usize>e << 4);
    const row = table + (<usize>e << 4);
    const scratch = table + load<u32>(words, 12);
    const kind = load<i32>(words);
    if (kind == Kind.Input || kind == Kind.Output) {
      setEntry(row, ptr(words, 1, slots) + (<usize>begin << 2), 16, tile << 2);
    } else if (kind == Kind.Scalar || kind == Kind.Literal) {
      v128.store(scratch, i32x4.splat(kind == Kind.Literal ? int(words, 1) : load<i32>(ptr(words, 1, slots))));
      setEntry(row, scratch, 0, 0);
    } else setEntry(row, scratch, 16, 0);
  }

  let at = begin;
  const gatherWords = gatherAll(repeatWords, repeats, entryWords, table, slots, odometer, begin, min(end - begin, tile));
  for (; at + 4 <= end; at += tile) {
    const count = min(end - at, tile) & ~3;
    gatherAll(gatherWords, gathers, entryWords, table, slots, odometer, at, count);
    execute(program, instructions, table, <usize>count << 2);
    // After the last, whole tile or not, the addresses stand at the first element that is left.
    const advance = count == tile;
    for (let e = 0; e < entries; e++) {
      const row = table + (<usize>e << 4);
      if (load<u32>(row, 8)) store<u32>(row, load<u32>(row) + (advance ? load<u32>(row, 8) : <u32>count << 2));
    }
    if (!advance) {
      at += count;
      break;
    }
  }
  if (at < end) {
    // One to three elements are left: through the scratch memory, so that nothing past the end is read or written.
    const count = end - at;
    for (let e = 0; e < entries; e++) {
      const words = entryWords + (<usize>e << 4);
      const row = table + (<usize>e << 4);
      if (load<i32>(words) > Kind.Output) continue;
      const outside = load<u32>(row);
      const inside = table + load<u32>(words, 12);
      if (load<i32>(words) == Kind.Input) v128.store(inside, loadPart(outside, count, zero()));
      store<u32>(row, outside, 12);
      store<u32>(row, <u32>inside);
    }
    gatherAll(repeatWords, repeats + gathers, entryWords, table, slots, odometer, at, count);
    execute(program, instructions, table, 16);
    for (let e = 0; e < entries; e++) {
      const row = table + (<usize>e << 4);
      if (load<i32>(entryWords + (<usize>e << 4)) == Kind.Output) storePart(load<u32>(row, 12), v128.load(load<u32>(row)), count);
    }
  }
}

/** A row of the table: address, bytes to the next vector, bytes to the next tile. */
// @ts-ignore: decorator
@inline
function setEntry(row: usize, address: usize, step: u32, advance: u32): void {
  store<u32>(row, <u32>address);
  store<u32>(row, step, 4);
  store<u32>(row, advance, 8);
}

/** Copies elements `at` … `at + count − 1` of each strided input into its tile. Returns where the next gather's words are. */
function gatherAll(words: usize, gathers: i32, entryWords: usize, table: usize, slots: usize, odometer: usize, at: i32, count: i32): usize {
  for (let g = 0; g < gathers; g++) {
    const entry = <usize>load<i32>(words) << 4;
    const rank = load<i32>(words, 4);
    gather(load<u32>(table + entry), ptr(entryWords + entry, 1, slots), rank, words + 8, odometer, at, count);
    words += 8 + (<usize>rank << 3);
  }
  return words;
}

/** Operations, in the order of `OPERATIONS` in src/encoders/elementwise.ts. */
const enum Op {
  Move,
  Neg, Abs, Sign, Floor, Ceil, Sqrt, Exp, Log, Sin, Cos, Tanh, Erf,
  Add, Sub, Mul, Div, Pow, Maximum, Minimum,
  Equal, NotEqual, Less, LessEqual,
  IntNeg, IntAbs, IntSign, IntAdd, IntSub, IntMul, IntMaximum, IntMinimum,
  IntEqual, IntNotEqual, IntLess, IntLessEqual,
  And, Or, Not, Select,
  FloatToInt, FloatToBool, IntToFloat, IntToBool, UnitInterval,
  Gelu, GeluBackward, GeluTanh, GeluTanhBackward, Silu, SiluBackward, Sigmoid,
}

/** Runs a program over one tile of `bytes` bytes, a multiple of 16. Operands are offsets in the table. */
function execute(program: usize, instructions: i32, table: usize, bytes: usize): void {
  const end = program + <usize>instructions * 20;
  for (let i = program; i < end; i += 20) {
    const y: usize = load<u32>(table + load<u32>(i, 4));
    const to = y + bytes;
    const a = table + load<u32>(i, 8);
    const b = table + load<u32>(i, 12);
    switch (load<i32>(i)) {
      case Op.Move: unary<Move>(y, to, a); break;
      case Op.Neg: unary<Neg>(y, to, a); break;
      case Op.Abs: unary<Abs>(y, to, a); break;
      case Op.Sign: unary<Sign>(y, to, a); break;
      case Op.Floor: unary<Floor>(y, to, a); break;
      case Op.Ceil: unary<Ceil>(y, to, a); break;
      case Op.Sqrt: unary<Sqrt>(y, to, a); break;
      case Op.Exp: unary<Exp>(y, to, a); break;
      case Op.Log: unary<Log>(y, to, a); break;
      case Op.Sin: unary<Sin>(y, to, a); break;
      case Op.Cos: unary<Cos>(y, to, a); break;
      case Op.Tanh: unary<Tanh>(y, to, a); break;
      case Op.Erf: unary<Erf>(y, to, a); break;
      case Op.Add: binary<Add>(y, to, a, b); break;
      case Op.Sub: binary<Sub>(y, to, a, b); break;
      case Op.Mul: binary<Mul>(y, to, a, b); break;
      case Op.Div: binary<Div>(y, to, a, b); break;
      case Op.Pow: binary<Pow>(y, to, a, b); break;
      case Op.Maximum: binary<Maximum>(y, to, a, b); break;
      case Op.Minimum: binary<Minimum>(y, to, a, b); break;
      case Op.Equal: binary<Equal>(y, to, a, b); break;
      case Op.NotEqual: binary<NotEqual>(y, to, a, b); break;
      case Op.Less: binary<Less>(y, to, a, b); break;
      case Op.LessEqual: binary<LessEqual>(y, to, a, b); break;
      case Op.IntNeg: unary<IntNeg>(y, to, a); break;
      case Op.IntAbs: unary<IntAbs>(y, to, a); break;
      case Op.IntSign: unary<IntSign>(y, to, a); break;
      case Op.IntAdd: binary<IntAdd>(y, to, a, b); break;
      case Op.IntSub: binary<IntSub>(y, to, a, b); break;
      case Op.IntMul: binary<IntMul>(y, to, a, b); break;
      case Op.IntMaximum: binary<IntMaximum>(y, to, a, b); break;
      case Op.IntMinimum: binary<IntMinimum>(y, to, a, b); break;
      case Op.IntEqual: binary<IntEqual>(y, to, a, b); break;
      case Op.IntNotEqual: binary<IntNotEqual>(y, to, a, b); break;
      case Op.IntLess: binary<IntLess>(y, to, a, b); break;
      case Op.IntLessEqual: binary<IntLessEqual>(y, to, a, b); break;
      case Op.And: binary<And>(y, to, a, b); break;
      case Op.Or: binary<Or>(y, to, a, b); break;
      case Op.Not: unary<Not>(y, to, a); break;
      case Op.Select: select4(y, to, a, b, table + load<u32>(i, 16)); break;
      case Op.FloatToInt: unary<FloatToInt>(y, to, a); break;
      case Op.FloatToBool: unary<FloatToBool>(y, to, a); break;
      case Op.IntToFloat: unary<IntToFloat>(y, to, a); break;
      case Op.IntToBool: unary<IntToBool>(y, to, a); break;
      case Op.UnitInterval: unary<UnitInterval>(y, to, a); break;
      case Op.Gelu: unary<Gelu>(y, to, a); break;
      case Op.GeluBackward: binary<GeluBackward>(y, to, a, b); break;
      case Op.GeluTanh: unary<GeluTanh>(y, to, a); break;
      case Op.GeluTanhBackward: binary<GeluTanhBackward>(y, to, a, b); break;
      case Op.Silu: unary<Silu>(y, to, a); break;
      case Op.SiluBackward: binary<SiluBackward>(y, to, a, b); break;
      case Op.Sigmoid: unary<Sigmoid>(y, to, a); break;
    }
  }
}

/** y = T(a) from address `y` up to `to`; `a` is a row of the table. */
function unary<T>(y: usize, to: usize, a: usize): void {
  const f = changetype<T>(0);
  const step: usize = load<u32>(a, 4);
  let p: usize = load<u32>(a);
  // Two vectors in each turn, both loaded before either is stored: an operand may be the result's own tile.
  for (; y + 32 <= to; y += 32) {
    const first = f.apply(v128.load(p));
    const second = f.apply(v128.load(p + step));
    v128.store(y, first);
    v128.store(y, second, 16);
    p += step << 1;
  }
  if (y < to) v128.store(y, f.apply(v128.load(p)));
}

function binary<T>(y: usize, to: usize, a: usize, b: usize): void {
  const f = changetype<T>(0);
  const stepA: usize = load<u32>(a, 4);
  const stepB: usize = load<u32>(b, 4);
  let p: usize = load<u32>(a);
  let q: usize = load<u32>(b);
  for (; y + 32 <= to; y += 32) {
    const first = f.apply(v128.load(p), v128.load(q));
    const second = f.apply(v128.load(p + stepA), v128.load(q + stepB));
    v128.store(y, first);
    v128.store(y, second, 16);
    p += stepA << 1;
    q += stepB << 1;
  }
  if (y < to) v128.store(y, f.apply(v128.load(p), v128.load(q)));
}

function select4(y: usize, to: usize, a: usize, b: usize, c: usize): void {
  const stepA: usize = load<u32>(a, 4);
  const stepB: usize = load<u32>(b, 4);
  const stepC: usize = load<u32>(c, 4);
  let p: usize = load<u32>(a);
  let q: usize = load<u32>(b);
  let r: usize = load<u32>(c);
  for (; y < to; y += 16) {
    v128.store(y, v128.bitselect(v128.load(q), v128.load(r), i32x4.ne(v128.load(p), zero())));
    p += stepA;
    q += stepB;
    r += stepC;
  }
}

/** 1 where the mask is set. */
// @ts-ignore: decorator
@inline
function truth(mask: v128): v128 {
  return i32x4.shr_u(mask, 31);
}

// The operations. Each is inlined into a loop of its own; the objects never exist.
@unmanaged class Move { @inline apply(x: v128): v128 { return x; } }
@unmanaged class Neg { @inline apply(x: v128): v128 { return f32x4.neg(x); } }
@unmanaged class Abs { @inline apply(x: v128): v128 { return f32x4.abs(x); } }
@unmanaged class Sign {
  @inline apply(x: v128): v128 {
    const one = v128.or(v128.and(x, i32x4.splat(0x80000000)), f32x4.splat(1));
    return v128.bitselect(one, x, f32x4.gt(f32x4.abs(x), zero())); // ±0 and NaN stay
  }
}
@unmanaged class Floor { @inline apply(x: v128): v128 { return f32x4.floor(x); } }
@unmanaged class Ceil { @inline apply(x: v128): v128 { return f32x4.ceil(x); } }
@unmanaged class Sqrt { @inline apply(x: v128): v128 { return f32x4.sqrt(x); } }
@unmanaged class Exp { @inline apply(x: v128): v128 { return math.exp4(x); } }
@unmanaged class Log { @inline apply(x: v128): v128 { return math.log4(x); } }
@unmanaged class Sin { @inline apply(x: v128): v128 { return math.sin4(x); } }
@unmanaged class Cos { @inline apply(x: v128): v128 { return math.cos4(x); } }
@unmanaged class Tanh { @inline apply(x: v128): v128 { return math.tanh4(x); } }
@unmanaged class Erf { @inline apply(x: v128): v128 { return math.erf4(x); } }
@unmanaged class Add { @inline apply(x: v128, y: v128): v128 { return f32x4.add(x, y); } }
@unmanaged class Sub { @inline apply(x: v128, y: v128): v128 { return f32x4.sub(x, y); } }
@unmanaged class Mul { @inline apply(x: v128, y: v128): v128 { return f32x4.mul(x, y); } }
@unmanaged class Div { @inline apply(x: v128, y: v128): v128 { return f32x4.div(x, y); } }
@unmanaged class Pow { @inline apply(x: v128, y: v128): v128 { return math.pow4(x, y); } }
@unmanaged class Maximum { @inline apply(x: v128, y: v128): v128 { return f32x4.max(x, y); } }
@unmanaged class Minimum { @inline apply(x: v128, y: v128): v128 { return f32x4.min(x, y); } }
@unmanaged class Equal { @inline apply(x: v128, y: v128): v128 { return truth(f32x4.eq(x, y)); } }
@unmanaged class NotEqual { @inline apply(x: v128, y: v128): v128 { return truth(f32x4.ne(x, y)); } }
@unmanaged class Less { @inline apply(x: v128, y: v128): v128 { return truth(f32x4.lt(x, y)); } }
@unmanaged class LessEqual { @inline apply(x: v128, y: v128): v128 { return truth(f32x4.le(x, y)); } }
@unmanaged class IntNeg { @inline apply(x: v128): v128 { return i32x4.neg(x); } }
@unmanaged class IntAbs { @inline apply(x: v128): v128 { return i32x4.abs(x); } }
@unmanaged class IntSign { @inline apply(x: v128): v128 { return i32x4.max_s(i32x4.min_s(x, i32x4.splat(1)), i32x4.splat(-1)); } }
@unmanaged class IntAdd { @inline apply(x: v128, y: v128): v128 { return i32x4.add(x, y); } }
@unmanaged class IntSub { @inline apply(x: v128, y: v128): v128 { return i32x4.sub(x, y); } }
@unmanaged class IntMul { @inline apply(x: v128, y: v128): v128 { return i32x4.mul(x, y); } }
@unmanaged class IntMaximum { @inline apply(x: v128, y: v128): v128 { return i32x4.max_s(x, y); } }
@unmanaged class IntMinimum { @inline apply(x: v128, y: v128): v128 { return i32x4.min_s(x, y); } }
@unmanaged class IntEqual { @inline apply(x: v128, y: v128): v128 { return truth(i32x4.eq(x, y)); } }
@unmanaged class IntNotEqual { @inline apply(x: v128, y: v128): v128 { return truth(i32x4.ne(x, y)); } }
@unmanaged class IntLess { @inline apply(x: v128, y: v128): v128 { return truth(i32x4.lt_s(x, y)); } }
@unmanaged class IntLessEqual { @inline apply(x: v128, y: v128): v128 { return truth(i32x4.le_s(x, y)); } }
@unmanaged class And { @inline apply(x: v128, y: v128): v128 { return v128.and(x, y); } }
@unmanaged class Or { @inline apply(x: v128, y: v128): v128 { return v128.or(x, y); } }
@unmanaged class Not { @inline apply(x: v128): v128 { return v128.xor(x, i32x4.splat(1)); } }
@unmanaged class FloatToInt { @inline apply(x: v128): v128 { return i32x4.trunc_sat_f32x4_s(x); } }
@unmanaged class FloatToBool { @inline apply(x: v128): v128 { return truth(f32x4.ne(x, zero())); } }
@unmanaged class IntToFloat { @inline apply(x: v128): v128 { return f32x4.convert_i32x4_s(x); } }
@unmanaged class IntToBool { @inline apply(x: v128): v128 { return truth(i32x4.ne(x, zero())); } }
@unmanaged class UnitInterval {
  @inline apply(x: v128): v128 {
    return f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(x, 8)), f32x4.splat(5.9604644775390625e-8)); // 2⁻²⁴
  }
}
@unmanaged class Gelu { @inline apply(x: v128): v128 { return math.gelu4(x); } }
@unmanaged class GeluBackward { @inline apply(x: v128, dy: v128): v128 { return f32x4.mul(dy, math.geluSlope4(x)); } }
@unmanaged class GeluTanh { @inline apply(x: v128): v128 { return math.geluTanh4(x); } }
@unmanaged class GeluTanhBackward { @inline apply(x: v128, dy: v128): v128 { return f32x4.mul(dy, math.geluTanhSlope4(x)); } }
@unmanaged class Silu { @inline apply(x: v128): v128 { return math.silu4(x); } }
@unmanaged class SiluBackward { @inline apply(x: v128, dy: v128): v128 { return f32x4.mul(dy, math.siluSlope4(x)); } }
@unmanaged class Sigmoid { @inline apply(x: v128): v128 { return math.sigmoid4(x); } }
