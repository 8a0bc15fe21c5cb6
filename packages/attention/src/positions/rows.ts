import { internals, ShapeError, type Tensor, withPath } from '@qkv/tensor';

/** Throws unless `positions` is int32 (T) or (B, T). */
export function expectPositions(layer: string, positions: Tensor): void {
  if (positions.dtype !== 'int32' || positions.rank < 1 || positions.rank > 2) {
    throw new ShapeError(
      `${layer}: positions are int32 (T) or (B, T), got ${positions.dtype} [${positions.shape.join(', ')}]`,
    );
  }
}

/** Throws unless there is a position for each of `length`, alike for all rows, (length), or not, (rows, length). */
export function expectOneEach(expected: string, { shape }: Tensor, rows: number, length: number): void {
  if (shape.at(-1) === length && (shape.length === 1 || shape[0] === 1 || shape[0] === rows)) return;
  throw new ShapeError(`${expected} (${length}) or (${rows}, ${length}), got [${shape.join(', ')}]`);
}

export function expectLength(layer: string, length: number, maxLength: number): void {
  if (length > maxLength) throw new ShapeError(`${layer}: ${length} positions exceed maxLength ${maxLength}`);
}

/**
 * Rows of a table by position: positions.shape + the table's shape without its first dimension. Positions are data, which
 * only the kernel can check; those of `arange` are known here, and fail at once.
 */
export function rowsAt(layer: string, table: Tensor, positions: Tensor): Tensor {
  const [maxLength] = table.shape;
  const { node } = positions as unknown as internals.Value;
  if (node.op === 'iota') expectLength(layer, positions.size, maxLength);
  const path = internals.state.path;
  const where = `${layer}: position below maxLength ${maxLength}`;
  return withPath(path === '' ? where : `${path}, ${where}`, () => table.gather(positions));
}
