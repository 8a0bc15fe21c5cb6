import { Convolution, type ConvolutionOptions } from './convolution';

export type Conv2dOptions = ConvolutionOptions<number | readonly [height: number, width: number]>;

/**
 * Convolution over images (LeCun et al. 1989): as Conv1d, with windows of kernel[0] × kernel[1] over height and width.
 *
 * x (B, H, W, inputs) → (B, H′, W′, outputs). Channels last (torch's are (B, C, H, W)): so decoded images have them, and the
 * outputs of a patch embedding, a convolution with stride = kernel, are the tokens (B, H′·W′, D) of a Vision Transformer by a
 * mere reshape. `weight` (outputs, inputs/groups, kernel…) and `bias` (outputs) are torch's.
 */
export class Conv2d extends Convolution {
  constructor(options: Conv2dOptions) {
    super('Conv2d', 2, options);
  }
}
