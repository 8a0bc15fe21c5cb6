/**
 * Philox 4×32-10 (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"). Element e is word
 * e mod 4 of the block with counter (⌊e/4⌋, site, step, micro-batch) and key (seed low, seed high): a contract on disk.
 */
import { float, int, ptr, share } from './abi';
import { loadPart, storePart, zero } from './rows';

// In memory for the reason given in math.ts.
const MULTIPLIER_0 = memory.data<u32>([0xd2511f53]);
const MULTIPLIER_1 = memory.data<u32>([0xcd9e8d57]);
const WEYL_0 = memory.data<u32>([0x9e3779b9]);
const WEYL_1 = memory.data<u32>([0xbb67ae85]);
const TWO_TO_MINUS_24 = memory.data<f32>([5.9604644775390625e-8]);

// The sixteen words of four blocks, in the order of elements; an instance runs one walker, so globals serve as results.
let words0: v128 = i32x4.splat(0);
let words1: v128 = i32x4.splat(0);
let words2: v128 = i32x4.splat(0);
let words3: v128 = i32x4.splat(0);

/** Blocks `block` … `block + 3`. `state` is seed low, seed high, step, micro-batch. */
// @ts-ignore: decorator
@inline
function philox(block: u32, site: u32, state: usize): void {
  let c0 = i32x4.add(i32x4.splat(block), i32x4(0, 1, 2, 3));
  let c1 = i32x4.splat(site);
  let c2 = v128.load32_splat(state + 8);
  let c3 = v128.load32_splat(state + 12);
  let k0 = v128.load32_splat(state);
  let k1 = v128.load32_splat(state + 4);
  const m0 = v128.load32_splat(MULTIPLIER_0);
  const m1 = v128.load32_splat(MULTIPLIER_1);
  for (let round = 0; round < 10; round++) {
    const a = i64x2.extmul_low_i32x4_u(c0, m0);
    const b = i64x2.extmul_high_i32x4_u(c0, m0);
    const c = i64x2.extmul_low_i32x4_u(c2, m1);
    const d = i64x2.extmul_high_i32x4_u(c2, m1);
    c0 = v128.xor(v128.xor(v128.shuffle<i32>(c, d, 1, 3, 5, 7), c1), k0);
    c1 = v128.shuffle<i32>(c, d, 0, 2, 4, 6);
    c2 = v128.xor(v128.xor(v128.shuffle<i32>(a, b, 1, 3, 5, 7), c3), k1);
    c3 = v128.shuffle<i32>(a, b, 0, 2, 4, 6);
    k0 = i32x4.add(k0, v128.load32_splat(WEYL_0));
    k1 = i32x4.add(k1, v128.load32_splat(WEYL_1));
  }
  // Lane i of c0 … c3 is block i: transpose.
  const low01 = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5);
  const high01 = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7);
  const low23 = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5);
  const high23 = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7);
  words0 = v128.shuffle<i64>(low01, low23, 0, 2);
  words1 = v128.shuffle<i64>(low01, low23, 1, 3);
  words2 = v128.shuffle<i64>(high01, high23, 0, 2);
  words3 = v128.shuffle<i64>(high01, high23, 1, 3);
}

/** Words: state (2), y (2), elements, site. */
export function random(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const state = ptr(args, 0, slots);
  const y = ptr(args, 2, slots);
  const n = int(args, 4);
  const groups = (n + 15) >> 4;
  const end = share(groups, part + 1, parts);
  for (let group = share(groups, part, parts); group < end; group++) {
    philox(group << 2, int(args, 5), state);
    const at = y + (<usize>group << 6);
    const left = n - (group << 4);
    storeUpTo(at, words0, left);
    storeUpTo(at + 16, words1, left - 4);
    storeUpTo(at + 32, words2, left - 8);
    storeUpTo(at + 48, words3, left - 12);
  }
  return 0;
}

// @ts-ignore: decorator
@inline
function storeUpTo(p: usize, v: v128, count: i32): void {
  if (count >= 4) v128.store(p, v);
  else if (count > 0) storePart(p, v, count);
}

/** y = x / (1 − rate) where the word's upper 24 bits · 2⁻²⁴ < 1 − rate, else 0. Words: x (2), state (2), y (2), elements, site, 1 − rate. */
export function dropout(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const x = ptr(args, 0, slots);
  const state = ptr(args, 2, slots);
  const y = ptr(args, 4, slots);
  const n = int(args, 6);
  const keep = f32x4.splat(float(args, 8));
  const groups = (n + 15) >> 4;
  const end = share(groups, part + 1, parts);
  for (let group = share(groups, part, parts); group < end; group++) {
    philox(group << 2, int(args, 7), state);
    const at = <usize>group << 6;
    const left = n - (group << 4);
    dropUpTo(x + at, y + at, words0, keep, left);
    dropUpTo(x + at + 16, y + at + 16, words1, keep, left - 4);
    dropUpTo(x + at + 32, y + at + 32, words2, keep, left - 8);
    dropUpTo(x + at + 48, y + at + 48, words3, keep, left - 12);
  }
  return 0;
}

// @ts-ignore: decorator
@inline
function dropUpTo(x: usize, y: usize, words: v128, keep: v128, count: i32): void {
  const u = f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_u(words, 8)), v128.load32_splat(TWO_TO_MINUS_24));
  const kept = f32x4.lt(u, keep);
  if (count >= 4) v128.store(y, v128.and(f32x4.div(v128.load(x), keep), kept));
  else if (count > 0) storePart(y, v128.and(f32x4.div(loadPart(x, count, zero()), keep), kept), count);
}
