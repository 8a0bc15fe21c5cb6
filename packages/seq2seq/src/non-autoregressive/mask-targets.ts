import { arange, randomUniform, select, type Tensor } from '@qkv/tensor';

/**
 * Random masks for training (Ghazvininejad et al. 2019, section 3.2): of the N tokens of a row n, drawn from 1 … N, are
 * masked, any n of them. `present`, bool (B, T), says which positions are tokens → bool (B, T). Needs a seed.
 */
export function randomMask(present: Tensor): Tensor {
  const [B, T] = present.shape;
  const N = present.cast('int32').sum(-1, { keep: true }); // (B, 1)
  const n = randomUniform([B, 1]).mul(N.cast('float32')).floor().cast('int32').add(1); // (B, 1)
  return smallest(randomUniform([B, T]), present, n);
}

/** bool (B, T): the n smallest, int32 (B, 1), of x (B, T) among those that are present; of equals the first. */
export function smallest(x: Tensor, present: Tensor, n: Tensor): Tensor {
  const [, T] = x.shape;
  const order = arange(T);
  const [other, own] = [x.unsqueeze(1), x.unsqueeze(2)]; // (B, 1, T), (B, T, 1)
  const before = other.less(own).or(other.equal(own).and(order.less(order.unsqueeze(1)))); // (B, T, T)
  const rank = before.and(present.unsqueeze(1)).cast('int32').sum(-1); // (B, T)
  return rank.less(n).and(present);
}

/** Where `masked` holds, MASK in place of the target: int32 (B, T). */
export function maskTargets(target: Tensor, masked: Tensor, maskId: number): Tensor {
  return select(masked, maskId, target);
}
