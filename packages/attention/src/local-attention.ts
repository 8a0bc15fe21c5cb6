import { arange, concat, ones, pad, scaledDotProductAttention, ShapeError, type Tensor } from '@qkv/tensor';

import { keyMask } from './key-mask';
import { type AttentionWindow, checkWindow, type Mask } from './masks';
import type { AttentionPositions } from './positions/attention-positions';

/** Attention of any kind: query (B, T, H, Dh), key and value (B, S, …) → (B, T, H, Dv); mask and bias broadcast to (B, H, T, S). */
export type Attend = (
  query: Tensor,
  key: Tensor,
  value: Tensor,
  options: { readonly mask: Tensor; readonly bias?: Tensor },
) => Tensor;

export interface LocalAttentionOptions {
  readonly window: AttentionWindow;
  /** Which keys may be attended to at all: a mask of keys such as `paddingMask`, or bool (B, 1, 1, N) or (1, 1, 1, N). */
  readonly mask?: Tensor | Mask;
  /** Whose `bias` is added to the scores. It depends on distances only, so one block's is every block's. */
  readonly positions?: AttentionPositions;
  /** What a block of queries does with its keys; scaled dot-product attention by default. */
  readonly attend?: Attend;
}

/** Blocks are at least this long: products of small matrices cost more than what they save. */
const SMALLEST_BLOCK = 32;

const scaledDotProduct: Attend = (query, key, value, options) =>
  scaledDotProductAttention(query, key, value, options).output;

/**
 * Truncated self-attention: attention in which query i sees the keys of a window around i, at a cost of O(N·w) in time and
 * memory, w = before + after (Vaswani et al. 2017, section 4, "restricted"; in blocks as in Beltagy et al. 2020, section 3.2).
 * Queries are taken in blocks of M = max(w, 32), each with the M + w keys that it can see.
 *
 * query (B, N, H, Dh), key and value (B, N, …) → (B, N, H, Dv).
 */
export function localAttention(query: Tensor, key: Tensor, value: Tensor, options: LocalAttentionOptions): Tensor {
  const { window, positions, attend = scaledDotProduct } = options;
  const [B, N] = query.shape;
  checkWindow('localAttention: window', window);
  if (key.shape[1] !== N || value.shape[1] !== N) {
    throw new ShapeError(
      `localAttention: a window needs as many keys as queries, got ${key.shape[1]} and ${N}; use a mask instead`,
    );
  }
  const mask = keyMask('localAttention', options.mask, N);
  const before = Math.min(window.before, Math.max(N - 1, 0));
  const after = Math.min(window.after, Math.max(N - 1, 0));
  const M = Math.max(before + after, SMALLEST_BLOCK);
  const S = M + before + after;
  if (N <= S) {
    const may = band(N, N, before, after);
    const bias = positions?.bias?.(arange(N), arange(N));
    return attend(query, key, value, { mask: mask === undefined ? may : mask.and(may), bias });
  }

  const blocks = Math.ceil(N / M);
  // Key s of block m is position m·M + s − before; those outside of the sequence are padding, which nobody may attend to.
  const keysOf = (x: Tensor): Tensor => intoBlocks(x, blocks, M, before, before + after); // (B·blocks, S, …)
  const open = mask === undefined ? ones([1, N], 'bool') : mask.reshape([-1, N]);
  const inside = keysOf(open.expand([B, N])).reshape([B * blocks, 1, 1, S]);
  const output = attend(intoBlocks(query, blocks, M, 0, 0), keysOf(key), keysOf(value), {
    mask: inside.and(band(M, S, 0, before + after)), // (B·blocks, 1, M, S)
    bias: positions?.bias?.(arange(M).add(before), arange(S)),
  });
  const [, , ...rest] = output.shape;
  return output.reshape([B, blocks * M, ...rest]).slice([0, 0], [B, N]); // (B, N, H, Dv)
}

/** bool (1, 1, T, S): −before ≤ s − t ≤ after. */
function band(T: number, S: number, before: number, after: number): Tensor {
  const distance = arange(S).sub(arange(T).unsqueeze(-1));
  return distance.greaterEqual(-before).and(distance.lessEqual(after)).reshape([1, 1, T, S]);
}

/** (B, N, …) → (B·blocks, size + more, …): block m holds the positions from m·size − before on; 0 outside of the sequence. */
function intoBlocks(x: Tensor, blocks: number, size: number, before: number, more: number): Tensor {
  const [B, N, ...rest] = x.shape;
  const all = more > 0 ? blocks + 1 : blocks;
  const none = rest.map(() => 0);
  const grid = pad(x, [0, before, ...none], [0, all * size - before - N, ...none]).reshape([B, all, size, ...rest]);
  const own = grid.slice([0, 0], [B, blocks]);
  const joined = more > 0 ? concat([own, grid.slice([0, 1, 0], [B, blocks, more])], 2) : own;
  return joined.reshape([B * blocks, size + more, ...rest]);
}
