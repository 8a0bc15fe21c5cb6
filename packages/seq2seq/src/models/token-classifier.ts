import { Dropout, expectSize, type Linear, Module } from '@qkv/nn';
import type { Tensor } from '@qkv/tensor';

import { EncoderModel, type EncodeOptions, type EncoderModelOptions } from './encoder-model';
import { createOutput } from './ids';
import { modelSizes } from './model-options';

export interface TokenClassifierOptions extends EncoderModelOptions {
  /** Number of classes, C. */
  readonly classes: number;
}

/**
 * N inputs → N classes: part-of-speech tags, named entities, nodes of a graph. Inputs as of `EncoderModel` → logits (B, T, C);
 * those of padding mean nothing.
 */
export class TokenClassifier extends Module {
  readonly classes: number;
  readonly body: EncoderModel;
  readonly dropout: Dropout;
  readonly output: Linear;

  constructor(options: TokenClassifierOptions) {
    super();
    expectSize('TokenClassifier', 'classes', options.classes);
    const { dimension, dropout } = modelSizes(options);
    this.classes = options.classes;
    this.body = new EncoderModel(options);
    this.dropout = new Dropout({ rate: dropout });
    this.output = createOutput(dimension, options.classes);
  }

  override forward(inputs: Tensor, options: EncodeOptions = {}): Tensor {
    return this.output.forward(this.dropout.forward(this.body.forward(inputs, options).tokens)); // (B, T, C)
  }
}
