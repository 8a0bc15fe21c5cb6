import { arange, type Tensor, type Variable, withPath } from '@qkv/tensor';

/** The position of a cache for `length` tokens, and on to the next. Past the end the run fails, before anything is written. */
export function advance(position: Variable, length: number, cache: string): Tensor {
  // The position is data, which only a kernel can check: row p of 0 … length−1 is p.
  const checked = withPath(`${cache}: position, of ${length}`, () => arange(length).gather(position.value));
  position.assign(checked.add(1));
  return checked;
}
