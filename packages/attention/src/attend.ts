import { arange, concat, isTensor, ones, ShapeError, sigmoid, type Tensor } from '@qkv/tensor';

import { checkHeads, groupedAttention, repeatHeads } from './attention-heads';
import { asDotProduct, type AttentionScore, checkScore, isAdditive, scoresOfHeads } from './attention-score';
import { localAttention } from './local-attention';
import { type AttentionWindow, checkWindow, type Mask, splitCausal, windowMask } from './masks';
import { type AttentionNormalization, normalizeScores } from './normalize-scores';
import type { AttentionPositions } from './positions/attention-positions';
import { expectOneEach } from './positions/rows';

/** What is the same for every call of a layer. */
export interface AttentionFormula {
  /** `scaledDotProduct` by default, whose softmax does not harden as heads get larger. */
  readonly score?: AttentionScore;
  /** `softmax` by default, as in the paper. */
  readonly normalization?: AttentionNormalization;
  /** c: scores become c·tanh(s/c), before bias and mask (Gemma Team 2024, section 2); none by default. */
  readonly softCap?: number;
  /** (H): a logit per head that takes part in the softmax and has no value, so that a head may attend to nothing; none. */
  readonly sinks?: Tensor;
  /** Query i meets keys i − before ≤ j ≤ i + after only; no limits. Infinity is none on one side. Biases go by distance then. */
  readonly window?: AttentionWindow;
  /** Whose `bias` is added to the scores; none. (What they turn is turned before, as keys are kept turned.) */
  readonly positions?: AttentionPositions;
}

export interface HeadsOptions extends AttentionFormula {
  /** A rule for indices, or a tensor, bool, broadcastable to (B, H, T, S): true means "may attend". */
  readonly mask?: Tensor | Mask;
  /** Query i attends to keys j ≤ i only; needs T = S, as indices count from 0. */
  readonly causal?: boolean;
  /** Added to the scores; float32, broadcastable to (B, H, T, S). */
  readonly bias?: Tensor;
  /** Which indices the queries have in a `Mask` and a window, int32 (T); 0 … T−1. Keys are 0 … S−1. */
  readonly queryIndices?: Tensor;
  /** Where queries are for `positions`, int32 (T) or (B, T); their indices. */
  readonly queryPositions?: Tensor;
  /** Where keys are, int32 (S) or (B, S); 0 … S−1. */
  readonly keyPositions?: Tensor;
}

export interface AttendHeadsOptions extends HeadsOptions {
  /** Is shown the weights, (B, H, T, S), and gives those to use. Only where it is given are they sure to be formed. */
  readonly observe?: (weights: Tensor) => Tensor;
}

/**
 * Attention of heads: o_i = Σ_j α_ij v_j, where α_i = normalisation over j of (capped score of q_i and k_j) + bias_ij.
 *
 * q (B, T, H, Dh), k (B, S, Hk, Dh), v (B, S, Hk, Dv) → (B, T, H, Dv). With fewer key heads than query heads each serves
 * H/Hk neighbouring ones (grouped-query, Ainslie et al. 2023; Hk = 1 is multi-query). A query that may attend to nothing
 * gets zeros, and no gradient.
 *
 * A softmax of dot products without a cap forms nothing of size T × S; in a window, with whatever formula, time and memory
 * are linear in T as long as masks are causal or of keys only, such as `paddingMask`.
 *
 * Throws a ShapeError for heads, masks or biases that do not fit, and a RangeError for formulas that there are not.
 */
export function attend(q: Tensor, k: Tensor, v: Tensor, options: AttendHeadsOptions = {}): Tensor {
  checkHeads(q, k, v);
  checkFormula(q, k, options);
  const { score = 'scaledDotProduct', normalization = 'softmax', softCap, observe } = options;
  if (observe === undefined) {
    const local = inWindow(q, k, v, options);
    if (local !== null) return local;
    if (normalization === 'softmax' && softCap === undefined && !isAdditive(score)) {
      const [queries, scale] = asDotProduct(q, score);
      return fused(queries, k, v, scale, options);
    }
  }
  const weights = attentionWeights(q, k, options); // (B, H, T, S)
  const values = repeatHeads(v, q.shape[2]).permute([0, 2, 1, 3]); // (B, H, S, Dv)
  return (observe === undefined ? weights : observe(weights)).matmul(values).permute([0, 2, 1, 3]); // (B, T, H, Dv)
}

/** What of `attend` comes first: scores, uncapped, of q (B, T, H, Dh) and k (B, S, Hk, Dh), (B, H, T, S). */
export function attentionScores(q: Tensor, k: Tensor, score: AttentionScore = 'scaledDotProduct'): Tensor {
  checkHeads(q, k);
  checkScore(score, q, k);
  return scoresOfHeads(q, repeatHeads(k, q.shape[2]), score);
}

/** α of `attend`, written out: (B, H, T, S). */
export function attentionWeights(q: Tensor, k: Tensor, options: HeadsOptions = {}): Tensor {
  checkHeads(q, k);
  checkFormula(q, k, options);
  const { score, normalization = 'softmax', softCap, sinks } = options;
  const [[B, T, H], S] = [q.shape, k.shape[1]];
  let scores = attentionScores(q, k, score); // (B, H, T, S)
  if (softCap !== undefined) scores = scores.div(softCap).tanh().mul(softCap);
  const bias = biasOf(q, k, options);
  if (bias !== undefined) scores = scores.add(bias);
  const { causal, mask } = maskOf(q, k, options);
  let may: Tensor | undefined = mask?.expand([B, H, T, S]);
  if (causal) {
    const past = arange(S).lessEqual(arange(T).unsqueeze(-1)); // (T, S)
    may = may?.and(past) ?? past.expand([B, H, T, S]);
  }
  if (sinks === undefined) return normalizeScores(normalization, scores, may ?? null);
  const column = [B, H, T, 1];
  const withSink = concat([scores, sinks.reshape([1, H, 1, 1]).expand(column)], 3); // (B, H, T, S+1)
  const mayWithSink = may === undefined ? null : concat([may, ones(column, 'bool')], 3);
  return normalizeScores(normalization, withSink, mayWithSink).slice([0, 0, 0, 0], [B, H, T, S]);
}

/** The formulas that the kernel knows: softmax of dot products. A sink only shrinks: Σe/(Σe + e^s) = σ(log Σe − s). */
function fused(q: Tensor, k: Tensor, v: Tensor, scale: number, options: HeadsOptions): Tensor {
  const { sinks } = options;
  const bias = biasOf(q, k, options);
  const { output, logSumExp } = groupedAttention(q, k, v, { scale, bias, ...maskOf(q, k, options) });
  if (sinks === undefined) return output;
  const share = sigmoid(logSumExp.sub(sinks.reshape([1, q.shape[2], 1]))); // (B, H, T)
  return output.mul(share.transpose().unsqueeze(-1)); // (B, T, H, Dv)
}

/** The same at linear cost, where a window is all that makes queries differ in what they may attend to; else null. */
function inWindow(q: Tensor, k: Tensor, v: Tensor, options: HeadsOptions): Tensor | null {
  const { score, normalization, softCap, sinks, window, positions, ...call } = options;
  const [T, S] = [q.shape[1], k.shape[1]];
  const placed = positions?.bias !== undefined && (call.queryPositions ?? call.keyPositions) !== undefined;
  if (window === undefined || T !== S || call.bias !== undefined || call.queryIndices !== undefined || placed)
    return null;
  const { causal, mask } = maskOf(q, k, call);
  if (mask !== undefined && (mask.shape[1] !== 1 || mask.shape[2] !== 1 || mask.shape[3] !== S)) return null;
  return localAttention(q, k, v, {
    window: causal ? { ...window, after: 0 } : window,
    mask,
    positions,
    attend: (query, key, value, block) => attend(query, key, value, { score, normalization, softCap, sinks, ...block }),
  });
}

function biasOf(q: Tensor, k: Tensor, options: HeadsOptions): Tensor | undefined {
  const { bias, positions, queryIndices = arange(q.shape[1]) } = options;
  const { queryPositions = queryIndices, keyPositions = arange(k.shape[1]) } = options;
  if (positions?.bias !== undefined) {
    expectOneEach('attend: expected query positions', queryPositions, q.shape[0], q.shape[1]);
    expectOneEach('attend: expected key positions', keyPositions, q.shape[0], k.shape[1]);
  }
  const terms = [bias, positions?.bias?.(queryPositions, keyPositions)].flatMap((x) => (x === undefined ? [] : [x]));
  return terms.length === 0
    ? undefined
    : terms.map((term) => fitting('bias', term, 'float32', q, k)).reduce((sum, term) => sum.add(term));
}

/** Whether the kernel's causal flag holds, and a mask of rank 4 for the rest. */
function maskOf(q: Tensor, k: Tensor, options: HeadsOptions): { causal: boolean; mask?: Tensor } {
  const [T, S] = [q.shape[1], k.shape[1]];
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
      tables.push(fitting('mask', part, 'bool', q, k));
      continue;
    }
    const { causal: flag, rest } = aligned ? splitCausal(part) : { causal: false, rest: part };
    causal ||= flag;
    if (rest !== null) tables.push(fitting('mask', rest.at(queryIndices ?? arange(T), arange(S)), 'bool', q, k));
  }
  return { causal, mask: tables.length === 0 ? undefined : tables.reduce((all, table) => all.and(table)) };
}

/** x with rank 4, if it broadcasts to the scores. */
function fitting(what: string, x: Tensor, dtype: string, q: Tensor, k: Tensor): Tensor {
  const all = [q.shape[0], q.shape[2], q.shape[1], k.shape[1]];
  const shape = [...Array<number>(Math.max(0, 4 - x.rank)).fill(1), ...x.shape];
  if (x.dtype !== dtype || shape.length !== 4 || shape.some((size, d) => size !== 1 && size !== all[d])) {
    throw new ShapeError(
      `attend: expected a ${dtype} ${what} that broadcasts to (B, H, T, S) = [${all.join(', ')}], got ${x.dtype} [${x.shape.join(', ')}]`,
    );
  }
  return x.rank === 4 ? x : x.reshape(shape);
}

function checkFormula(q: Tensor, k: Tensor, formula: AttentionFormula): void {
  const { score = 'scaledDotProduct', sinks } = formula;
  checkScore(score, q, k);
  checkOptions('attend', { ...formula, sinks: sinks !== undefined });
  if (sinks !== undefined && (sinks.rank !== 1 || sinks.shape[0] !== q.shape[2])) {
    throw new ShapeError(`attend: expected a sink for each of ${q.shape[2]} heads, got [${sinks.shape.join(', ')}]`);
  }
}

const NORMALIZATIONS: readonly AttentionNormalization[] = ['softmax', 'relu', 'sparsemax', 'entmax15'];

/** Throws for parts of a formula that there are not, or not together. */
export function checkOptions(
  name: string,
  {
    normalization = 'softmax',
    softCap,
    sinks,
    window,
  }: Omit<AttentionFormula, 'score' | 'sinks'> & { sinks?: boolean },
): void {
  if (!NORMALIZATIONS.includes(normalization)) {
    throw new RangeError(
      `${name}: there is no normalization '${normalization}'; choose one of ${NORMALIZATIONS.join(', ')}`,
    );
  }
  if (softCap !== undefined && !(softCap > 0 && softCap < Infinity)) {
    throw new RangeError(`${name}: softCap must be a positive number, got ${softCap}; leave it out for no cap`);
  }
  if (sinks && normalization !== 'softmax') {
    throw new RangeError(`${name}: sinks are part of a softmax's denominator, which '${normalization}' does not have`);
  }
  if (window !== undefined) checkWindow(`${name}: window`, window);
}
