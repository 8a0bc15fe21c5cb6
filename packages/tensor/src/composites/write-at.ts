import { arange, select } from '../create';
import type { TensorSpec } from '../dtype';
import { defineComposite } from '../operation';
import { formatShape, sameShape } from '../shape';
import { requireDType, ShapeError } from '../shape-error';
import type { Tensor } from '../types';

const writeAtNode = defineComposite({
  name: 'writeAt',
  version: 1,
  infer: ([x, slice, position], attributes): readonly TensorSpec[] => {
    const axis = attributes['axis'] as number;
    requireDType(position!, 'int32', 'writeAt: position');
    requireDType(slice!, x!.dtype, 'writeAt: slice');
    const expected = x!.shape.map((size, d) => (d === axis ? 1 : size));
    if (position!.shape.length !== 0) throw new ShapeError(`writeAt: the position is a scalar, got ${formatShape(position!.shape)}`);
    if (!sameShape(slice!.shape, expected)) {
      throw new ShapeError(`writeAt: ${formatShape(x!.shape)} takes a slice of ${formatShape(expected)} along axis ${axis}, got ${formatShape(slice!.shape)}`);
    }
    return [{ shape: x!.shape, dtype: x!.dtype }];
  },
  decompose: ([x, slice, position], attributes) => {
    const axis = attributes['axis'] as number;
    const along = x!.shape.map((size, d) => (d === axis ? size : 1));
    const here = arange(x!.shape[axis]!).equal(position!).reshape(along);
    return [select(here, slice!, x!)];
  },
});

/**
 * x with one slice replaced: y[…, position, …] = slice[…, 0, …], y = x elsewhere; `position` is an int32 scalar, so that a
 * position that moves on is one plan. When a Variable is assigned its own value written so, only the slice is touched.
 * Outside 0 … L−1 nothing is written.
 */
export function writeAt(x: Tensor, slice: Tensor, position: Tensor, axis = 0): Tensor {
  const at = axis < 0 ? axis + x.rank : axis;
  if (!Number.isInteger(at) || at < 0 || at >= x.rank) throw new RangeError(`writeAt: ${formatShape(x.shape)} has no axis ${axis}`);
  return writeAtNode([x, slice, position], { axis: at })[0]!;
}
