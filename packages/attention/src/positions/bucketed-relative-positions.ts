import { expectSize, Module, zeros } from '@qkv/nn';
import { constant, Parameter, type Tensor } from '@qkv/tensor';

import type { AttentionPositions } from './attention-positions';
import { clippedIndex, headBias, relativePositions } from './relative';

export interface BucketedRelativePositionsOptions {
  /** H */
  readonly heads: number;
  /** Number of learned rows; 32, as in T5. */
  readonly buckets?: number;
  /** From this distance on, all share the last bucket; 128, as in T5. */
  readonly maxDistance?: number;
  /** Whether keys after the query have buckets of their own, half of them; else they share the bucket of distance 0. true. */
  readonly bidirectional?: boolean;
}

/**
 * The bucket of a distance n ≥ 0, of `buckets`: the first half are a distance each, the others grow as the logarithm,
 * e + ⌊log(n/e) / log(maxDistance/e) · (buckets − e)⌋ with e = ⌊buckets/2⌋, up to the last. In whole numbers: log(n/e)/log(m/e)·r ≥ s
 * is n^r · e^s ≥ m^s · e^r.
 */
function bucketOf(n: number, buckets: number, maxDistance: number): number {
  const exact = Math.floor(buckets / 2);
  if (n < exact) return n;
  const [distance, e, m, r] = [n, exact, maxDistance, buckets - exact].map(BigInt);
  let s = 0n;
  while (s + 1n < r && distance ** r * e ** (s + 1n) >= m ** (s + 1n) * e ** r) s++;
  return exact + Number(s);
}

/**
 * T5's bias by buckets of relative position (Raffel et al. 2020, section 2.1, and its code): w[bucket(j − i), h] is added to
 * the score of query i and key j. Layers may share one. `weight` (buckets, H) begins at 0: no distance is preferred. T5 does
 * not scale its scores: its attention is `dotProduct`.
 */
export class BucketedRelativePositions extends Module implements AttentionPositions {
  readonly maxDistance: number;
  readonly weight: Parameter;
  /** Buckets of the relative positions −maxDistance … maxDistance. */
  readonly #buckets: Int32Array;

  constructor({ heads, buckets = 32, maxDistance = 128, bidirectional = true }: BucketedRelativePositionsOptions) {
    super();
    expectSize('BucketedRelativePositions', 'heads', heads);
    expectSize('BucketedRelativePositions', 'buckets', buckets);
    expectSize('BucketedRelativePositions', 'maxDistance', maxDistance);
    const each = bidirectional ? buckets / 2 : buckets;
    if (each < 2 || !Number.isInteger(each) || maxDistance <= Math.floor(each / 2)) {
      throw new RangeError(
        `BucketedRelativePositions: needs ${bidirectional ? 'an even number of at least 4' : 'at least 2'} buckets ` +
          `and a maxDistance above ${Math.floor(each / 2)}, got ${buckets} and ${maxDistance}`,
      );
    }
    this.maxDistance = maxDistance;
    this.weight = new Parameter({ shape: [buckets, heads], initialize: () => zeros([buckets, heads]) });
    this.#buckets = Int32Array.from({ length: 2 * maxDistance + 1 }, (_, index) => {
      const relative = index - maxDistance;
      if (relative <= 0) return bucketOf(-relative, each, maxDistance);
      return bidirectional ? each + bucketOf(relative, each, maxDistance) : 0;
    });
  }

  /** The same as `bias`. */
  override forward(queryPositions: Tensor, keyPositions: Tensor): Tensor {
    const relative = relativePositions('BucketedRelativePositions', queryPositions, keyPositions);
    return headBias(this.weight, constant(this.#buckets).gather(clippedIndex(relative, this.maxDistance)));
  }

  /** For positions int32 (T) or (B, T) and (S) or (B, S): float32 (1, H, T, S) or (B, H, T, S). */
  bias(queryPositions: Tensor, keyPositions: Tensor): Tensor {
    return this.forward(queryPositions, keyPositions);
  }
}
