import { expectLastDimension, Module } from '@qkv/nn';
import type { Tensor } from '@qkv/tensor';

import { expectLength, rowsAt } from './rows';

/** x + P, the first rows of a table P of positions. x (B, T, D) → (B, T, D); T beyond `maxLength` is an error. */
export abstract class InputPositions extends Module {
  readonly dimension: number;
  /** Number of rows. */
  readonly maxLength: number;

  constructor(dimension: number, maxLength: number) {
    super();
    this.dimension = dimension;
    this.maxLength = maxLength;
  }

  /** P, (maxLength, D). */
  protected abstract table(): Tensor;

  override forward(x: Tensor): Tensor {
    expectLastDimension(this.constructor.name, x, this.dimension);
    return x.add(this.first(x.shape.at(-2)!)); // (B, T, D) + (T, D)
  }

  /** The rows of the first `length` positions, (length, D). */
  first(length: number): Tensor {
    expectLength(this.constructor.name, length, this.maxLength);
    return this.scope(() => this.table().slice([0, 0], [length, this.dimension]));
  }

  /** The rows of these positions, int32 (…) → (…, D). A position outside the table fails the run. */
  at(positions: Tensor): Tensor {
    return this.scope(() => rowsAt(this.constructor.name, this.table(), positions));
  }
}
