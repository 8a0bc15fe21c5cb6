import type { Module } from '@qkv/nn';
import type { Tensor } from '@qkv/tensor';

/**
 * Positions inside of attention: queries and keys are turned (`rotate`), or scores are shifted (`bias`). Positions are data,
 * so that a token at a position known only at run time takes the same plan as any other.
 */
export interface AttentionPositions extends Module {
  /** Queries or keys (B, T, H, Dh) turned by their positions, int32 (T) or (B, T). */
  rotate?(x: Tensor, positions: Tensor): Tensor;
  /**
   * Added to the scores: float32 (1, H, T, S) or (B, H, T, S), for query positions int32 (T) or (B, T) and key positions
   * (S) or (B, S).
   */
  bias?(queryPositions: Tensor, keyPositions: Tensor): Tensor;
}
