import { concat, pad, type Tensor } from '@qkv/tensor';

/** Sliding windows along one axis. */
export interface WindowOptions {
  /** K, elements in a window. */
  readonly size: number;
  /** From one window to the next. */
  readonly stride: number;
  /** From one element of a window to the next. */
  readonly dilation: number;
  /** Elements of padding before the first and after the last. */
  readonly before: number;
  readonly after: number;
}

/** L: how many windows lie wholly within `length` elements and the padding; below 1 where none does. */
export function windowCount(length: number, { size, stride, dilation, before, after }: WindowOptions): number {
  return Math.floor((before + length + after - dilation * (size - 1) - 1) / stride) + 1;
}

/** Whole strides that all windows need beyond one for each of them. */
const overhang = ({ size, stride, dilation }: WindowOptions): number => Math.floor(((size - 1) * dilation) / stride);

/** Pads the axes 1, 2, … with `value`, and makes them as many whole strides long as `windows` needs. */
export function padForWindows(x: Tensor, options: readonly WindowOptions[], value = 0): Tensor {
  const before = x.shape.map(() => 0);
  const after = x.shape.map(() => 0);
  const kept = [...x.shape];
  options.forEach((one, i) => {
    const axis = i + 1;
    const length = (windowCount(x.shape[axis], one) + overhang(one)) * one.stride;
    before[axis] = Math.min(one.before, length);
    kept[axis] = Math.min(x.shape[axis], length - before[axis]);
    after[axis] = length - before[axis] - kept[axis];
  });
  const cut = partOf(x, [], kept);
  return [...before, ...after].every((n) => n === 0) ? cut : pad(cut, before, after, value);
}

/**
 * The windows along an axis of a padded x: the axis gets their number L, and a new axis of K, their elements, is put at
 * `place`. Window l holds the elements l·stride + k·dilation.
 *
 * No slice takes every second element. But the axis seen as (N/stride, stride) has them in columns: a run of neighbouring
 * columns is a view that holds `stride` neighbouring elements of all windows at once, and ⌈K/stride⌉ views make the whole.
 * One view (K ≤ stride: windows that do not overlap) moves no data; several are copied once, by `concat`.
 */
export function windows(x: Tensor, axis: number, place: number, options: WindowOptions): Tensor {
  const { size, stride, dilation } = options;
  const lead = x.shape.slice(0, axis);
  const rows = x.shape[axis] / stride;
  const count = rows - overhang(options);
  const columns = x.reshape([...lead, rows, stride, ...x.shape.slice(axis + 1)]);
  // Where elements of a window are neighbours, a run of columns; else one column each.
  const run = dilation === 1 ? stride : 1;
  const order = [...columns.shape.keys()].filter((i) => i !== axis + 1);
  order.splice(place, 0, axis + 1);
  const views: Tensor[] = [];
  for (let k = 0; k < size; k += run) {
    const start = [...lead.map(() => 0), Math.floor((k * dilation) / stride), (k * dilation) % stride];
    views.push(partOf(columns, start, [...lead, count, Math.min(run, size - k)]).permute(order));
  }
  return views.length === 1 ? views[0] : concat(views, place);
}

/** A slice, or x itself where that is all of it: the gradient of a slice is padded. */
function partOf(x: Tensor, start: readonly number[], size: readonly number[]): Tensor {
  return size.every((n, i) => n === x.shape[i]) ? x : x.slice(start, size);
}
