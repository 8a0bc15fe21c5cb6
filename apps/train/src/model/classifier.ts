import { initialize } from '@qkv/nn';
import { SequenceClassifier } from '@qkv/seq2seq';
import { tensor, type Tensor } from '@qkv/tensor';

import type { ClassifyRecipe } from '../recipe';
import type { TextCodec } from './codec';
import { encoderOptions } from './encoder-options';
import type { Labelled, Labeller } from './labeller';
import type { Symbols } from './symbols';
import { hideSome } from './word-dropout';

/** A text and its class. */
export interface ClassifiedText extends Labelled {
  readonly text: string;
}

export type ClassifyCodecs = {
  readonly source: TextCodec;
  readonly label: Symbols;
};

/** Gives a text a class. */
export function createClassifier({ source, label }: ClassifyCodecs, recipe: ClassifyRecipe): Labeller<ClassifiedText> {
  const { pooling, maxLength, wordDropout } = recipe;
  const module = new SequenceClassifier({
    ...encoderOptions(recipe),
    vocabulary: source.size,
    classes: label.size,
    pooling,
  });
  initialize(module, recipe);
  const encodings = new WeakMap<ClassifiedText, Int32Array>();
  const encode = (example: ClassifiedText): Int32Array => {
    let ids = encodings.get(example);
    if (ids === undefined) {
      ids = source.encode(example.text).slice(0, maxLength);
      encodings.set(example, ids);
    }
    return ids;
  };
  return {
    module,
    labels: label,
    lengthOf: (example) => Math.max(1, encode(example).length),
    places: () => 1,
    placeOf: () => 0,
    inputs(examples, rows, length) {
      const ids = new Int32Array(rows * length); // (B, T)
      examples.forEach((example, row) => ids.set(encode(example), row * length));
      return [tensor(ids, [rows, length])];
    },
    logits: (ids: Tensor) => {
      const seen = hideSome(ids, wordDropout, source.unknown ?? source.end);
      return module.forward(seen, { present: ids.notEqual(0) }).unsqueeze(1); // (B, 1, C)
    },
  };
}
