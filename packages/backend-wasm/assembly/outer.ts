/**
 * Walks the rows of strided windows: an inner dimension, which the kernel loops over itself, a middle one, which only
 * adds, and any others, which cost a division each. Words from `dims` on: outer dimensions, then for each, innermost
 * first, its size and one stride in elements per operand.
 */
// @ts-ignore: decorator
@inline
export function outerOffset(dims: usize, index: i32, operand: i32, operands: i32): usize {
  let at: usize = 0;
  const count = load<i32>(dims);
  let dim = dims + 4;
  for (let d = 0; d < count; d++) {
    const size = load<i32>(dim);
    at += <usize>(index % size) * <usize>load<i32>(dim + (<usize>operand << 2), 4);
    index /= size;
    dim += <usize>((1 + operands) << 2);
  }
  return at << 2;
}
