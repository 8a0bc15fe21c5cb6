import { Dropout, expectSize, type Linear, Module } from '@qkv/nn';
import type { Tensor } from '@qkv/tensor';

import { EncoderModel, type EncodeOptions, type EncoderModelOptions } from './encoder-model';
import { createOutput } from './ids';
import { modelSizes } from './model-options';

export interface SequenceClassifierOptions extends EncoderModelOptions {
  /** Number of classes, C. */
  readonly classes: number;
}

/**
 * N inputs → 1 class: the kind of a question, the mood of a sentence, who speaks. Inputs as of `EncoderModel`, whose option
 * `pooling` says what stands for all of them → logits (B, C).
 */
export class SequenceClassifier extends Module {
  readonly classes: number;
  readonly body: EncoderModel;
  readonly dropout: Dropout;
  readonly output: Linear;

  constructor(options: SequenceClassifierOptions) {
    super();
    expectSize('SequenceClassifier', 'classes', options.classes);
    const { dimension, dropout } = modelSizes(options);
    this.classes = options.classes;
    this.body = new EncoderModel(options);
    this.dropout = new Dropout({ rate: dropout });
    this.output = createOutput(dimension, options.classes);
  }

  override forward(inputs: Tensor, options: EncodeOptions = {}): Tensor {
    return this.output.forward(this.dropout.forward(this.body.forward(inputs, options).pooled)); // (B, C)
  }
}
