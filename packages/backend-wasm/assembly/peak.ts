import { madd } from './simd';

/** Where the result goes, so that the loop is not taken for idle: a word of the host's that nothing reads. */
const SINK: usize = 2368;

/** −1, so that nothing grows or decays into denormals; from memory, so that the compiler does not know it. */
const FACTOR = memory.data<f32>([-1, 0.002]);

/**
 * Twelve independent chains of multiply-adds, on registers alone: the most that 128-bit arithmetic can do here. Two units
 * with a latency of four cycles need eight chains; some more hide the rest. Gives back the number of operations.
 */
export function peak(turns: i32): f64 {
  const a = v128.load32_splat(FACTOR);
  const b = v128.load32_splat(FACTOR, 4);
  let c0 = f32x4.splat(0.1);
  let c1 = f32x4.splat(0.2);
  let c2 = f32x4.splat(0.3);
  let c3 = f32x4.splat(0.4);
  let c4 = f32x4.splat(0.5);
  let c5 = f32x4.splat(0.6);
  let c6 = f32x4.splat(0.7);
  let c7 = f32x4.splat(0.8);
  let c8 = f32x4.splat(0.9);
  let c9 = f32x4.splat(1.0);
  let c10 = f32x4.splat(1.1);
  let c11 = f32x4.splat(1.2);
  for (let i = 0; i < turns; i++) {
    c0 = madd(a, b, c0);
    c1 = madd(a, b, c1);
    c2 = madd(a, b, c2);
    c3 = madd(a, b, c3);
    c4 = madd(a, b, c4);
    c5 = madd(a, b, c5);
    c6 = madd(a, b, c6);
    c7 = madd(a, b, c7);
    c8 = madd(a, b, c8);
    c9 = madd(a, b, c9);
    c10 = madd(a, b, c10);
    c11 = madd(a, b, c11);
  }
  const low = f32x4.add(f32x4.add(f32x4.add(c0, c1), f32x4.add(c2, c3)), f32x4.add(c4, c5));
  const high = f32x4.add(f32x4.add(f32x4.add(c6, c7), f32x4.add(c8, c9)), f32x4.add(c10, c11));
  v128.store(SINK, f32x4.add(low, high));
  return <f64>turns * 12 * 4 * 2;
}
