import { select, type Shape, ShapeError, type Tensor } from '@qkv/tensor';

import { expectWindows, sizesOf } from './convolution';
import { place } from './tree';
import { padForWindows, type WindowOptions, windows } from './windows';

/** `Size` is a number, or one for each dimension. */
export interface PoolOptions<Size> {
  /** Elements of a window. */
  readonly kernel: Size;
  /** From one window to the next; as large as the kernel by default, so that windows do not overlap. */
  readonly stride?: Size;
  /** On either side, at most half a kernel; 0. A maximum never takes it; a mean takes it as zeros, as torch's does. */
  readonly padding?: Size;
}

type Pair = number | readonly [height: number, width: number];
type Reduction = 'max' | 'mean';

/** Axis by axis: a maximum of maxima, and a mean of means of equally many. */
function pool(
  layer: string,
  reduction: Reduction,
  x: Tensor,
  rank: number,
  options: PoolOptions<number | Shape>,
): Tensor {
  const { kernel, stride = kernel, padding = 0 } = options;
  const sizes = sizesOf(layer, 'kernel', kernel, rank);
  const strides = sizesOf(layer, 'stride', stride, rank);
  const around = sizesOf(layer, 'padding', padding, rank, 0);
  around.forEach((n, i) => {
    if (2 * n > sizes[i]) {
      throw new RangeError(`${layer}: padding must be at most half the kernel, got ${n} for a kernel of ${sizes[i]}`);
    }
  });
  if (x.rank !== rank + 2) {
    throw new ShapeError(
      `${layer}: expected ${rank + 2} dimensions, batch first and channels last, got [${x.shape.join(', ')}]${place()}`,
    );
  }
  const along = sizes.map((size, i): WindowOptions => ({
    size,
    stride: strides[i],
    dilation: 1,
    before: around[i],
    after: around[i],
  }));
  expectWindows(layer, x, along);
  let y = padForWindows(x, along, reduction === 'max' ? -Infinity : 0);
  for (let axis = rank; axis >= 1; axis--) {
    const each = windows(y, axis, axis + 1, along[axis - 1]); // (…, L, K, …)
    y = each[reduction](axis + 1);
  }
  return y;
}

/**
 * The largest of each window, x (B, T, C) → (B, ⌊(T + 2·padding − kernel)/stride⌋ + 1, C). Where several elements are the
 * largest, they share the gradient (torch gives it to the first).
 */
export function maxPool1d(x: Tensor, options: PoolOptions<number>): Tensor {
  return pool('maxPool1d', 'max', x, 1, options);
}

/** As maxPool1d, over height and width: x (B, H, W, C) → (B, H′, W′, C). */
export function maxPool2d(x: Tensor, options: PoolOptions<Pair>): Tensor {
  return pool('maxPool2d', 'max', x, 2, options);
}

/** The mean of each window, padding included; shapes as maxPool1d. */
export function averagePool1d(x: Tensor, options: PoolOptions<number>): Tensor {
  return pool('averagePool1d', 'mean', x, 1, options);
}

/** The mean of each window, padding included; shapes as maxPool2d. */
export function averagePool2d(x: Tensor, options: PoolOptions<Pair>): Tensor {
  return pool('averagePool2d', 'mean', x, 2, options);
}

/**
 * The largest of each channel over all positions, x (B, T, C) or (B, H, W, C) → (B, C). `mask`, bool of x's shape without
 * channels, is true for what counts: a sequence without its padding. Where nothing counts the result is 0.
 */
export function globalMaxPool(x: Tensor, mask?: Tensor): Tensor {
  const positions = positionsOf('globalMaxPool', x, mask);
  if (mask === undefined) return x.max(positions);
  const most = select(mask.unsqueeze(-1), x, -Infinity).max(positions); // (B, C)
  const any = mask.max(positions).unsqueeze(-1); // (B, 1)
  return select(any, most, 0);
}

/** The mean of each channel over all positions, or over those where `mask` is true: see globalMaxPool. */
export function globalAveragePool(x: Tensor, mask?: Tensor): Tensor {
  const positions = positionsOf('globalAveragePool', x, mask);
  if (mask === undefined) return x.mean(positions);
  const total = select(mask.unsqueeze(-1), x, 0).sum(positions); // (B, C)
  const count = mask.cast('float32').sum(positions).maximum(1).unsqueeze(-1); // (B, 1)
  return total.div(count);
}

function positionsOf(layer: string, x: Tensor, mask: Tensor | undefined): number[] {
  const text = `[${x.shape.join(', ')}]`;
  const positions = [...x.shape.keys()].slice(1, -1);
  if (positions.length === 0 || positions.some((axis) => x.shape[axis] === 0)) {
    throw new ShapeError(
      `${layer}: expected a batch, positions and channels, such as (B, T, C), got ${text}${place()}`,
    );
  }
  if (mask !== undefined && (mask.dtype !== 'bool' || `${mask.shape}` !== `${x.shape.slice(0, -1)}`)) {
    throw new ShapeError(
      `${layer}: expected a mask bool [${x.shape.slice(0, -1).join(', ')}], true for what counts, got ${mask.dtype} [${mask.shape.join(', ')}]${place()}`,
    );
  }
  return positions;
}
