import { Parameter, type Shape, ShapeError, type Tensor } from '@qkv/tensor';

import { expectLastDimension, expectSize } from './check';
import { kaimingUniform, uniform } from './initializers';
import { Module } from './module';
import { place } from './tree';
import { padForWindows, windowCount, type WindowOptions, windows } from './windows';

/** `Size` is a number, or one for each dimension. */
export interface ConvolutionOptions<Size> {
  /** Channels of x. */
  readonly inputs: number;
  /** Channels of y. */
  readonly outputs: number;
  /** K, elements of a window. */
  readonly kernel: Size;
  /** From one window to the next; 1. */
  readonly stride?: Size;
  /** Zeros on either side; 0, as torch's. `same` gives as many outputs as inputs, for stride 1. */
  readonly padding?: Size | 'same';
  /** From one element of a window to the next; 1. */
  readonly dilation?: Size;
  /** Parts of the channels that do not see each other; 1. As many as `inputs` make a depthwise convolution. */
  readonly groups?: number;
  /** Whether b is added; true, as torch's. Before a normalisation it can be left out. */
  readonly bias?: boolean;
}

/** A number for each of `rank` dimensions. */
export function sizesOf(layer: string, option: string, size: number | Shape, rank: number, least = 1): Shape {
  const sizes = typeof size === 'number' ? new Array<number>(rank).fill(size) : size;
  if (sizes.length !== rank || sizes.some((n) => !Number.isSafeInteger(n) || n < least)) {
    const kind = least === 1 ? 'positive' : 'non-negative';
    throw new RangeError(
      `${layer}: ${option} must be a ${kind} integer${rank > 1 ? `, or ${rank} of them` : ''}, got ${String(size)}`,
    );
  }
  return sizes;
}

/** Throws unless there is a window for each dimension of x between the first and the last. */
export function expectWindows(layer: string, x: Tensor, options: readonly WindowOptions[]): void {
  options.forEach((one, i) => {
    const length = x.shape[i + 1];
    if (windowCount(length, one) >= 1) return;
    const { size, dilation, before, after } = one;
    const span = dilation * (size - 1) + 1;
    throw new ShapeError(
      `${layer}: a kernel that spans ${span} does not fit dimension ${i + 1} of [${x.shape.join(', ')}], ${length} and ${before + after} of padding; pad more${place()}`,
    );
  });
}

/**
 * Convolution in any number of dimensions, as one product: the windows of x become rows, and each row times the weights is
 * an output. Channels stand last: rows are then copied in runs of all channels, and the product's rows are the output as
 * it is. A kernel of 1, and in one dimension a kernel as wide as its stride, copies nothing.
 */
export abstract class Convolution extends Module {
  readonly inputs: number;
  readonly outputs: number;
  readonly groups: number;
  /** (outputs, inputs/groups, kernel…), as torch stores it. */
  readonly weight: Parameter;
  readonly bias: Parameter | null;
  readonly #name: string;
  readonly #windows: readonly WindowOptions[];

  protected constructor(name: string, rank: number, options: ConvolutionOptions<number | Shape>) {
    super();
    const { inputs, outputs, stride = 1, padding = 0, dilation = 1, groups = 1, bias = true } = options;
    expectSize(name, 'inputs', inputs);
    expectSize(name, 'outputs', outputs);
    expectSize(name, 'groups', groups);
    if (inputs % groups !== 0 || outputs % groups !== 0) {
      throw new RangeError(`${name}: ${groups} groups must divide ${inputs} inputs and ${outputs} outputs`);
    }
    const kernel = sizesOf(name, 'kernel', options.kernel, rank);
    const strides = sizesOf(name, 'stride', stride, rank);
    const dilations = sizesOf(name, 'dilation', dilation, rank);
    if (padding === 'same' && strides.some((step) => step !== 1)) {
      throw new RangeError(`${name}: padding 'same' is for stride 1, got ${String(stride)}; give a number`);
    }
    const around = padding === 'same' ? null : sizesOf(name, 'padding', padding, rank, 0);
    this.#windows = kernel.map((size, i) => {
      const all = dilations[i] * (size - 1); // 'same': of an odd number the larger part stands behind, as in torch
      const before = around === null ? Math.floor(all / 2) : around[i];
      const after = around === null ? all - before : around[i];
      return { size, stride: strides[i], dilation: dilations[i], before, after };
    });
    this.#name = name;
    this.inputs = inputs;
    this.outputs = outputs;
    this.groups = groups;
    const shape = [outputs, inputs / groups, ...kernel];
    const bound = 1 / Math.sqrt(kernel.reduce((product, size) => product * size, inputs / groups));
    // Both U(−1/√fan-in, 1/√fan-in), torch's choice.
    this.weight = new Parameter({ shape, initialize: () => kaimingUniform(1 / Math.sqrt(3))(shape) });
    this.bias = bias ? new Parameter({ shape: [outputs], initialize: () => uniform(-bound, bound)([outputs]) }) : null;
  }

  override forward(x: Tensor): Tensor {
    const { groups, outputs } = this;
    const rank = this.#windows.length;
    expectLastDimension(this.#name, x, this.inputs);
    if (x.rank !== rank + 2) {
      throw new ShapeError(
        `${this.#name}: expected ${rank + 2} dimensions, batch first and channels last, got [${x.shape.join(', ')}]${place()}`,
      );
    }
    expectWindows(this.#name, x, this.#windows);
    const padded = padForWindows(x, this.#windows);
    let patches: Tensor = padded.reshape([...padded.shape.slice(0, -1), groups, this.inputs / groups]);
    for (let i = rank - 1; i >= 0; i--) patches = windows(patches, i + 1, rank + 2, this.#windows[i]);
    const lead = patches.shape.slice(0, rank + 1); // B, and the windows in each dimension
    const N = lead.reduce((product, size) => product * size, 1);
    const features = this.weight.size / outputs;
    const order = [0, ...this.#windows.map((_, i) => i + 2), 1];
    const weight = this.weight.value.permute(order); // (outputs, kernel…, inputs/groups)

    let y: Tensor;
    if (groups === 1) {
      y = patches.reshape([N, features]).matmul(weight.reshape([outputs, features]).transpose());
    } else {
      const rows = patches.reshape([N, groups, features]).permute([1, 0, 2]);
      const product = rows.matmul(weight.reshape([groups, outputs / groups, features]).transpose());
      y = product.permute([1, 0, 2]).reshape([N, outputs]);
    }
    return (this.bias === null ? y : y.add(this.bias)).reshape([...lead, outputs]);
  }
}
