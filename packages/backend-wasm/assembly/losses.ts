/** Cross-entropy of rows of C logits, with label smoothing ε and an ignored target. */
import { float, int, ptr, share } from './abi';
import { fail } from './errors';
import { exp4, log4 } from './math';
import { Identity, loadPart, storePart, sumRow, zero } from './rows';
import { Exponential, shiftOf } from './softmax';

/**
 * lse = log Σ eˣ; loss = (1 − ε)(lse − xₜ) + ε(lse − mean x), 0 where the target is ignored.
 * Words: x (2), targets (2), loss (2), lse (2), rows, C, ε, ignored target. A target outside 0 … C−1 fails with (1, target, row).
 */
export function crossEntropy(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const rows = int(args, 8);
  const n = int(args, 9);
  const smoothing = float(args, 10);
  const ignored = int(args, 11);
  const end = share(rows, part + 1, parts);
  for (let row = share(rows, part, parts); row < end; row++) {
    const x = ptr(args, 0, slots) + (<usize>row * n << 2);
    const target = load<i32>(ptr(args, 2, slots) + (<usize>row << 2));
    if (target != ignored && <u32>target >= <u32>n) return fail(1, target, row);
    const shift = shiftOf(x, n);
    const sum = sumRow<Exponential>(x, n, f32x4.splat(shift));
    const logSum = f32x4.extract_lane(log4(f32x4.splat(sum)), 0);
    store<f32>(ptr(args, 6, slots) + (<usize>row << 2), shift + logSum);
    let loss: f32 = 0;
    if (target != ignored) {
      // Differences to the shift first: lse itself has already been rounded.
      loss = logSum - (load<f32>(x + (<usize>target << 2)) - shift);
      if (smoothing != 0) {
        const mean = sumRow<Identity>(x, n, zero()) / <f32>n;
        loss = (1 - smoothing) * loss + smoothing * (logSum - (mean - shift));
      }
    }
    store<f32>(ptr(args, 4, slots) + (<usize>row << 2), loss);
  }
  return 0;
}

/**
 * dx = dloss·(e^(x − lse) − (1 − ε)·[t] − ε/C), 0 in ignored rows.
 * Words: x (2), targets (2), lse (2), dloss (2), dx (2), rows, C, ε, ignored target.
 */
export function crossEntropyBackward(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const rows = int(args, 10);
  const n = int(args, 11);
  const smoothing = float(args, 12);
  const ignored = int(args, 13);
  const floor = f32x4.splat(smoothing / <f32>n);
  const end = share(rows, part + 1, parts);
  for (let row = share(rows, part, parts); row < end; row++) {
    let x = ptr(args, 0, slots) + (<usize>row * n << 2);
    let dx = ptr(args, 8, slots) + (<usize>row * n << 2);
    const at = <usize>row << 2;
    const target = load<i32>(ptr(args, 2, slots) + at);
    if (target == ignored) {
      memory.fill(dx, 0, <usize>n << 2);
      continue;
    }
    if (<u32>target >= <u32>n) return fail(1, target, row);
    const lse = v128.load32_splat(ptr(args, 4, slots) + at);
    const weight = load<f32>(ptr(args, 6, slots) + at);
    const w = f32x4.splat(weight);
    const hit = dx + (<usize>target << 2);
    const other = f32x4.sub(exp4(f32x4.sub(v128.load32_splat(x + (<usize>target << 2)), lse)), floor);
    const atTarget = weight * (f32x4.extract_lane(other, 0) - (1 - smoothing));
    const wide = x + (<usize>(n & ~3) << 2);
    for (; x < wide; x += 16, dx += 16) v128.store(dx, f32x4.mul(w, f32x4.sub(exp4(f32x4.sub(v128.load(x), lse)), floor)));
    const rest = n & 3;
    if (rest) storePart(dx, f32x4.mul(w, f32x4.sub(exp4(f32x4.sub(loadPart(x, rest, zero()), lse)), floor)), rest);
    store<f32>(hit, atTarget);
  }
  return 0;
}
