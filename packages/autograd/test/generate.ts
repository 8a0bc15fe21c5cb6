import { constant, createReferenceBackend, Engine, type Shape, type Tensor } from '@qkv/tensor';

/** A generator for tests: reproducible, and independent of what is tested (mulberry32). */
export class Generator {
  constructor(private state: number) {}

  /** In [0, 1). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)];
  }

  shuffled<T>(items: readonly T[]): T[] {
    const out = [...items];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.integer(0, i);
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  }

  /** Rank 0 to `maxRank`; sizes 1 and 0 occur often enough. */
  shape(maxRank = 3, minRank = 0): number[] {
    return Array.from({ length: this.integer(minRank, maxRank) }, () => this.pick([0, 1, 1, 2, 2, 3, 3]));
  }

  /** Something that broadcasts to `shape`: leading dimensions left out, others of size 1. */
  narrowed(shape: Shape): number[] {
    const kept = shape.slice(this.integer(0, shape.length));
    return kept.map((size) => (this.next() < 0.35 ? 1 : size));
  }

  /** Doubles, none closer to another than 0.4 (high − low)/n: no ties, and nothing near a kink between two of them. */
  values(shape: Shape, low = -1.5, high = 1.5): Tensor {
    const count = shape.reduce((product, size) => product * size, 1);
    const gap = (high - low) / Math.max(1, count);
    const grid = Array.from({ length: count }, (_, i) => low + gap * (i + 0.2 + 0.6 * this.next()));
    return constant(Float64Array.from(this.shuffled(grid)), shape);
  }

  /** Of both signs, at least 0.4 away from 0. */
  awayFromZero(shape: Shape): Tensor {
    const count = shape.reduce((product, size) => product * size, 1);
    const data = Float64Array.from({ length: count }, () => (this.next() < 0.5 ? -1 : 1) * (0.4 + this.next()));
    return constant(data, shape);
  }

  ids(shape: Shape, rows: number): Tensor {
    const count = shape.reduce((product, size) => product * size, 1);
    return constant(
      Int32Array.from({ length: count }, () => this.integer(0, rows - 1)),
      shape,
    );
  }

  flags(shape: Shape): Tensor {
    const count = shape.reduce((product, size) => product * size, 1);
    return constant(
      Uint8Array.from({ length: count }, () => this.integer(0, 1)),
      shape,
    );
  }
}

/** Where doubles stay doubles. */
export const float64 = (): Engine => new Engine(createReferenceBackend({ precision: 'float64' }));

/** Largest |a − b| / max(1, |a|) over all elements; NaN if there is one. */
export async function largestDifference(
  a: readonly Tensor[],
  b: readonly Tensor[],
  read: (tensors: readonly Tensor[]) => Promise<readonly ArrayLike<number>[]>,
): Promise<number> {
  const [left, right] = [await read(a), await read(b)];
  let largest = 0;
  left.forEach((values, i) => {
    for (let k = 0; k < values.length; k++) {
      const difference = Math.abs(values[k] - right[i][k]) / Math.max(1, Math.abs(values[k]));
      if (!(difference <= largest)) largest = difference;
    }
  });
  return largest;
}
