import {
  arange,
  scaledDotProductAttention,
  ShapeError,
  type Tensor,
  Variable,
  withPath,
  writeAt,
  zeros,
} from '@qkv/tensor';

export interface KeyValueCacheOptions {
  /** Number of sequences, B. */
  readonly rows: number;
  /** Most positions that it can hold. */
  readonly length: number;
  readonly heads: number;
  /** Size of a key of one head. */
  readonly keySize: number;
  /** Size of a value of one head; the keys' by default. */
  readonly valueSize?: number;
  /** For errors. */
  readonly name?: string;
}

/** (B, L, H, Dh) → (B, H, Dh, L) */
const KEY_AXES = [0, 2, 3, 1];

/**
 * The keys and values of positions seen so far. Where things lie is its own affair; the length is fixed and the position
 * is data, so decoding any number of tokens is one plan. Used inside `run` or `compile`, like all Variables.
 */
export class KeyValueCache {
  readonly length: number;
  readonly #name: string;
  readonly #keys: Variable;
  readonly #values: Variable;

  constructor({ rows, length, heads, keySize, valueSize = keySize, name = 'cache' }: KeyValueCacheOptions) {
    const store = (kind: string, shape: number[]): Variable =>
      new Variable({ shape, initialize: () => zeros(shape), name: `${name}.${kind}` });
    this.length = length;
    this.#name = name;
    // Neighbouring keys side by side: one query meets many of them at a time.
    this.#keys = store('keys', [rows, heads, keySize, length]);
    this.#values = store('values', [rows, length, heads, valueSize]);
  }

  /**
   * Puts keys and values of one more position, (B, 1, H, Dh), at `position`, an int32 scalar. Past the end the run fails,
   * before anything is written.
   */
  append(keys: Tensor, values: Tensor, position: Tensor): void {
    const positions = arange(this.length); // (L)
    // The position is data, which only a kernel can check: row p of 0 … L−1 is p, and there are no others.
    const checked = withPath(`KeyValueCache.append: position in '${this.#name}', which holds ${this.length}`, () =>
      positions.gather(position),
    );
    for (const next of [keys, values]) {
      if (next.shape[1] !== 1) {
        throw new ShapeError(
          `KeyValueCache.append: takes one position at a time, (B, 1, H, Dh), got [${next.shape.join(', ')}]`,
        );
      }
    }
    this.#keys.assign(writeAt(this.#keys.value, keys.permute(KEY_AXES), checked, 3));
    this.#values.assign(writeAt(this.#values.value, values, checked, 1));
  }

  /** Puts keys and values of all positions at once, (B, L, H, Dh). */
  fill(keys: Tensor, values: Tensor): void {
    this.#keys.assign(keys.permute(KEY_AXES));
    this.#values.assign(values);
  }

  /**
   * Attention of queries (B, T, H, Dh) to the positions up to `position`, or to all of them; a mask, broadcastable to
   * (B, H, T, L), says which of those. → (B, T, H, Dv)
   */
  attend(query: Tensor, { position, mask }: { position?: Tensor; mask?: Tensor } = {}): Tensor {
    let may = mask;
    if (position !== undefined) {
      const seen = arange(this.length).lessEqual(position).reshape([1, 1, 1, this.length]);
      may = mask === undefined ? seen : mask.and(seen);
    }
    const keys = this.#keys.value.permute([0, 3, 1, 2]); // (B, L, H, Dh)
    return scaledDotProductAttention(query, keys, this.#values.value, { mask: may }).output;
  }

  /** Row b continues from row `parents[b]`, int32 (B): what beam search needs. */
  reorder(parents: Tensor): void {
    for (const variable of this.variables()) variable.assign(variable.value.gather(parents));
  }

  variables(): Variable[] {
    return [this.#keys, this.#values];
  }

  /** Gives the memory back. */
  release(): void {
    for (const variable of this.variables()) variable.release();
  }
}
