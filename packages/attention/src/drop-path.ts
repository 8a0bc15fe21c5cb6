import { Module } from '@qkv/nn';
import { dropout, ones, type Tensor } from '@qkv/tensor';

export interface DropPathOptions {
  /** Probability that a row's sublayer is left out; 0 keeps all. */
  readonly rate: number;
}

/**
 * Stochastic depth (Huang et al. 2016, section 3): while training, a row of the batch becomes 0 as a whole with probability
 * `rate`, and the others are scaled by 1/(1 − rate), so that nothing needs to be rescaled afterwards; otherwise the
 * identity. x (B, …) → (B, …).
 */
export class DropPath extends Module {
  readonly rate: number;

  constructor({ rate }: DropPathOptions) {
    super();
    if (!(rate >= 0 && rate < 1)) throw new RangeError(`DropPath: rate must be in [0, 1), got ${rate}`);
    this.rate = rate;
  }

  override forward(x: Tensor): Tensor {
    const rows = ones([x.shape[0], ...x.shape.slice(1).map(() => 1)]); // (B, 1, …)
    const kept = dropout(rows, this.rate);
    return kept === rows ? x : x.mul(kept);
  }
}

/** Rates that rise linearly from 0 in the first layer to `rate` in the last, as deeper layers can be spared sooner. */
export function dropPathRates(rate: number, layers: number): number[] {
  return Array.from({ length: layers }, (_, i) => (layers === 1 ? 0 : (rate * i) / (layers - 1)));
}
