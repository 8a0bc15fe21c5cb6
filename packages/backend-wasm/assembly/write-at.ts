import { int, ptr, share } from './abi';

/**
 * y = x but for one slice; where y is x, only the slice is touched. A position that is not there writes nothing.
 * Words: x (2), slice (2), position (2), y (2), outer size, L, bytes of a slice.
 */
export function writeAt(args: usize, slots: usize, part: i32, parts: i32): i32 {
  const x = ptr(args, 0, slots);
  const slice = ptr(args, 2, slots);
  const position = load<i32>(ptr(args, 4, slots));
  const y = ptr(args, 6, slots);
  const outer = int(args, 8);
  const length = int(args, 9);
  const inner = <usize>int(args, 10);
  const row = <usize>length * inner;
  const begin = share(outer, part, parts);
  const end = share(outer, part + 1, parts);
  if (x != y) memory.copy(y + <usize>begin * row, x + <usize>begin * row, <usize>(end - begin) * row);
  if (position < 0 || position >= length) return 0;
  const at = y + <usize>position * inner;
  if (inner == 4) for (let i = begin; i < end; i++) store<i32>(at + <usize>i * row, load<i32>(slice + (<usize>i << 2)));
  else for (let i = begin; i < end; i++) memory.copy(at + <usize>i * row, slice + <usize>i * inner, inner);
  return 0;
}
