import { arange, type Tensor } from '@qkv/tensor';

/** Elements of x (B, M, …) by ids within each row, int32 (B, J) → (B, J, …). */
export function pick(x: Tensor, ids: Tensor): Tensor {
  const [B, M, ...rest] = x.shape;
  const flat = ids.add(arange(B).mul(M).unsqueeze(1)); // (B, J)
  return x.reshape([B * M, ...rest]).gather(flat);
}

/** One element of each row, x (N, V) at ids int32 (N) → (N). */
export function pickOne(x: Tensor, ids: Tensor): Tensor {
  return pick(x, ids.unsqueeze(1)).squeeze(1);
}
