import { concat, pad, type Tensor } from '@qkv/tensor';

export interface WindowOptions {
  /** K, elements in a window. */
  readonly size: number;
  /** From one window to the next. */
  readonly stride: number;
  /** From one element of a window to the next. */
  readonly dilation: number;
  /** Elements of `value` before the first and after the last. */
  readonly before: number;
  readonly after: number;
  readonly value?: number;
}

/** L: how many windows lie wholly within `length` elements and the padding; below 1 where none does. */
export function windowCount(length: number, { size, stride, dilation, before, after }: WindowOptions): number {
  return Math.floor((before + length + after - dilation * (size - 1) - 1) / stride) + 1;
}

/**
 * Sliding windows along an axis, of length N: it becomes L, the windows, and a new axis of K, the elements of each, is put at
 * `place`. Window l holds the elements l·stride + k·dilation of the padded x.
 *
 * No slice takes every second element. But the axis seen as (⌈N/stride⌉, stride) has them in columns: a run of neighbouring
 * columns is a view that holds `stride` neighbouring elements of all windows at once, and ⌈K/stride⌉ views make the whole.
 * One view (K ≤ stride: patches that do not overlap) moves no data; several are copied once, by `concat`.
 */
export function windows(x: Tensor, axis: number, place: number, options: WindowOptions): Tensor {
  const { size, stride, dilation, before, value = 0 } = options;
  const count = windowCount(x.shape[axis], options);
  const lead = x.shape.slice(0, axis);
  const rest = x.shape.slice(axis + 1);
  const rows = count + Math.floor(((size - 1) * dilation) / stride);
  const columns = resized(x, axis, before, rows * stride, value).reshape([...lead, rows, stride, ...rest]);
  // Where elements of a window are neighbours, a run of columns; else one column each.
  const run = dilation === 1 ? stride : 1;
  const order = [...columns.shape.keys()].filter((i) => i !== axis + 1);
  order.splice(place, 0, axis + 1);
  const views: Tensor[] = [];
  for (let k = 0; k < size; k += run) {
    const [row, column] = [Math.floor((k * dilation) / stride), (k * dilation) % stride];
    const start = [...lead.map(() => 0), row, column];
    views.push(columns.slice(start, [...lead, count, Math.min(run, size - k)]).permute(order));
  }
  return views.length === 1 ? views[0] : concat(views, place);
}

/** x with `before` elements more in front, and then as many behind, or as many fewer, as make it `length` long. */
function resized(x: Tensor, axis: number, before: number, length: number, value: number): Tensor {
  const front = Math.min(before, length);
  const kept = Math.min(x.shape[axis], length - front);
  const after = length - front - kept;
  const along = (amount: number): number[] => x.shape.map((_, i) => (i === axis ? amount : 0));
  const cut = kept === x.shape[axis] ? x : x.slice([], x.shape.with(axis, kept));
  return front === 0 && after === 0 ? cut : pad(cut, along(front), along(after), value);
}
