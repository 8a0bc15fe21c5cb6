import { expectSize, Module, zeros } from '@qkv/nn';
import { Parameter, type Tensor } from '@qkv/tensor';

import type { AttentionPositions } from './attention-positions';
import { clippedIndex, headBias, relativePositions } from './relative';

export interface ClippedRelativePositionsOptions {
  /** H */
  readonly heads: number;
  /** k: positions further apart than this count as this far. */
  readonly maxDistance: number;
}

/**
 * A learned bias for each head and clipped distance: w[clip(j − i, −k, k) + k, h] is added to the score of query i and key j
 * (the clipping of Shaw et al. 2018, section 3.2, with one number in place of their vector). `weight` (2k + 1, H) begins
 * at 0: no distance is preferred.
 */
export class ClippedRelativePositions extends Module implements AttentionPositions {
  readonly maxDistance: number;
  readonly weight: Parameter;

  constructor({ heads, maxDistance }: ClippedRelativePositionsOptions) {
    super();
    expectSize('ClippedRelativePositions', 'heads', heads);
    expectSize('ClippedRelativePositions', 'maxDistance', maxDistance);
    this.maxDistance = maxDistance;
    const shape = [2 * maxDistance + 1, heads];
    this.weight = new Parameter({ shape, initialize: () => zeros(shape) });
  }

  /** The same as `bias`. */
  override forward(queryPositions: Tensor, keyPositions: Tensor): Tensor {
    const relative = relativePositions('ClippedRelativePositions', queryPositions, keyPositions);
    return headBias(this.weight, clippedIndex(relative, this.maxDistance));
  }

  /** For positions int32 (T) or (B, T) and (S) or (B, S): float32 (1, H, T, S) or (B, H, T, S). */
  bias(queryPositions: Tensor, keyPositions: Tensor): Tensor {
    return this.forward(queryPositions, keyPositions);
  }
}
