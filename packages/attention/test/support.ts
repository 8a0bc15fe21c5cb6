import { createReferenceBackend, Engine, type HostData, read, tensor, type Tensor } from '@qkv/tensor';

/** Numbers of no pattern in [−1, 1), the same for a seed (mulberry32). */
export function numbers(count: number, seed: number): Float64Array {
  let state = seed;
  return Float64Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 2 ** 31 - 1;
  });
}

export function random(shape: readonly number[], seed: number): Tensor {
  return tensor(
    numbers(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    shape,
  );
}

export const doubles = (): Engine => new Engine(createReferenceBackend({ precision: 'float64' }));

/** Builds outside of a trace, computes on an engine. */
export function on(engine: Engine, ...tensors: Tensor[]): Promise<HostData[]> {
  return read(tensors, { engine });
}

export function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  return Array.from(a).reduce((most, value, i) => {
    const error = Math.abs(value - b[i]);
    return error <= most ? most : error;
  }, 0);
}
