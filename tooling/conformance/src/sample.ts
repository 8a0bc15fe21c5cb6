import type { DType, HostData, Shape, Tensor } from '@qkv/tensor';

/** Pseudo-random choices for tests: a linear congruential generator, the same on every host. */
export class Sampler {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
    this.word();
  }

  /** 32 bits; the low bits of the state are mixed, for they have short periods. */
  word(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    const mixed = Math.imul(this.#state ^ (this.#state >>> 15), 0x2c1b3c6d);
    return (mixed ^ (mixed >>> 12)) >>> 0;
  }

  uniform(low = 0, high = 1): number {
    return low + (this.word() / 2 ** 32) * (high - low);
  }

  /** `low` … `high`, both included. */
  integer(low: number, high: number): number {
    return low + (this.word() % (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.integer(0, list.length - 1)];
  }

  shuffled<T>(list: readonly T[]): T[] {
    const out = [...list];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.integer(0, i);
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  }

  floats(count: number, low = -2, high = 2): Float32Array {
    return Float32Array.from({ length: count }, () => this.uniform(low, high));
  }
}

/** A tensor that a trial starts from. */
export interface Given {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: HostData;
}

export const sizeOf = (shape: Shape): number => shape.reduce((product, n) => product * n, 1);

export function given(shape: Shape, data: HostData): Given {
  const dtype = data instanceof Int32Array ? 'int32' : data instanceof Uint8Array ? 'bool' : 'float32';
  return { shape, dtype, data };
}

export const floats = (random: Sampler, shape: Shape, low?: number, high?: number): Given =>
  given(shape, random.floats(sizeOf(shape), low, high));

export const bools = (random: Sampler, shape: Shape, probability = 0.5): Given =>
  given(
    shape,
    Uint8Array.from({ length: sizeOf(shape) }, () => Number(random.chance(probability))),
  );

/** Integers, `low` … `high`, both included. */
export const integers = (random: Sampler, shape: Shape, low: number, high: number): Given =>
  given(
    shape,
    Int32Array.from({ length: sizeOf(shape) }, () => random.integer(low, high)),
  );

const SIZES = [1, 1, 2, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33];

/** Ranks 0 … 4 with sizes around the width of a vector; now and then a dimension of size 0, or a very long one. */
export function anyShape(random: Sampler, ranks: readonly number[] = [0, 1, 2, 2, 3, 4]): number[] {
  if (ranks.includes(1) && random.chance(0.03)) return [random.integer(4000, 9000)];
  const shape = Array.from({ length: random.pick(ranks) }, () => random.pick(SIZES));
  while (sizeOf(shape) > 4000) shape[random.integer(0, shape.length - 1)] = random.pick([1, 2, 3]);
  if (shape.length > 0 && random.chance(0.06)) shape[random.integer(0, shape.length - 1)] = 0;
  return shape;
}

/** A shape that broadcasts to `shape`. */
export function broadcastable(random: Sampler, shape: Shape): number[] {
  if (random.chance(0.4)) return [...shape];
  const cut = random.chance(0.5) ? random.integer(0, shape.length) : 0;
  return shape.slice(cut).map((size) => (random.chance(0.35) ? 1 : size));
}

export type View = (x: Tensor) => Tensor;

/** A base shape and the permutations, slices, expansions and reshapes that lead from it to `shape`: a strided operand. */
export function strided(random: Sampler, shape: Shape, { expand = true } = {}): { base: number[]; view: View } {
  let base = [...shape];
  let view: View = (x) => x;
  const before = (shapeBefore: number[], step: View): void => {
    const rest = view;
    view = (x) => rest(step(x));
    base = shapeBefore;
  };
  for (let n = random.pick([0, 1, 1, 2, 3]); n > 0 && base.length > 0; n--) {
    const to = [...base];
    const kind = random.pick(['permute', 'permute', 'slice', 'slice', 'expand', 'reshape']);
    if (kind === 'permute') {
      const axes = random.shuffled([...to.keys()]);
      const from = new Array<number>(to.length);
      axes.forEach((axis, i) => (from[axis] = to[i]));
      before(from, (x) => x.permute(axes));
    } else if (kind === 'slice') {
      const start = to.map(() => random.pick([0, 0, 1, 2]));
      const from = to.map((size, d) => start[d] + size + random.pick([0, 0, 1, 3]));
      if (sizeOf(from) <= 20_000) before(from, (x) => x.slice(start, to));
    } else if (kind === 'expand' && expand) {
      const axis = random.integer(0, to.length - 1);
      before(
        to.map((size, d) => (d === axis ? 1 : size)),
        (x) => x.expand(to),
      );
    } else if (kind === 'reshape') {
      const axis = random.integer(0, to.length - 1);
      const rest = to.slice(axis + 2);
      before([...to.slice(0, axis), to[axis] * (to[axis + 1] ?? 1), ...rest], (x) => x.reshape(to));
    }
  }
  return { base, view };
}
