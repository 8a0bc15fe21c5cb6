import { ShapeError, type Tensor } from '@qkv/tensor';

import { activation, type ActivationName } from './activation';
import { expectLastDimension, expectSize } from './check';
import { Dropout } from './dropout';
import { Linear } from './linear';
import { Module } from './module';
import { place } from './tree';
import { padForWindows, windows } from './windows';

export interface WindowNetworkOptions {
  /** D, size of an input vector. */
  readonly dimension: number;
  /** Size of an output vector. */
  readonly outputs: number;
  /** w: neighbours on either side that are seen; 0, the token alone. Not together with `length`. */
  readonly window?: number;
  /** T: all tokens are seen, and only sequences of this length are taken. */
  readonly length?: number;
  /** Sizes of the hidden layers; one of 4·D by default, as a Transformer's feed-forward network has. */
  readonly hidden?: readonly number[];
  /** After each hidden layer; relu, as in Vaswani et al. 2017. */
  readonly activation?: ActivationName;
  /** Rate after each hidden layer; 0. */
  readonly dropout?: number;
}

/**
 * What stands beside attention for comparison: a fully connected network on the concatenation of a token and its w neighbours
 * on either side, with zeros beyond the ends: 2w + 1 vectors, so its first layer grows with (2w + 1)·D. With `length` it takes
 * the whole sequence at once, T·D numbers, and gives all T outputs at once.
 *
 * x (B, T, D) → (B, T, outputs).
 */
export class WindowNetwork extends Module {
  readonly dimension: number;
  readonly outputs: number;
  readonly window: number;
  readonly length: number | null;
  readonly layers: readonly Linear[];
  readonly dropout: Dropout;
  readonly #activation: (x: Tensor) => Tensor;

  constructor(options: WindowNetworkOptions) {
    super();
    const { dimension, outputs, length, window = 0, hidden = [4 * dimension], dropout = 0 } = options;
    expectSize('WindowNetwork', 'dimension', dimension);
    expectSize('WindowNetwork', 'outputs', outputs);
    hidden.forEach((size) => expectSize('WindowNetwork', 'hidden', size));
    if (length !== undefined) expectSize('WindowNetwork', 'length', length);
    if (length !== undefined && options.window !== undefined) {
      throw new RangeError('WindowNetwork: window and length exclude each other, as a length means all tokens');
    }
    if (!Number.isSafeInteger(window) || window < 0) {
      throw new RangeError(`WindowNetwork: window must be a non-negative integer, got ${window}`);
    }
    this.dimension = dimension;
    this.outputs = outputs;
    this.window = window;
    this.length = length ?? null;
    const sizes = [(length ?? 2 * window + 1) * dimension, ...hidden, (length ?? 1) * outputs];
    this.layers = sizes.slice(1).map((size, i) => new Linear({ inputs: sizes[i], outputs: size }));
    this.dropout = new Dropout({ rate: dropout });
    this.#activation = activation(options.activation ?? 'relu');
  }

  override forward(x: Tensor): Tensor {
    expectLastDimension('WindowNetwork', x, this.dimension);
    if (x.rank !== 3 || (this.length !== null && x.shape[1] !== this.length)) {
      throw new ShapeError(
        `WindowNetwork: expected (B, ${this.length ?? 'T'}, ${this.dimension}), got [${x.shape.join(', ')}]${place()}`,
      );
    }
    const [B, T] = x.shape;
    let y = this.length === null ? this.#neighbours(x) : x.reshape([B, T * this.dimension]);
    this.layers.forEach((layer, i) => {
      if (i > 0) y = this.dropout.forward(this.#activation(y));
      y = layer.forward(y);
    });
    return y.reshape([B, T, this.outputs]);
  }

  /** (B, T, D) → (B, T, (2w + 1)·D), from left to right. */
  #neighbours(x: Tensor): Tensor {
    const { window } = this;
    const size = 2 * window + 1;
    const along = { size, stride: 1, dilation: 1, before: window, after: window };
    const each = windows(padForWindows(x, [along]), 1, 2, along); // (B, T, 2w + 1, D)
    return each.reshape([x.shape[0], x.shape[1], size * this.dimension]);
  }
}
