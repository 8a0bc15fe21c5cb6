import { arange, concat, ones, pad, select, type Tensor } from '@qkv/tensor';

import { exclusiveSums } from './prefix-sums';

/**
 * Attention with the similarity φ(q)·φ(k), φ(x) = elu(x) + 1 (Katharopoulos et al. 2020, Eq. 4 to 7):
 *
 *   y_i = φ(q_i)ᵀ S_i / φ(q_i)ᵀ z_i,   S_i = Σ_j φ(k_j) v_jᵀ,   z_i = Σ_j φ(k_j),
 *
 * over all j, or j ≤ i. A column of ones beside the values makes z the last column of S: one matrix (Dh, Dv + 1) is all that
 * is remembered of any number of keys.
 *
 * All take q (B, T, H, Dh), k (B, S, H, Dh), v (B, S, H, Dv) and a mask of keys, bool (B, 1, 1, S), and give (B, T, H, Dv). A
 * query with nothing to attend to gets zeros.
 */

/** Positions that the causal form treats at a time. */
const CHUNK = 64;

/** elu(x) + 1: x + 1 above 0, eˣ below. */
export function featureMap(x: Tensor): Tensor {
  const above = x.greater(0);
  // The inner select keeps e^x of large x, which is infinite, out of the gradient.
  return select(above, x.add(1), select(above, 0, x).exp());
}

/** φ(q), φ(k), and v with its column of ones, as (B, H, T or S, …); keys that are masked count as nothing. */
function prepared(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | undefined): [Tensor, Tensor, Tensor] {
  const [query, key, value] = [featureMap(q), featureMap(k), v].map((x) => x.permute([0, 2, 1, 3]));
  const values = concat([value, ones([...value.shape.slice(0, 3), 1])], -1); // (B, H, S, Dv + 1)
  if (mask === undefined) return [query, key, values];
  return [query, select(mask.reshape([mask.shape[0], 1, -1, 1]), key, 0), values];
}

/** (B, H, T, Dv + 1), weighted values and the sum of the weights → (B, T, H, Dv). */
function divided(sums: Tensor): Tensor {
  const [B, H, T, columns] = sums.shape;
  const total = sums.slice([0, 0, 0, columns - 1]);
  const weighted = sums.slice([0, 0, 0, 0], [B, H, T, columns - 1]);
  return weighted.div(select(total.equal(0), 1, total)).permute([0, 2, 1, 3]);
}

/** Every query attends to every key. */
export function linearAttention(q: Tensor, k: Tensor, v: Tensor, mask?: Tensor): Tensor {
  const [query, key, values] = prepared(q, k, v, mask);
  return divided(query.matmul(key.transpose().matmul(values))); // (B, H, T, Dh) × (B, H, Dh, Dv + 1)
}

/**
 * Query i attends to keys j ≤ i, and to those that went into `state`, (B, H, Dh, Dv + 1), before. Gives the state after the
 * last key too. One position is a step of the recurrent form (Eq. 16 to 20). Many are the parallel form in chunks: within
 * one the product of queries and keys, before it the sum S of the chunks before. O(T).
 */
export function causalLinearAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  { mask, state }: { readonly mask?: Tensor; readonly state?: Tensor } = {},
): { output: Tensor; state: Tensor } {
  const [B, T, H, Dh] = q.shape;
  const E = v.shape[3] + 1;
  const C = Math.max(1, Math.min(T, CHUNK));
  const chunks = Math.ceil(T / C);
  // φ(k) = 0 after the end: such keys count as nothing.
  const [query, key, values] = prepared(q, k, v, mask).map((x) =>
    pad(x, [0, 0, 0, 0], [0, 0, chunks * C - T, 0]).reshape([B, H, chunks, C, x.shape[3]]),
  );
  const past = arange(C).lessEqual(arange(C).unsqueeze(-1)); // (C, C)
  const within = select(past, query.matmul(key.transpose()), 0).matmul(values); // (B, H, chunks, C, E)

  const sums = key.transpose().matmul(values); // (B, H, chunks, Dh, E)
  const total = sums.sum(2);
  let before = state?.unsqueeze(2); // what each chunk finds
  if (chunks > 1) {
    const earlier = exclusiveSums(sums.reshape([B * H, chunks, Dh * E])).reshape([B, H, chunks, Dh, E]);
    before = before === undefined ? earlier : earlier.add(before);
  }
  const all = before === undefined ? within : within.add(query.matmul(before));
  const output = divided(all.reshape([B, H, chunks * C, E]).slice([0, 0, 0], [B, H, T]));
  return { output, state: state === undefined ? total : total.add(state) };
}
