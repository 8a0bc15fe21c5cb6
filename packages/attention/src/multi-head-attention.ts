import { expectLastDimension, expectSize, isTapped, Linear, Module, tap, xavierUniform, zeros } from '@qkv/nn';
import { scaledDotProductAttention, select, ShapeError, softmax, type Tensor } from '@qkv/tensor';

import { KeyValueCache } from './key-value-cache';
import { causalMask } from './masks';

export interface MultiHeadAttentionOptions {
  /** D: size of queries and of the output. */
  readonly dimension: number;
  /** H; D must be a multiple of it. */
  readonly heads: number;
  /** Last dimension of the key input; D by default. torch's `kdim`. */
  readonly keyDimension?: number;
  /** Last dimension of the value input; D by default. torch's `vdim`. */
  readonly valueDimension?: number;
  /** Whether the four projections add biases; true, as in torch. */
  readonly bias?: boolean;
}

export interface AttendOptions {
  /** bool, broadcastable to (B, H, T, S): true means "may attend". */
  readonly mask?: Tensor;
  /** Position i attends to j ≤ i only; needs T = S. */
  readonly causal?: boolean;
  /** Added to the scores, broadcastable to (B, H, T, S); rank 4. */
  readonly bias?: Tensor;
}

export interface CachedAttendOptions {
  /** Where keys and values come from, in place of `key` and `value`. */
  readonly cache: KeyValueCache;
  /** Int32 scalar: the query is this position's token, whose own key and value are appended first. */
  readonly position?: Tensor;
  readonly mask?: Tensor;
}

/**
 * Multi-head attention (Vaswani et al. 2017, section 3.2.2): concat(head_1 … head_H) W_Oᵀ with
 * head_i = softmax(Q_i K_iᵀ/√Dh) V_i, where Q = x_q W_Qᵀ + b_Q and so on, split into heads of Dh = D/H features.
 *
 * query (B, T, D), key (B, S, Dk), value (B, S, Dv) → (B, T, D).
 *
 * | here | paper | torch |
 * | --- | --- | --- |
 * | `query.weight`, `key.weight`, `value.weight` | W^Q, W^K, W^V of all heads | `in_proj_weight`, one below the other |
 * | `output` | W^O | `out_proj` |
 */
export class MultiHeadAttention extends Module {
  readonly dimension: number;
  readonly heads: number;
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;

  constructor(options: MultiHeadAttentionOptions) {
    super();
    const { dimension, heads, keyDimension = dimension, valueDimension = dimension, bias = true } = options;
    expectSize('MultiHeadAttention', 'heads', heads);
    if (dimension % heads !== 0) {
      throw new RangeError(`MultiHeadAttention: dimension ${dimension} must be a multiple of ${heads} heads`);
    }
    this.dimension = dimension;
    this.heads = heads;
    // torch draws the three as one (3D, D) matrix, whose Xavier bound is √½ of each one's own; biases begin at 0.
    const input = { bias, weightInitializer: xavierUniform(Math.SQRT1_2), biasInitializer: zeros };
    this.query = new Linear({ inputs: dimension, outputs: dimension, ...input });
    this.key = new Linear({ inputs: keyDimension, outputs: dimension, ...input });
    this.value = new Linear({ inputs: valueDimension, outputs: dimension, ...input });
    this.output = new Linear({
      inputs: dimension,
      outputs: dimension,
      bias,
      weightInitializer: xavierUniform(),
      biasInitializer: zeros,
    });
  }

  override forward(query: Tensor, options: CachedAttendOptions): Tensor;
  override forward(query: Tensor, key?: Tensor, value?: Tensor, options?: AttendOptions): Tensor;
  override forward(
    query: Tensor,
    keyOrOptions: Tensor | CachedAttendOptions = query,
    value?: Tensor,
    options: AttendOptions = {},
  ): Tensor {
    this.checkInput(query);
    const q = this.split(this.query.forward(query)); // (B, T, H, Dh)
    if ('cache' in keyOrOptions) {
      const { cache, position, mask } = keyOrOptions;
      if (position !== undefined) cache.append(...this.keysAndValues(query), position);
      return this.merge(cache.attend(q, { position, mask }));
    }
    const [k, v] = this.keysAndValues(keyOrOptions, value); // (B, S, H, Dh)
    if (isTapped('attention')) {
      const weights = tap('attention', this.weights(q, k, options)); // (B, H, T, S)
      return this.merge(weights.matmul(v.permute([0, 2, 1, 3])).permute([0, 2, 1, 3]));
    }
    return this.merge(scaledDotProductAttention(q, k, v, options).output);
  }

  /** Keeps the keys and values of `key` (B, S, Dk) in a cache, so that later queries need not project them again. */
  remember(cache: KeyValueCache, key: Tensor, value: Tensor = key): void {
    this.scope(() => cache.fill(...this.keysAndValues(key, value)));
  }

  /** A cache for `rows` sequences of up to `length` positions of this layer. */
  createCache(rows: number, length: number, name?: string): KeyValueCache {
    return new KeyValueCache({ rows, length, heads: this.heads, keySize: this.dimension / this.heads, name });
  }

  /** The softmax itself, for looking at: (B, H, T, S). `forward` never forms it. */
  attentionWeights(query: Tensor, key: Tensor = query, options: AttendOptions = {}): Tensor {
    return this.scope(() => {
      this.checkInput(query);
      return this.weights(this.split(this.query.forward(query)), this.split(this.key.forward(key)), options);
    });
  }

  private weights(query: Tensor, key: Tensor, { mask, causal = false, bias }: AttendOptions): Tensor {
    const q = query.permute([0, 2, 1, 3]); // (B, H, T, Dh)
    const k = key.permute([0, 2, 3, 1]); // (B, H, Dh, S)
    let scores: Tensor = q.matmul(k).mul(1 / Math.sqrt(this.dimension / this.heads)); // (B, H, T, S)
    if (bias !== undefined) scores = scores.add(bias);
    let may = mask;
    if (causal) may = may === undefined ? causalMask(q.shape[2]) : may.and(causalMask(q.shape[2]));
    return softmax(may === undefined ? scores : select(may, scores, -Infinity));
  }

  private checkInput(query: Tensor): void {
    expectLastDimension('MultiHeadAttention', query, this.dimension);
    if (query.rank !== 3) {
      throw new ShapeError(`MultiHeadAttention: expected (B, T, ${this.dimension}), got [${query.shape.join(', ')}]`);
    }
  }

  private keysAndValues(key: Tensor, value: Tensor = key): [Tensor, Tensor] {
    return [this.split(this.key.forward(key)), this.split(this.value.forward(value))];
  }

  private split(x: Tensor): Tensor {
    const [B, T, D] = x.shape;
    return x.reshape([B, T, this.heads, D / this.heads]); // (B, T, H, Dh)
  }

  private merge(heads: Tensor): Tensor {
    const [B, T] = heads.shape;
    return this.output.forward(heads.reshape([B, T, this.dimension])); // (B, T, D)
  }
}
