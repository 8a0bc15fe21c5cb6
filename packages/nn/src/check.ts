import { ShapeError, type Tensor } from '@qkv/tensor';

import { place } from './tree';

/** Throws, naming the layer and where it is, unless the last dimension of x is `size`. */
export function expectLastDimension(layer: string, x: Tensor, size: number): void {
  if (x.shape.at(-1) !== size) {
    throw new ShapeError(`${layer}: expected a last dimension of ${size}, got [${x.shape.join(', ')}]${place()}`);
  }
}

/** Throws unless `value` is a positive integer. */
export function expectSize(layer: string, option: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`${layer}: ${option} must be a positive integer, got ${value}`);
  }
}
