import { arange, type Tensor } from '@qkv/tensor';

/**
 * Masks are boolean and true means "may attend"; they broadcast to (B, H, T, S), and are combined by `and`.
 * torch's boolean masks say the opposite: true (1) is blocked there.
 */

/** ids (B, S) → (B, 1, 1, S): whatever is not padding may be attended to. */
export function paddingMask(ids: Tensor, padId: number): Tensor {
  return ids.notEqual(padId).unsqueeze(1).unsqueeze(1); // (B, 1, 1, S)
}

/** (1, 1, T, T): position i may attend to j ≤ i. The option `causal` of attention means the same, and costs less. */
export function causalMask(length: number): Tensor {
  const position = arange(length);
  return position.lessEqual(position.unsqueeze(-1)).unsqueeze(0).unsqueeze(0); // (1, 1, T, T)
}
