import {
  arange,
  concat,
  isTensor,
  ones,
  scaledDotProductAttention,
  ShapeError,
  sigmoid,
  type Tensor,
} from '@qkv/tensor';

import { asDotProduct, type AttentionScore, checkScore, isAdditive, scoresOf } from './attention-score';
import { type Mask, splitCausal, windowMask, type WindowOptions } from './masks';
import { type AttentionNormalization, normalizeScores } from './normalize-scores';

export interface AttentionFormula {
  /** `scaledDotProduct` by default, whose softmax does not harden as heads get larger. */
  readonly score?: AttentionScore;
  /** `softmax` by default, as in the paper. */
  readonly normalization?: AttentionNormalization;
  /** c: scores become c·tanh(s/c), before bias and mask (Gemma Team 2024, section 2); none by default. */
  readonly softCap?: number;
  /** (H): a logit per head that takes part in the softmax and has no value, so that a head may attend to nothing; none. */
  readonly sinks?: Tensor;
  /** Query i meets keys i − before ≤ j ≤ i + after only; no limits. */
  readonly window?: WindowOptions;
}

export interface HeadsOptions extends AttentionFormula {
  /** A tensor, bool, broadcastable to (B, H, T, S), true = may attend; or a rule for indices. */
  readonly mask?: Tensor | Mask;
  /** Query i attends to keys j ≤ i only; needs T = S, as indices count from 0. */
  readonly causal?: boolean;
  /** Added to the scores; float32, broadcastable to (B, H, T, S). */
  readonly bias?: Tensor;
  /** What indices the queries have in a `Mask`, int32 (T); 0 … T−1. */
  readonly queryIndices?: Tensor;
}

export interface AttendHeadsOptions extends HeadsOptions {
  /** Is shown the weights, (B, H, T, S), and gives those to use; they are formed, which costs memory, only where it is given. */
  readonly observe?: (weights: Tensor) => Tensor;
}

/**
 * Attention of heads: o_i = Σ_j α_ij v_j, where α_i = normalisation over j of (capped score of q_i and k_j) + bias_ij.
 *
 * q (B, T, H, Dh), k (B, S, Hk, Dh), v (B, S, Hk, Dv) → (B, T, H, Dv). With fewer key heads than query heads each serves
 * H/Hk neighbouring ones (grouped-query, Ainslie et al. 2023; Hk = 1 is multi-query). A query that may attend to nothing
 * gets zeros, and no gradient. Where the formula is a softmax of dot products nothing of size T × S is formed.
 *
 * Throws a ShapeError for heads, masks or biases that do not fit, and a RangeError for formulas that there are not.
 */
export function attend(q: Tensor, k: Tensor, v: Tensor, options: AttendHeadsOptions = {}): Tensor {
  checkHeads(q, k, v);
  const { score = 'scaledDotProduct', normalization = 'softmax', softCap, observe } = options;
  if (normalization === 'softmax' && softCap === undefined && observe === undefined && !isAdditive(score)) {
    checkFormula(q, k, options);
    const [queries, scale] = asDotProduct(q, score);
    return fused(queries, k, v, scale, options);
  }
  const weights = attentionWeights(q, k, options); // (B, H, T, S)
  const values = repeatHeads(v, q.shape[2]).permute([0, 2, 1, 3]); // (B, H, S, Dv)
  return (observe === undefined ? weights : observe(weights)).matmul(values).permute([0, 2, 1, 3]); // (B, T, H, Dv)
}

/** α of `attend`, written out: (B, H, T, S). */
export function attentionWeights(q: Tensor, k: Tensor, options: HeadsOptions = {}): Tensor {
  checkHeads(q, k);
  checkFormula(q, k, options);
  const { score = 'scaledDotProduct', normalization = 'softmax', softCap, sinks, bias } = options;
  const [[B, T, H], S] = [q.shape, k.shape[1]];
  let scores = scoresOf(q, repeatHeads(k, H), score); // (B, H, T, S)
  if (softCap !== undefined) scores = scores.div(softCap).tanh().mul(softCap);
  if (bias !== undefined) scores = scores.add(fitting('bias', bias, 'float32', [B, H, T, S]));
  const { causal, mask } = resolveMask(q, k, options);
  let may = mask;
  if (causal) {
    const past = arange(S).lessEqual(arange(T).unsqueeze(-1)); // (T, S)
    may = may === undefined ? past : may.and(past);
  }
  if (sinks === undefined) return normalizeScores(normalization, scores, may?.expand([B, H, T, S]) ?? null);
  const column = [B, H, T, 1];
  const withSink = concat([scores, sinks.reshape([1, H, 1, 1]).expand(column)], 3); // (B, H, T, S+1)
  const mayWithSink = may === undefined ? null : concat([may.expand([B, H, T, S]), ones(column, 'bool')], 3);
  return normalizeScores(normalization, withSink, mayWithSink).slice([0, 0, 0, 0], [B, H, T, S]);
}

/** The formulas that the kernel knows: softmax of dot products. A sink only shrinks: Σe/(Σe + e^s) = σ(log Σe − s). */
function fused(q: Tensor, k: Tensor, v: Tensor, scale: number, options: HeadsOptions): Tensor {
  const [[B, T, H], S] = [q.shape, k.shape[1]];
  const { sinks, bias } = options;
  const { output, logSumExp } = grouped(q, k, v, {
    scale,
    ...resolveMask(q, k, options),
    bias: bias && fitting('bias', bias, 'float32', [B, H, T, S]),
  });
  if (sinks === undefined) return output;
  const share = sigmoid(logSumExp.sub(sinks.reshape([1, H, 1]))); // (B, H, T)
  return output.mul(share.transpose().unsqueeze(-1)); // (B, T, H, Dv)
}

interface KernelOptions {
  readonly scale: number;
  readonly causal: boolean;
  /** Both of rank 4. */
  readonly mask?: Tensor;
  readonly bias?: Tensor;
}

/** The kernel for fewer key heads than query heads: output (B, T, H, Dv), log-sum-exp (B, H, T). */
function grouped(q: Tensor, k: Tensor, v: Tensor, options: KernelOptions): { output: Tensor; logSumExp: Tensor } {
  const [[B, T, H, Dh], Hk, Dv] = [q.shape, k.shape[2], v.shape[3]];
  if (Hk === H) return scaledDotProductAttention(q, k, v, options);
  if (T !== 1) return scaledDotProductAttention(q, repeatHeads(k, H), repeatHeads(v, H), options);
  // A step of decoding reads its long cache as it lies: the queries of a group are those of one head at G positions.
  const G = H / Hk;
  const fold = (x?: Tensor): Tensor | undefined =>
    x === undefined || x.shape[1] === 1 ? x : x.reshape([x.shape[0], Hk, G, x.shape[3]]); // (B, H, 1, S) → (B, Hk, G, S)
  const { output, logSumExp } = scaledDotProductAttention(q.reshape([B, Hk, G, Dh]).permute([0, 2, 1, 3]), k, v, {
    scale: options.scale,
    mask: fold(options.mask),
    bias: fold(options.bias),
  });
  return { output: output.permute([0, 2, 1, 3]).reshape([B, 1, H, Dv]), logSumExp: logSumExp.reshape([B, H, 1]) };
}

/** (B, S, Hk, Dh) → (B, S, H, Dh): each head H/Hk times in a row. */
function repeatHeads(x: Tensor, heads: number): Tensor {
  const [B, S, Hk, Dh] = x.shape;
  if (Hk === heads) return x;
  return x
    .unsqueeze(3)
    .expand([B, S, Hk, heads / Hk, Dh])
    .reshape([B, S, heads, Dh]);
}

/** Whether the kernel's causal flag holds, and a mask of rank 4 for the rest. */
function resolveMask(q: Tensor, k: Tensor, options: HeadsOptions): { causal: boolean; mask?: Tensor } {
  const [[B, T, H], S] = [q.shape, k.shape[1]];
  const { mask, window, queryIndices } = options;
  const aligned = T === S && queryIndices === undefined;
  let { causal = false } = options;
  if (causal && !aligned) {
    throw new ShapeError(
      `attend: causal needs as many queries as keys, counted from 0, got ${T} and ${S}; use the mask causalMask() for other indices`,
    );
  }
  const tables: Tensor[] = [];
  for (const part of [mask, window && windowMask(window)]) {
    if (part === undefined) continue;
    if (isTensor(part)) {
      tables.push(fitting('mask', part, 'bool', [B, H, T, S]));
      continue;
    }
    const { causal: flag, rest } = aligned ? splitCausal(part) : { causal: false, rest: part };
    causal ||= flag;
    if (rest !== null)
      tables.push(fitting('mask', rest.at(queryIndices ?? arange(T), arange(S)), 'bool', [B, H, T, S]));
  }
  return { causal, mask: tables.length === 0 ? undefined : tables.reduce((all, table) => all.and(table)) };
}

/** x with rank 4, if it broadcasts to `all`. */
function fitting(what: string, x: Tensor, dtype: string, all: readonly number[]): Tensor {
  const shape = [...Array<number>(Math.max(0, 4 - x.rank)).fill(1), ...x.shape];
  if (x.dtype !== dtype || shape.length !== 4 || shape.some((size, d) => size !== 1 && size !== all[d])) {
    throw new ShapeError(
      `attend: expected a ${dtype} ${what} that broadcasts to (B, H, T, S) = [${all.join(', ')}], got ${x.dtype} [${x.shape.join(', ')}]`,
    );
  }
  return x.rank === 4 ? x : x.reshape(shape);
}

function checkHeads(q: Tensor, k: Tensor, v: Tensor = k): void {
  const [B, S, Hk] = k.shape;
  const fits =
    [q, k, v].every((x) => x.rank === 4 && x.dtype === 'float32') &&
    q.shape[0] === B &&
    [B, S, Hk].every((size, d) => size === v.shape[d]);
  if (!fits) {
    throw new ShapeError(
      `attend: expected queries (B, T, H, Dh), keys (B, S, Hk, Dh) and values (B, S, Hk, Dv), got [${q.shape.join(', ')}], [${k.shape.join(', ')}] and [${v.shape.join(', ')}]`,
    );
  }
  if (Hk === 0 || q.shape[2] % Hk !== 0) {
    throw new ShapeError(`attend: ${q.shape[2]} query heads are no multiple of ${Hk} key heads`);
  }
}

const NORMALIZATIONS: readonly AttentionNormalization[] = ['softmax', 'relu', 'sparsemax', 'entmax15'];

function checkFormula(
  q: Tensor,
  k: Tensor,
  { score, normalization = 'softmax', softCap, sinks }: AttentionFormula,
): void {
  checkScore(score ?? 'scaledDotProduct', q, k);
  if (!NORMALIZATIONS.includes(normalization)) {
    throw new RangeError(
      `attend: there is no normalization '${normalization}'; choose one of ${NORMALIZATIONS.join(', ')}`,
    );
  }
  if (softCap !== undefined && !(softCap > 0 && softCap < Infinity)) {
    throw new RangeError(`attend: softCap must be a positive number, got ${softCap}; leave it out for no cap`);
  }
  if (sinks === undefined) return;
  if (normalization !== 'softmax') {
    throw new RangeError(`attend: sinks are part of a softmax's denominator, which '${normalization}' has none of`);
  }
  if (sinks.rank !== 1 || sinks.shape[0] !== q.shape[2]) {
    throw new ShapeError(`attend: expected a sink for each of ${q.shape[2]} heads, got [${sinks.shape.join(', ')}]`);
  }
}
