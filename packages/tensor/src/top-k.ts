import { arange } from './create';
import { applyTensors } from './operation';
import type { Tensor } from './types';

export interface TopK {
  /** (…, k), largest first. */
  readonly values: Tensor;
  /** int32 (…, k): where they are along the last dimension. Of equal elements the first comes first. */
  readonly ids: Tensor;
}

/**
 * The k largest elements of each row, float32 (…, n), in order; k = n sorts. NaN counts as largest, as for `argMax`.
 * Gradients reach x through `values`. Throws a `ShapeError` where k is not in 1 … n.
 */
export function topK(x: Tensor, k: number): TopK {
  const ids = applyTensors('topK', [x], { k })[0]!; // (…, k)
  const n = x.shape.at(-1)!;
  const rows = ids.size / k;
  const flat = ids.reshape([rows, k]).add(arange(rows).mul(n).unsqueeze(1)); // (rows, k), in x as one row
  return { ids, values: x.reshape([rows * n]).gather(flat).reshape(ids.shape) };
}
