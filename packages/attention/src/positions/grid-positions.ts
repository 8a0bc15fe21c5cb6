import { expectSize } from '@qkv/nn';
import type { Tensor, Variable } from '@qkv/tensor';

import { inversePowers, progression, rotations } from './angles';
import { InputPositions } from './input-positions';
import { tableVariable } from './table-variable';

/**
 * 2-D sinusoidal positions as of MAE (He et al. 2022, appendix A.1, and its code): cell (y, x) of a grid has
 * [sin(x·ω) cos(x·ω) sin(y·ω) cos(y·ω)] with ω_i = 10000^(−i/(D/4)), i = 0 … D/4 − 1.
 * Row-major (height · width, D), cells in reading order, in double precision.
 */
export function gridTable(height: number, width: number, dimension: number): Float64Array {
  const quarter = dimension / 4;
  const frequencies = inversePowers(10000, quarter, progression(quarter, 0, 1));
  const { sine, cosine } = rotations(Math.max(height, width), frequencies);
  const table = new Float64Array(height * width * dimension);
  for (let cell = 0; cell < height * width; cell++) {
    const x = cell % width;
    [x, (cell - x) / width].forEach((p, axis) => {
      const at = cell * dimension + axis * 2 * quarter;
      table.set(sine.subarray(p * quarter, (p + 1) * quarter), at);
      table.set(cosine.subarray(p * quarter, (p + 1) * quarter), at + quarter);
    });
  }
  return table;
}

export interface GridPositionsOptions {
  /** Cells from top to bottom. */
  readonly height: number;
  /** Cells from left to right. */
  readonly width: number;
  /** D, a multiple of 4: sine and cosine of each of two coordinates. */
  readonly dimension: number;
}

/** x + P for the cells of a grid in reading order, see `gridTable`. x (B, height · width, D) → the same. No parameters. */
export class GridPositions extends InputPositions {
  readonly height: number;
  readonly width: number;
  readonly #table: Variable;

  constructor({ height, width, dimension }: GridPositionsOptions) {
    expectSize('GridPositions', 'height', height);
    expectSize('GridPositions', 'width', width);
    expectSize('GridPositions', 'dimension', dimension);
    if (dimension % 4 !== 0) throw new RangeError(`GridPositions: dimension ${dimension} must be a multiple of 4`);
    super(dimension, height * width);
    this.height = height;
    this.width = width;
    this.#table = tableVariable([this.maxLength, dimension], () => gridTable(height, width, dimension));
  }

  protected override table(): Tensor {
    return this.#table.value;
  }
}
