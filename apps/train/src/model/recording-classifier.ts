import { initialize } from '@qkv/nn';
import { SequenceClassifier } from '@qkv/seq2seq';
import { tensor, type Tensor } from '@qkv/tensor';

import type { SpeechRecipe } from '../recipe';
import { encoderOptions } from './encoder-options';
import type { Labelled, Labeller } from './labeller';
import type { Symbols } from './symbols';

/** A sound as frames, and its class. */
export interface Recording extends Labelled {
  /** (count, bands) */
  readonly frames: Float32Array;
  readonly count: number;
  /** Whether there is more of it than these frames. */
  readonly isCut?: boolean;
}

/** Gives a recording a class. */
export function createRecordingClassifier(label: Symbols, recipe: SpeechRecipe): Labeller<Recording> {
  const { melBands, pooling } = recipe;
  const module = new SequenceClassifier({
    ...encoderOptions(recipe),
    features: melBands,
    classes: label.size,
    pooling,
  });
  initialize(module, recipe);
  return {
    module,
    labels: label,
    lengthOf: ({ count }) => count,
    places: () => 1,
    placeOf: () => 0,
    inputs(examples, rows, length) {
      const frames = new Float32Array(rows * length * melBands); // (B, T, F)
      const present = new Uint8Array(rows * length); // (B, T)
      examples.forEach((example, row) => {
        frames.set(example.frames, row * length * melBands);
        present.fill(1, row * length, row * length + example.count);
      });
      return [tensor(frames, [rows, length, melBands]), tensor(present, [rows, length], 'bool')];
    },
    logits: (frames: Tensor, present: Tensor) => module.forward(frames, { present }).unsqueeze(1), // (B, 1, C)
  };
}
