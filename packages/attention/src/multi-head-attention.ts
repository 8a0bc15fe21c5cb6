import {
  expectLastDimension,
  expectSize,
  isTapped,
  Linear,
  Module,
  RMSNorm,
  tap,
  uniform,
  xavierUniform,
  zeros,
} from '@qkv/nn';
import { arange, Parameter, ShapeError, type Tensor } from '@qkv/tensor';

import { attend, attentionWeights, checkOptions, type HeadsOptions } from './attend';
import type { AttentionScore } from './attention-score';
import { KeyValueCache } from './key-value-cache';
import type { AttentionWindow, Mask } from './masks';
import type { AttentionNormalization } from './normalize-scores';
import type { AttentionPositions } from './positions/attention-positions';

const SCORES = ['scaledDotProduct', 'dotProduct', 'general', 'additive'] as const;

export interface MultiHeadAttentionOptions {
  /** D: size of queries and of the output. */
  readonly dimension: number;
  /** H. */
  readonly heads: number;
  /** Last dimension of the key input; D by default. torch's `kdim`. */
  readonly keyDimension?: number;
  /** Last dimension of the value input; D by default. torch's `vdim`. */
  readonly valueDimension?: number;
  /** Whether the four projections add biases; true, as in torch. */
  readonly bias?: boolean;
  /** Hk: heads of keys and values, each for H/Hk neighbouring query heads (Ainslie et al. 2023); H. One: multi-query. */
  readonly keyValueHeads?: number;
  /** Dh: features of a query or key of one head; D/H, so that all heads cost what one of size D would. */
  readonly headDimension?: number;
  /** Dv: features of a value of one head; Dh. */
  readonly valueHeadDimension?: number;
  /**
   * `scaledDotProduct` by default; see `AttentionScore`. What `general` and `additive` learn for each head is `scoreWeight`;
   * the projections of queries and keys are Bahdanau's W_q and W_k.
   */
  readonly score?: (typeof SCORES)[number];
  /** What makes weights of scores; `softmax`. */
  readonly normalization?: AttentionNormalization;
  /** Positions inside of attention: RoPE, ALiBi, relative biases; none, as sequence positions are often added to embeddings. */
  readonly positions?: AttentionPositions;
  /** RMS norm of each query and key over Dh, with a gain, before they are turned (Henry et al. 2020, Dehghani et al. 2023); false. */
  readonly queryKeyNorm?: boolean;
  /** Scores become c·tanh(s/c) (Gemma Team 2024); none. */
  readonly softCap?: number;
  /** A learned logit per head in the softmax's denominator, so that a head may attend to nothing (OpenAI 2025, gpt-oss); false. */
  readonly sinks?: boolean;
  /** Position i attends to i − before ≤ j ≤ i + after only; no limits. */
  readonly window?: AttentionWindow;
}

export interface AttendOptions {
  /** A rule for indices such as `causalMask()`, or a tensor, bool, broadcastable to (B, H, T, S): true means "may attend". */
  readonly mask?: Tensor | Mask;
  /** Position i attends to j ≤ i only; needs T = S. */
  readonly causal?: boolean;
  /** Added to the scores, broadcastable to (B, H, T, S). */
  readonly bias?: Tensor;
  /** Where queries are for `positions` of the layer, int32 (T) or (B, T); 0 … T−1. */
  readonly positions?: Tensor;
  /** Where keys are, int32 (S) or (B, S); 0 … S−1. */
  readonly keyPositions?: Tensor;
}

export interface CachedAttendOptions extends AttendOptions {
  /** Where keys and values come from, in place of `key` and `value`; L positions, which are S of the other options. */
  readonly cache: KeyValueCache;
  /** Int32 scalar: where the first query is, for masks and for the layer's positions; T − 1 more follow it. */
  readonly position?: Tensor;
  /**
   * Whether the queries' tokens are appended at the position first, and may be seen up to there; true where there is one.
   * With false, or without a position, all of the cache is attended to: a memory, which `remember` filled.
   */
  readonly append?: boolean;
  /** Of several that are appended: whether one sees those after it no more than step by step; true. A prefix mask wants false. */
  readonly causal?: boolean;
}

/**
 * Multi-head attention (Vaswani et al. 2017, section 3.2.2): concat(head_1 … head_H) W_Oᵀ with
 * head_i = softmax(Q_i K_iᵀ/√Dh) V_i, where Q = x_q W_Qᵀ + b_Q and so on, split into heads of Dh features. The options
 * exchange parts of the formula; see `attend`.
 *
 * query (B, T, D), key (B, S, Dk), value (B, S, Dv) → (B, T, D). The weights, (B, H, T, S), are tapped as `attention`.
 *
 * | here | paper | torch |
 * | --- | --- | --- |
 * | `query.weight`, `key.weight`, `value.weight` | W^Q, W^K, W^V of all heads | `in_proj_weight`, one below the other |
 * | `output` | W^O | `out_proj` |
 */
export class MultiHeadAttention extends Module {
  readonly dimension: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDimension: number;
  readonly valueHeadDimension: number;
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;
  /** `general`: W (H, Dh, Dh), which begins as the scaled dot product; `additive`: v (H, Dh). */
  readonly scoreWeight: Parameter | null;
  readonly queryNorm: RMSNorm | null;
  readonly keyNorm: RMSNorm | null;
  readonly sinks: Parameter | null;
  readonly positions: AttentionPositions | null;
  readonly #options: MultiHeadAttentionOptions;

  constructor(options: MultiHeadAttentionOptions) {
    super();
    const { dimension, heads, keyDimension = dimension, valueDimension = dimension, bias = true } = options;
    const { keyValueHeads = heads, headDimension = dimension / heads, score = 'scaledDotProduct' } = options;
    const { valueHeadDimension = headDimension, positions = null } = options;
    expectSize('MultiHeadAttention', 'dimension', dimension);
    expectSize('MultiHeadAttention', 'heads', heads);
    expectSize('MultiHeadAttention', 'keyValueHeads', keyValueHeads);
    if (options.headDimension === undefined && dimension % heads !== 0) {
      throw new RangeError(`MultiHeadAttention: dimension ${dimension} must be a multiple of ${heads} heads`);
    }
    if (heads % keyValueHeads !== 0) {
      throw new RangeError(`MultiHeadAttention: ${heads} heads must be a multiple of ${keyValueHeads} keyValueHeads`);
    }
    expectSize('MultiHeadAttention', 'headDimension', headDimension);
    expectSize('MultiHeadAttention', 'valueHeadDimension', valueHeadDimension);
    checkOptions('MultiHeadAttention', options);
    if (!SCORES.includes(score)) {
      throw new RangeError(`MultiHeadAttention: there is no score '${score}'; choose one of ${SCORES.join(', ')}`);
    }
    if (positions?.rotate !== undefined && score !== 'scaledDotProduct' && score !== 'dotProduct') {
      throw new RangeError(
        `MultiHeadAttention: turned queries and keys need a dot product to make it relative, not the score '${score}'; choose positions with a bias`,
      );
    }
    this.dimension = dimension;
    this.heads = heads;
    this.keyValueHeads = keyValueHeads;
    this.headDimension = headDimension;
    this.valueHeadDimension = valueHeadDimension;
    this.#options = options;
    // torch draws the three as one (3D, D) matrix, whose Xavier bound is √½ of each one's own; biases begin at 0.
    const input = { bias, weightInitializer: xavierUniform(Math.SQRT1_2), biasInitializer: zeros };
    this.query = new Linear({ inputs: dimension, outputs: heads * headDimension, ...input });
    this.key = new Linear({ inputs: keyDimension, outputs: keyValueHeads * headDimension, ...input });
    this.value = new Linear({ inputs: valueDimension, outputs: keyValueHeads * valueHeadDimension, ...input });
    this.output = new Linear({
      inputs: heads * valueHeadDimension,
      outputs: dimension,
      bias,
      weightInitializer: xavierUniform(),
      biasInitializer: zeros,
    });
    this.scoreWeight = scoreParameter(score, heads, headDimension);
    const norm = (): RMSNorm | null => (options.queryKeyNorm ? new RMSNorm({ dimension: headDimension }) : null);
    this.queryNorm = norm();
    this.keyNorm = norm();
    // e⁰ beside the keys' e^s: as one more key of score 0.
    this.sinks = options.sinks ? new Parameter({ shape: [heads], initialize: () => zeros([heads]) }) : null;
    this.positions = positions;
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
    if ('cache' in keyOrOptions) return this.merge(this.attendToCache(query, keyOrOptions));
    const key = keyOrOptions;
    const q = this.queries(query, options.positions);
    const k = this.keys(key, options.keyPositions);
    return this.merge(attend(q, k, this.values(value ?? key), { ...this.formula(options), ...observer() }));
  }

  /** Keeps the keys and values of `key` (B, S, Dk) in a cache, so that later queries need not project them again. */
  remember(cache: KeyValueCache, key: Tensor, value: Tensor = key, keyPositions?: Tensor): void {
    this.scope(() => cache.fill(this.keys(key, keyPositions), this.values(value)));
  }

  /** A cache for `rows` sequences of up to `length` positions of this layer. */
  createCache(rows: number, length: number, name?: string): KeyValueCache {
    const { keyValueHeads: heads, headDimension: keySize, valueHeadDimension: valueSize } = this;
    return new KeyValueCache({ rows, length, heads, keySize, valueSize, name });
  }

  /** The weights, for looking at: (B, H, T, S), for the same arguments as `forward`, which forms them only if need be. */
  attentionWeights(query: Tensor, key: Tensor = query, options: AttendOptions = {}): Tensor {
    return this.scope(() => {
      this.checkInput(query);
      const q = this.queries(query, options.positions);
      const k = this.keys(key, options.keyPositions);
      return attentionWeights(q, k, this.formula(options));
    });
  }

  private attendToCache(query: Tensor, { cache, position, append, ...options }: CachedAttendOptions): Tensor {
    const indices = position?.add(arange(query.shape[1])); // (T)
    const { positions = indices, causal } = options;
    if (positions === undefined && this.positions !== null) {
      throw new RangeError(
        'MultiHeadAttention: the layer has positions; say where the queries of a cache are by `position`',
      );
    }
    const q = this.queries(query, positions);
    const formula = this.formula(options);
    if (position === undefined || append === false) {
      return cache.attend(q, { ...formula, queryIndices: indices, ...observer() });
    }
    cache.append(this.keys(query, positions), this.values(query), position);
    return cache.attend(q, { ...formula, position, causal, ...observer() });
  }

  /** The layer's formula, and what a call adds to it. */
  private formula({ positions, ...options }: AttendOptions): HeadsOptions {
    const { normalization, softCap, window } = this.#options;
    return {
      ...options,
      score: this.score(),
      normalization,
      softCap,
      window,
      sinks: this.sinks?.value,
      positions: this.positions ?? undefined,
      queryPositions: positions,
    };
  }

  private score(): AttentionScore {
    const { score = 'scaledDotProduct' } = this.#options;
    if (score === 'general') return { general: this.scoreWeight!.value };
    if (score === 'additive') return { additive: this.scoreWeight!.value };
    return score;
  }

  private checkInput(query: Tensor): void {
    expectLastDimension('MultiHeadAttention', query, this.dimension);
    expectRank(query, `(B, T, ${this.dimension})`);
  }

  private queries(x: Tensor, positions?: Tensor): Tensor {
    return this.turned(split(this.query.forward(x), this.heads), this.queryNorm, positions); // (B, T, H, Dh)
  }

  private keys(x: Tensor, positions?: Tensor): Tensor {
    expectRank(x, `keys (B, S, ${this.key.inputs})`);
    return this.turned(split(this.key.forward(x), this.keyValueHeads), this.keyNorm, positions); // (B, S, Hk, Dh)
  }

  private values(x: Tensor): Tensor {
    expectRank(x, `values (B, S, ${this.value.inputs})`);
    return split(this.value.forward(x), this.keyValueHeads); // (B, S, Hk, Dv)
  }

  private turned(x: Tensor, norm: RMSNorm | null, positions: Tensor = arange(x.shape[1])): Tensor {
    const normed = norm === null ? x : norm.forward(x);
    return this.positions?.rotate === undefined ? normed : this.positions.rotate(normed, positions);
  }

  private merge(heads: Tensor): Tensor {
    const [B, T, H, Dv] = heads.shape;
    return this.output.forward(heads.reshape([B, T, H * Dv])); // (B, T, D)
  }
}

function expectRank(x: Tensor, expected: string): void {
  if (x.rank !== 3) throw new ShapeError(`MultiHeadAttention: expected ${expected}, got [${x.shape.join(', ')}]`);
}

function split(x: Tensor, heads: number): Tensor {
  const [B, T, features] = x.shape;
  return x.reshape([B, T, heads, features / heads]);
}

/** Forms the weights only where somebody looks. */
function observer(): { observe?: (weights: Tensor) => Tensor } {
  return isTapped('attention') ? { observe: (weights) => tap('attention', weights) } : {};
}

function scoreParameter(score: string, heads: number, size: number): Parameter | null {
  if (score === 'additive') {
    const bound = 1 / Math.sqrt(size); // as a linear layer of one output
    return new Parameter({ shape: [heads, size], initialize: () => uniform(-bound, bound)([heads, size]) });
  }
  if (score !== 'general') return null;
  const shape = [heads, size, size];
  const identity = (): Tensor => arange(size).equal(arange(size).unsqueeze(-1)).cast('float32');
  return new Parameter({
    shape,
    initialize: () =>
      identity()
        .mul(1 / Math.sqrt(size))
        .expand(shape),
  });
}
