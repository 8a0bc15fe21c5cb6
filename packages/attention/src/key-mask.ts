import { ShapeError, type Tensor } from '@qkv/tensor';

/** Throws unless the mask is one of keys alone: bool (B, 1, 1, S) or (1, 1, 1, S). */
export function expectKeyMask(layer: string, mask: Tensor, length: number): void {
  if (mask.dtype === 'bool' && mask.rank === 4 && mask.size === mask.shape[0] * length && mask.shape[3] === length)
    return;
  throw new ShapeError(
    `${layer}: expected a mask of keys, bool (B, 1, 1, ${length}), got ${mask.dtype} [${mask.shape.join(', ')}]; ` +
      'which keys a query sees cannot be set one by one here',
  );
}
