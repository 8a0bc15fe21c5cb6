import { type Tensor, Variable, zeros } from '@qkv/tensor';

export interface LinearAttentionCacheOptions {
  /** Number of sequences, B. */
  readonly rows: number;
  readonly heads: number;
  /** Size of a key of one head. */
  readonly keySize: number;
  /** Size of a value of one head. */
  readonly valueSize: number;
  /** For errors. */
  readonly name?: string;
}

/**
 * What linear attention remembers of the positions so far, however many: Σ φ(k) [v 1]ᵀ for each head. Used inside `run` or
 * `compile`, like all Variables.
 */
export class LinearAttentionCache {
  readonly #state: Variable;

  constructor({ rows, heads, keySize, valueSize, name = 'cache' }: LinearAttentionCacheOptions) {
    const shape = [rows, heads, keySize, valueSize + 1];
    this.#state = new Variable({ shape, initialize: () => zeros(shape), name: `${name}.state` });
  }

  /** (B, H, Dh, Dv + 1) */
  get state(): Tensor {
    return this.#state.value;
  }

  /** The state from now on. */
  assign(state: Tensor): void {
    this.#state.assign(state);
  }

  /** Forgets everything: new sequences begin. */
  clear(): void {
    this.#state.assign(zeros(this.#state.shape));
  }

  /** Row b continues from row `parents[b]`, int32 (B): what beam search needs. */
  reorder(parents: Tensor): void {
    this.#state.assign(this.#state.value.gather(parents));
  }

  variables(): Variable[] {
    return [this.#state];
  }

  /** Gives the memory back. */
  release(): void {
    this.#state.release();
  }
}
