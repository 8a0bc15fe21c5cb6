import { createReferenceBackend, Engine, type Shape } from '@qkv/tensor';

/** Where doubles stay doubles. */
export const float64 = (): Engine => new Engine(createReferenceBackend({ precision: 'float64' }));

/** Numbers in ±1 without pattern, each of its own: fractional parts of multiples of the golden ratio. */
export function numbers(shape: Shape, seed: number): Float64Array {
  const count = shape.reduce((product, size) => product * size, 1);
  return Float64Array.from(
    { length: count },
    (_, i) => 2 * (((i + 1) * 0.6180339887498949 + seed * 0.3247179572447461) % 1) - 1,
  );
}

/** Largest difference of any two elements; NaN if there is one. */
export function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return NaN;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const error = Math.abs(a[i] - b[i]);
    if (!(error <= largest)) largest = error;
  }
  return largest;
}
