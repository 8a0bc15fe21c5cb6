import { constant, createReferenceBackend, Engine, run, type Tensor } from '@qkv/tensor';
import fc from 'fast-check';

export const engine = new Engine(createReferenceBackend({ precision: 'float64' }));

/** Numbers of no pattern in [0, 1). */
export const numbers = (count: number, seed: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => ((i + 1) * 0.6180339887498949 * (seed + 1) * 7.3) % 1);

/** What `build` makes, in float64. */
export async function valueOf(build: () => Tensor): Promise<number> {
  return (await run(build, { engine })).item();
}

export const int = (ids: readonly number[], shape: readonly number[]): Tensor => constant(Int32Array.from(ids), shape);

/** Draws shapes, the same ones each time. */
export function forAll(
  check: (shape: { B: number; H: number; T: number; S: number; seed: number }) => Promise<void>,
): Promise<void> {
  const size = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
  const shapes = fc.record({ B: size(3), H: size(3), T: size(6), S: size(6), seed: fc.integer({ min: 0, max: 99 }) });
  return fc.assert(fc.asyncProperty(shapes, check), { numRuns: 20, seed: 6 });
}
