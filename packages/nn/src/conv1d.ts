import { Convolution, type ConvolutionOptions } from './convolution';

export type Conv1dOptions = ConvolutionOptions<number>;

/**
 * Convolution along a sequence: y[b, t, o] = bias[o] + Σ_{c, k} weight[o, c, k] · x[b, t·stride + k·dilation − padding, c], the
 * sum over the channels of o's group; x is 0 outside.
 *
 * x (B, T, inputs) → (B, ⌊(T + 2·padding − dilation·(kernel − 1) − 1)/stride⌋ + 1, outputs): channels last, as all our sequences
 * have them (torch's are (B, C, T)). `weight` (outputs, inputs/groups, kernel) and `bias` (outputs) are torch's.
 */
export class Conv1d extends Convolution {
  constructor(options: Conv1dOptions) {
    super('Conv1d', 1, options);
  }
}
