import { expectSize } from '@qkv/nn';
import { arange, isTensor, select, ShapeError, type Tensor, Variable, withPath, writeAt, zeros } from '@qkv/tensor';

import { attend, type AttendHeadsOptions } from './attend';
import { type AttentionWindow, causalMask, type Mask } from './masks';

export interface KeyValueCacheOptions {
  /** Number of sequences, B. */
  readonly rows: number;
  /** Most positions that it can hold. */
  readonly length: number;
  /** Hk: heads of keys and values; where they are fewer than the queries', each is kept once. */
  readonly heads: number;
  /** Size of a key of one head. */
  readonly keySize: number;
  /** Size of a value of one head; the keys' by default. */
  readonly valueSize?: number;
  /** For errors. */
  readonly name?: string;
}

export interface CachedAttention extends Omit<AttendHeadsOptions, 'causal'> {
  /** Int32 scalar: which position the first query is at; in place of `queryIndices`. */
  readonly position?: Tensor;
  /** With several queries at once, whether one sees those after it no more than step by step; true. A prefix mask wants false. */
  readonly causal?: boolean;
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
    for (const [option, size] of Object.entries({ rows, length, heads, keySize, valueSize })) {
      expectSize(`KeyValueCache '${name}'`, option, size);
    }
    const store = (kind: string, shape: number[]): Variable =>
      new Variable({ shape, initialize: () => zeros(shape), name: `${name}.${kind}` });
    this.length = length;
    this.#name = name;
    // Neighbouring keys side by side: one query meets many of them at a time.
    this.#keys = store('keys', [rows, heads, keySize, length]);
    this.#values = store('values', [rows, length, heads, valueSize]);
  }

  /**
   * Puts keys and values of T more positions, (B, T, H, Dh), at `position` and after it, an int32 scalar: one at a time, or
   * all of a prompt. Past the end the run fails, before anything is written.
   */
  append(keys: Tensor, values: Tensor, position: Tensor): void {
    const count = this.#check('append', keys, values);
    const all = arange(this.length); // (L)
    // The position is data, which only a kernel can check: row p of 0 … L−1 is p, and there are no others.
    const row = (of: Tensor): Tensor =>
      withPath(`KeyValueCache.append: position in '${this.#name}', which holds ${this.length}`, () => all.gather(of));
    const first = row(position);
    if (count === 1) {
      this.#keys.assign(writeAt(this.#keys.value, keys.permute(KEY_AXES), first, 3));
      this.#values.assign(writeAt(this.#values.value, values, first, 1));
      return;
    }
    const last = row(position.add(count - 1));
    const isNew = all.greaterEqual(first).and(all.lessEqual(last)); // (L)
    const source = all
      .sub(first)
      .maximum(0)
      .minimum(count - 1); // (L): which of the T
    const spread = (x: Tensor): Tensor => x.permute([1, 0, 2, 3]).gather(source).permute([1, 0, 2, 3]); // (B, L, H, Dh)
    this.#keys.assign(select(isNew, spread(keys).permute(KEY_AXES), this.#keys.value));
    this.#values.assign(select(isNew.reshape([this.length, 1, 1]), spread(values), this.#values.value));
  }

  /** Puts keys and values of all positions at once, (B, L, H, Dh). */
  fill(keys: Tensor, values: Tensor): void {
    const count = this.#check('fill', keys, values);
    if (count !== this.length) {
      throw new ShapeError(
        `KeyValueCache.fill: '${this.#name}' holds ${this.length} positions, got ${count}; use append`,
      );
    }
    this.#keys.assign(keys.permute(KEY_AXES));
    this.#values.assign(values);
  }

  /**
   * `attend` with these keys and values, (B, L, Hk, Dh): what queries (B, T, H, Dh) get over whole sequences. With a
   * `position` the queries are those of it and the T − 1 after it, and meet only what has been appended up to there; without
   * one they meet all, and a mask or window may not differ between them. A mask or bias is broadcastable to (B, H, T, L). → (B, T, H, Dv)
   */
  attend(query: Tensor, { position, causal = true, mask, ...formula }: CachedAttention = {}): Tensor {
    const keys = this.#keys.value.permute([0, 3, 1, 2]); // (B, L, H, Dh)
    if (position === undefined) {
      if (formula.queryIndices === undefined) this.#expectPlaceless(mask, formula.window);
      return attend(query, keys, this.#values.value, { ...formula, mask });
    }
    const T = query.shape[1];
    const [queryIndices, all] = [position.add(arange(T)), arange(this.length)]; // (T), (L)
    const seen = causal
      ? causalMask().at(queryIndices, all) // (1, 1, T, L)
      : all.less(position.add(T)).reshape([1, 1, 1, this.length]);
    const allowed = mask === undefined || isTensor(mask) ? mask : mask.at(queryIndices, all);
    const may = allowed === undefined ? seen : allowed.and(seen);
    return attend(query, keys, this.#values.value, { ...formula, mask: may, queryIndices });
  }

  /** Row b continues from row `parents[b]`, int32 (B): what beam search needs. */
  reorder(parents: Tensor): void {
    for (const variable of this.variables()) variable.assign(variable.value.gather(parents));
  }

  variables(): Variable[] {
    return [this.#keys, this.#values];
  }

  /** Throws for what differs between queries: which of all they are, a cache cannot know. */
  #expectPlaceless(mask: Tensor | Mask | undefined, window: AttentionWindow | undefined): void {
    const differs = (of: Mask): boolean => of.at(arange(2), arange(this.length)).shape[2] !== 1;
    if (window === undefined && (mask === undefined || isTensor(mask) || !differs(mask))) return;
    throw new RangeError(
      `KeyValueCache.attend: a window or mask that differs between queries needs to know where they are; give \`position\``,
    );
  }

  /** Throws unless keys and values are of this cache's sizes; how many positions they are of. */
  #check(method: string, keys: Tensor, values: Tensor): number {
    const [rows, heads, keySize] = this.#keys.shape;
    const T = keys.shape[1];
    const expectSizes = (kind: string, x: Tensor, count: number | string, size: number): void => {
      if (x.rank === 4 && [rows, T, heads, size].every((n, d) => n === x.shape[d])) return;
      throw new ShapeError(
        `KeyValueCache.${method}: '${this.#name}' takes ${kind} (${rows}, ${count}, ${heads}, ${size}), got [${x.shape.join(', ')}]`,
      );
    };
    expectSizes('keys', keys, 'T', keySize);
    expectSizes('values', values, T, this.#values.shape[3]);
    if (T > this.length) {
      throw new ShapeError(`KeyValueCache.${method}: '${this.#name}' holds ${this.length} positions, got ${T}`);
    }
    return T;
  }

  /** Gives the memory back. */
  release(): void {
    for (const variable of this.variables()) variable.release();
  }
}
