import { expectLastDimension, expectSize, Linear, Module, xavierUniform, zeros } from '@qkv/nn';
import { ShapeError, type Tensor } from '@qkv/tensor';

import { keyMask } from './key-mask';
import { LinearAttentionCache } from './linear-attention-cache';
import { causalLinearAttention, linearAttention } from './linear-attention-forms';
import type { Mask } from './masks';

export interface LinearAttentionOptions {
  /** D: size of inputs and of the output. */
  readonly dimension: number;
  /** H; D must be a multiple of it. */
  readonly heads: number;
  /** Whether the four projections add biases; true, as in `MultiHeadAttention`. */
  readonly bias?: boolean;
}

export interface LinearAttendOptions {
  /** Which keys may be attended to: `paddingMask`, or bool (B, 1, 1, S). Masks that differ between queries have no linear form. */
  readonly mask?: Tensor | Mask;
  /** Position i attends to j ≤ i only; needs T = S. */
  readonly causal?: boolean;
}

export interface CachedLinearAttendOptions {
  /** Stands for the positions before those of `query`, and from then on for these too. */
  readonly cache: LinearAttentionCache;
  /** Of the new positions alone, bool (B, 1, 1, T). */
  readonly mask?: Tensor;
}

/**
 * Linear attention (Katharopoulos et al. 2020, section 3): multi-head attention with the similarity φ(q)·φ(k), φ(x) = elu(x) + 1, in
 * place of exp(q·k/√Dh). Keys and values meet first, so that time and memory are O(N), causal attention included. With a cache
 * it is a recurrent network, whose state has one size whatever the length.
 *
 * query (B, T, D), key and value (B, S, D) → (B, T, D). Parameters are named as those of `MultiHeadAttention`.
 */
export class LinearAttention extends Module {
  readonly dimension: number;
  readonly heads: number;
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;

  constructor({ dimension, heads, bias = true }: LinearAttentionOptions) {
    super();
    expectSize('LinearAttention', 'heads', heads);
    if (dimension % heads !== 0) {
      throw new RangeError(`LinearAttention: dimension ${dimension} must be a multiple of ${heads} heads`);
    }
    this.dimension = dimension;
    this.heads = heads;
    const linear = (gain: number): Linear =>
      new Linear({
        inputs: dimension,
        outputs: dimension,
        bias,
        weightInitializer: xavierUniform(gain),
        biasInitializer: zeros,
      });
    // First values as those of MultiHeadAttention.
    [this.query, this.key, this.value] = [linear(Math.SQRT1_2), linear(Math.SQRT1_2), linear(Math.SQRT1_2)];
    this.output = linear(1);
  }

  override forward(query: Tensor, options: CachedLinearAttendOptions): Tensor;
  override forward(query: Tensor, key?: Tensor, value?: Tensor, options?: LinearAttendOptions): Tensor;
  override forward(
    query: Tensor,
    keyOrOptions: Tensor | CachedLinearAttendOptions = query,
    value?: Tensor,
    options: LinearAttendOptions = {},
  ): Tensor {
    const cached = 'cache' in keyOrOptions;
    const key = cached ? query : keyOrOptions;
    const mask = keyMask('LinearAttention', (cached ? keyOrOptions : options).mask, key.shape[1]);
    const q = this.split(this.query, query); // (B, T, H, Dh)
    const k = this.split(this.key, key);
    const v = this.split(this.value, value ?? key);
    if (q.shape[0] !== k.shape[0] || k.shape[0] !== v.shape[0] || k.shape[1] !== v.shape[1]) {
      const [shapes, D] = [[query, key, value ?? key].map(({ shape }) => `[${shape.join(', ')}]`), this.dimension];
      throw new ShapeError(
        `LinearAttention: expected queries (B, T, ${D}), keys (B, S, ${D}) and values (B, S, ${D}), got ${shapes.join(', ')}`,
      );
    }
    if (cached) {
      const { output, state } = causalLinearAttention(q, k, v, { mask, state: keyOrOptions.cache.state });
      keyOrOptions.cache.assign(state);
      return this.merge(output);
    }
    if (!options.causal) return this.merge(linearAttention(q, k, v, mask));
    if (q.shape[1] !== k.shape[1]) {
      throw new ShapeError(
        `LinearAttention: causal needs as many queries as keys, got ${q.shape[1]} and ${k.shape[1]}; leave \`causal\` out`,
      );
    }
    return this.merge(causalLinearAttention(q, k, v, { mask }).output);
  }

  /** A cache for `rows` sequences of this layer, of any length. */
  createCache(rows: number, name?: string): LinearAttentionCache {
    const size = this.dimension / this.heads;
    return new LinearAttentionCache({ rows, heads: this.heads, keySize: size, valueSize: size, name });
  }

  private split(projection: Linear, x: Tensor): Tensor {
    expectLastDimension('LinearAttention', x, this.dimension);
    if (x.rank !== 3) {
      throw new ShapeError(`LinearAttention: expected (B, T, ${this.dimension}), got [${x.shape.join(', ')}]`);
    }
    const [B, T] = x.shape;
    return projection.forward(x).reshape([B, T, this.heads, this.dimension / this.heads]); // (B, T, H, Dh)
  }

  private merge(heads: Tensor): Tensor {
    const [B, T] = heads.shape;
    return this.output.forward(heads.reshape([B, T, this.dimension])); // (B, T, D)
  }
}
