import type { DType, Shape } from '../dtype';
import { contiguousStrides, elementCount } from '../shape';

/** A piece of memory that the plan will place: in the arena, or in the slot of a Variable. */
export interface PlanBuffer {
  readonly elements: number;
  readonly dtype: DType;
  /** 0 until memory is assigned, then its slot; Variables have theirs from the start. */
  slot: number;
  /** Byte offset within the slot, once assigned. */
  offset: number;
  /** Filled by the host before the first step. */
  readonly host: boolean;
  /** First step that writes it and last step that touches it. */
  first: number;
  last: number;
}

/** A strided window onto a buffer; offset and strides in elements. */
export interface View {
  readonly buffer: PlanBuffer;
  readonly offset: number;
  readonly shape: Shape;
  readonly strides: readonly number[];
}

export function makeBuffer(elements: number, dtype: DType, options: { slot?: number; host?: boolean } = {}): PlanBuffer {
  const { slot = 0, host = false } = options;
  return { elements, dtype, slot, offset: 0, host, first: host ? -1 : Number.MAX_SAFE_INTEGER, last: -1 };
}

export function wholeBuffer(buffer: PlanBuffer, shape: Shape): View {
  return { buffer, offset: 0, shape, strides: contiguousStrides(shape) };
}

export function isContiguous(view: View): boolean {
  let step = 1;
  for (let i = view.shape.length - 1; i >= 0; i--) {
    const size = view.shape[i]!;
    if (size !== 1 && view.strides[i] !== step) return elementCount(view.shape) === 0;
    step *= size;
  }
  return true;
}

export function permuteView(view: View, axes: readonly number[]): View {
  return { ...view, shape: axes.map((axis) => view.shape[axis]!), strides: axes.map((axis) => view.strides[axis]!) };
}

export function sliceView(view: View, start: readonly number[], size: readonly number[]): View {
  const offset = start.reduce((sum, s, i) => sum + s * view.strides[i]!, view.offset);
  return { ...view, offset, shape: size };
}

/** Broadcasts to a shape of equal or higher rank: repeated dimensions get stride 0. */
export function expandView(view: View, shape: Shape): View {
  const lead = shape.length - view.shape.length;
  const strides = shape.map((size, i) => (i < lead || (view.shape[i - lead] === 1 && size !== 1) ? 0 : view.strides[i - lead]!));
  return { ...view, shape, strides };
}

/** Reshapes without moving data, or null where the strides do not allow it. */
export function reshapeView(view: View, shape: Shape): View | null {
  if (isContiguous(view)) return { ...view, shape, strides: contiguousStrides(shape) };
  const strides = new Array<number>(shape.length).fill(0);
  let at = 0; // dimension of the source
  let to = 0;
  while (at < view.shape.length || to < shape.length) {
    // Take from both sides until the same number of elements is covered.
    let have = view.shape[at] ?? 1;
    let want = shape[to] ?? 1;
    const firstAt = at++;
    const firstTo = to++;
    while (have !== want) {
      if (have < want) {
        if (at >= view.shape.length) return null;
        have *= view.shape[at++]!;
      } else {
        if (to >= shape.length) return null;
        want *= shape[to++]!;
      }
    }
    // The source run must be one evenly strided row.
    let step = 0;
    let inner = 1;
    let started = false;
    for (let i = Math.min(at, view.shape.length) - 1; i >= firstAt; i--) {
      if (view.shape[i] === 1) continue;
      if (!started) {
        step = view.strides[i]!;
        started = true;
      } else if (view.strides[i] !== step * inner) return null;
      inner *= view.shape[i]!;
    }
    let stride = step;
    for (let i = Math.min(to, shape.length) - 1; i >= firstTo; i--) {
      strides[i] = stride;
      stride *= shape[i]!;
    }
  }
  return { ...view, shape, strides };
}

/**
 * Merges neighbouring dimensions in which all views advance evenly, and drops those of size 1: kernels then loop over
 * few long dimensions. All views have one shape. At least one dimension stays.
 */
export function coalesce(views: readonly View[], from = 0, to = views[0]!.shape.length): View[] {
  const shape = views[0]!.shape;
  const sizes: number[] = [];
  const strides: number[][] = views.map(() => []);
  for (let i = from; i < to; i++) {
    const size = shape[i]!;
    if (size === 1) continue;
    const top = sizes.length - 1;
    const merges = top >= 0 && views.every((view, v) => strides[v]![top] === view.strides[i]! * size);
    if (merges) {
      sizes[top] = sizes[top]! * size;
      views.forEach((view, v) => (strides[v]![top] = view.strides[i]!));
    } else {
      sizes.push(size);
      views.forEach((view, v) => strides[v]!.push(view.strides[i]!));
    }
  }
  if (sizes.length === 0) {
    sizes.push(1);
    for (const list of strides) list.push(1);
  }
  return views.map((view, v) => ({
    ...view,
    shape: [...shape.slice(0, from), ...sizes, ...shape.slice(to)],
    strides: [...view.strides.slice(0, from), ...strides[v]!, ...view.strides.slice(to)],
  }));
}
