import { expectSize } from '@qkv/nn';
import type { Tensor, Variable } from '@qkv/tensor';

import { inversePowers, progression, rotations } from './angles';
import { InputPositions } from './input-positions';
import { tableVariable } from './table-variable';

/**
 * Sinusoidal positions (Vaswani et al. 2017, section 3.5): PE(p, 2i) = sin(p/10000^(2i/D)), PE(p, 2i+1) = cos of the same.
 * Row-major (length, D) in double precision, the same bits on every machine.
 */
export function sinusoidalTable(length: number, dimension: number): Float64Array {
  const pairs = Math.ceil(dimension / 2);
  const { sine, cosine } = rotations(length, inversePowers(10000, dimension, progression(pairs, 0, 2)));
  return Float64Array.from({ length: length * dimension }, (_, at) => {
    const column = at % dimension;
    const pair = ((at - column) / dimension) * pairs + Math.floor(column / 2);
    return column % 2 === 0 ? sine[pair] : cosine[pair];
  });
}

export interface SinusoidalPositionsOptions {
  readonly dimension: number;
  /** Longest sequence; 512, beyond which it is an error. */
  readonly maxLength?: number;
}

/** x + PE, see `sinusoidalTable`. x (B, T, D) → (B, T, D). Has no parameters. */
export class SinusoidalPositions extends InputPositions {
  readonly #table: Variable;

  constructor({ dimension, maxLength = 512 }: SinusoidalPositionsOptions) {
    expectSize('SinusoidalPositions', 'dimension', dimension);
    expectSize('SinusoidalPositions', 'maxLength', maxLength);
    super(dimension, maxLength);
    this.#table = tableVariable([maxLength, dimension], () => sinusoidalTable(maxLength, dimension));
  }

  protected override table(): Tensor {
    return this.#table.value;
  }
}
