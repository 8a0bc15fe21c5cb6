/**
 * How a kernel reads its arguments. `args` is the address of the step's 32-bit words, written once by `src/encoders`;
 * `slots` is the address of a table that holds, for each slot of the plan, where its memory starts in this run.
 * Addresses are unsigned: memory may reach 4 GiB.
 */

/** Word `i` as an integer. */
// @ts-ignore: decorator
@inline
export function int(args: usize, i: i32): i32 {
  return load<i32>(args + (<usize>i << 2));
}

/** Word `i` as a float32. */
// @ts-ignore: decorator
@inline
export function float(args: usize, i: i32): f32 {
  return load<f32>(args + (<usize>i << 2));
}

/** Words `i` and `i + 1` as a float64. */
// @ts-ignore: decorator
@inline
export function double(args: usize, i: i32): f64 {
  return load<f64>(args + (<usize>i << 2));
}

/** Words `i` and `i + 1`: a slot and a byte offset, as an address. */
// @ts-ignore: decorator
@inline
export function ptr(args: usize, i: i32, slots: usize): usize {
  const at = args + (<usize>i << 2);
  return load<u32>(slots + (<usize>load<u32>(at) << 2)) + load<u32>(at, 4);
}

/** First index of part `part` when `n` items are dealt out in `parts` contiguous runs; part `parts` ends at `n`. */
// @ts-ignore: decorator
@inline
export function share(n: i32, part: i32, parts: i32): i32 {
  return <i32>((<i64>n * part) / parts);
}
