import { ERRORS } from './errors';
import { madd } from './simd';

export { peak } from './peak';
export { run, work } from './walk';

/** First byte that the host may hand out. */
export function heapBase(): usize {
  return (__heap_base + 63) & ~63;
}

/** Address of the error records. */
export function errors(): usize {
  return ERRORS;
}

/** Whether `madd` rounds once: relaxed SIMD leaves that to the processor. */
export function fused(x: f32): bool {
  const a = f32x4.splat(x); // 1 + 2⁻²³: its square needs 47 bits
  const square = f32x4.mul(a, a);
  return f32x4.extract_lane(madd(a, a, f32x4.neg(square)), 0) != 0;
}
