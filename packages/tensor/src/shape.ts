import type { Shape } from './dtype';

export function elementCount(shape: Shape): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Row-major strides in elements. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/** From the first to one past the last element of a window that is not empty. */
export function stridedExtent(shape: Shape, strides: readonly number[]): number {
  return shape.reduce((extent, size, d) => extent + (size - 1) * strides[d]!, 1);
}

/** Visits the elements of a strided window in row-major order. */
export function forEachOffset(shape: Shape, strides: readonly number[], visit: (offset: number, index: number) => void): void {
  const count = elementCount(shape);
  const at = new Array<number>(shape.length).fill(0);
  let offset = 0;
  for (let i = 0; i < count; i++) {
    visit(offset, i);
    for (let d = shape.length - 1; d >= 0; d--) {
      offset += strides[d]!;
      if (++at[d]! < shape[d]!) break;
      offset -= strides[d]! * shape[d]!;
      at[d] = 0;
    }
  }
}

export function checkShape(shape: Shape, what: string): void {
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new RangeError(`${what}: a dimension must be a non-negative integer, got ${formatShape(shape)}`);
    }
  }
}

/** Broadcasts as NumPy does: aligned at the right, sizes equal or 1. Returns null where shapes do not fit. */
export function broadcastShapes(a: Shape, b: Shape): Shape | null {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const x = i <= a.length ? a[a.length - i]! : 1;
    const y = i <= b.length ? b[b.length - i]! : 1;
    if (x !== y && x !== 1 && y !== 1) return null;
    out[rank - i] = x === 1 ? y : x;
  }
  return out;
}

/** Turns −1 into rank−1 and so on; throws outside −rank … rank−1. */
export function normalizeAxis(axis: number, rank: number, what: string): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || positive < 0 || positive >= rank) {
    throw new RangeError(`${what}: axis ${axis} is outside a tensor of rank ${rank}`);
  }
  return positive;
}

/** Sorted, distinct, non-negative axes; `undefined` means all. */
export function normalizeAxes(axes: number | readonly number[] | undefined, rank: number, what: string): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof axes === 'number' ? [axes] : axes).map((axis) => normalizeAxis(axis, rank, what));
  const sorted = [...new Set(list)].sort((a, b) => a - b);
  if (sorted.length !== list.length) throw new RangeError(`${what}: axes ${formatShape(list)} name one twice`);
  return sorted;
}
