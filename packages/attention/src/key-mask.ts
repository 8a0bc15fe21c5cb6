import { arange, isTensor, ShapeError, type Tensor } from '@qkv/tensor';

import type { Mask } from './masks';

/** A mask of keys alone as a tensor, bool (B, 1, 1, S) or (1, 1, 1, S); throws for one that differs between queries. */
export function keyMask(layer: string, given: Tensor | Mask | undefined, length: number): Tensor | undefined {
  const mask = given === undefined || isTensor(given) ? given : given.at(arange(length), arange(length));
  if (mask === undefined) return mask;
  if (mask.dtype === 'bool' && mask.rank === 4 && mask.size === mask.shape[0] * length && mask.shape[3] === length)
    return mask;
  throw new ShapeError(
    `${layer}: expected a mask of keys, bool (B, 1, 1, ${length}), got ${mask.dtype} [${mask.shape.join(', ')}]; ` +
      'which keys a query sees cannot be set one by one here',
  );
}
