/** AdamW (Loshchilov & Hutter 2019); with `decoupled` 0, Adam with weight decay in the gradient. */
import { float, int, ptr, share } from './abi';
import { loadPart, storePart, zero } from './rows';
import { madd, nmadd } from './simd';

/**
 * g ← g·scale (+ wd·p, if not decoupled); m′ = β₁m + (1 − β₁)g; v′ = β₂v + (1 − β₂)g²;
 * p′ = p·(1 − lr·wd, if decoupled) − (lr / correction₁)·m′ / (√v′ / √correction₂ + ε).
 *
 * Words: p, g, m, v, lr, correction₁, correction₂, scale, p′, m′, v′ (2 each), elements, β₁, 1 − β₁, β₂, 1 − β₂, ε, wd,
 * decoupled. Each vector is read before it is written: the results may lie where the operands are.
 */
export function adamW(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const n = int(args, 22);
  const rate = load<f32>(ptr(args, 8, slots));
  const decay = float(args, 28);
  const decoupled = int(args, 29) != 0;
  const beta1 = f32x4.splat(float(args, 23));
  const rest1 = f32x4.splat(float(args, 24));
  const beta2 = f32x4.splat(float(args, 25));
  const rest2 = f32x4.splat(float(args, 26));
  const epsilon = f32x4.splat(float(args, 27));
  const step = f32x4.splat(rate / load<f32>(ptr(args, 10, slots)));
  const root = f32x4.splat(1 / sqrt<f32>(load<f32>(ptr(args, 12, slots))));
  const scale = v128.load32_splat(ptr(args, 14, slots));
  const keep = f32x4.splat(decoupled ? 1 - rate * decay : 1);
  const pull = f32x4.splat(decoupled ? 0 : decay);

  const vectors = (n + 3) >> 2;
  const first = <usize>share(vectors, part, parts) << 4;
  const end = min(<usize>share(vectors, part + 1, parts) << 4, <usize>(n & ~3) << 2);
  const p = ptr(args, 0, slots);
  const g = ptr(args, 2, slots);
  const m = ptr(args, 4, slots);
  const v = ptr(args, 6, slots);
  const p2 = ptr(args, 16, slots);
  const m2 = ptr(args, 18, slots);
  const v2 = ptr(args, 20, slots);
  let at = first;
  for (; at < end; at += 16) {
    const p0 = v128.load(p + at);
    const gradient = madd(pull, p0, f32x4.mul(v128.load(g + at), scale));
    const m1 = madd(beta1, v128.load(m + at), f32x4.mul(rest1, gradient));
    const v1 = madd(beta2, v128.load(v + at), f32x4.mul(rest2, f32x4.mul(gradient, gradient)));
    v128.store(m2 + at, m1);
    v128.store(v2 + at, v1);
    const quotient = f32x4.div(m1, madd(f32x4.sqrt(v1), root, epsilon));
    v128.store(p2 + at, nmadd(step, quotient, f32x4.mul(p0, keep)));
  }
  const rest = n & 3;
  if (rest && part == parts - 1) {
    const p0 = loadPart(p + at, rest, zero());
    const gradient = madd(pull, p0, f32x4.mul(loadPart(g + at, rest, zero()), scale));
    const m1 = madd(beta1, loadPart(m + at, rest, zero()), f32x4.mul(rest1, gradient));
    const v1 = madd(beta2, loadPart(v + at, rest, zero()), f32x4.mul(rest2, f32x4.mul(gradient, gradient)));
    storePart(m2 + at, m1, rest);
    storePart(v2 + at, v1, rest);
    const quotient = f32x4.div(m1, madd(f32x4.sqrt(v1), root, epsilon));
    storePart(p2 + at, nmadd(step, quotient, f32x4.mul(p0, keep)), rest);
  }
  return 0;
}
