import { expectSize, Module } from '@qkv/nn';
import { constant, type Tensor } from '@qkv/tensor';

import { inversePowers, progression } from './angles';
import type { AttentionPositions } from './attention-positions';
import { relativePositions } from './relative';

/**
 * The slopes of ALiBi's heads (Press et al. 2022, section 3): 2^(−8h/H), h = 1 … H. Where H is no power of two, those of
 * the power P below, and then the first of every second one of 2P, as in the authors' code.
 */
export function alibiSlopes(heads: number): Float64Array {
  const power = 2 ** (31 - Math.clz32(heads));
  const slopes = inversePowers(256, power, progression(power, 1, 1));
  return Float64Array.of(...slopes, ...inversePowers(256, 2 * power, progression(heads - power, 1, 2)));
}

export interface AlibiPositionsOptions {
  /** H */
  readonly heads: number;
}

/**
 * Attention with linear biases (Press et al. 2022, section 3): −m_h·|i − j| is added to the score of query i and key j in
 * head h, see `alibiSlopes`. The distance counts both ways, for attention that is not causal too. Has no parameters, and no
 * longest sequence.
 */
export class AlibiPositions extends Module implements AttentionPositions {
  readonly heads: number;

  constructor({ heads }: AlibiPositionsOptions) {
    super();
    expectSize('AlibiPositions', 'heads', heads);
    this.heads = heads;
  }

  /** The same as `bias`. */
  override forward(queryPositions: Tensor, keyPositions: Tensor): Tensor {
    const distance = relativePositions('AlibiPositions', queryPositions, keyPositions).abs().cast('float32'); // (…, T, S)
    const [T, S] = distance.shape.slice(-2);
    const slopes = constant(alibiSlopes(this.heads), [this.heads, 1, 1]);
    return distance.reshape([-1, 1, T, S]).mul(slopes).neg(); // (B, H, T, S)
  }

  /** For positions int32 (T) or (B, T) and (S) or (B, S): float32 (1, H, T, S) or (B, H, T, S). */
  bias(queryPositions: Tensor, keyPositions: Tensor): Tensor {
    return this.forward(queryPositions, keyPositions);
  }
}
