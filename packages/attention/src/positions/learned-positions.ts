import { expectSize, normal } from '@qkv/nn';
import { Parameter, type Tensor } from '@qkv/tensor';

import { InputPositions } from './input-positions';

export interface LearnedPositionsOptions {
  readonly dimension: number;
  /** Number of rows: nothing is learned for positions beyond them, so there is no default. */
  readonly maxLength: number;
}

/**
 * x + P with a learned row for each position (Gehring et al. 2017, section 3.1; BERT, GPT-2, ViT).
 * x (B, T, D) → (B, T, D). Rows begin as N(0, 0.02²), as in BERT, GPT-2 and ViT.
 */
export class LearnedPositions extends InputPositions {
  readonly weight: Parameter;

  constructor({ dimension, maxLength }: LearnedPositionsOptions) {
    expectSize('LearnedPositions', 'dimension', dimension);
    expectSize('LearnedPositions', 'maxLength', maxLength);
    super(dimension, maxLength);
    const shape = [maxLength, dimension];
    this.weight = new Parameter({ shape, initialize: () => normal({ deviation: 0.02 })(shape) });
  }

  protected override table(): Tensor {
    return this.weight.value;
  }
}
