import { createModel, createVocabularies, type PronunciationModel } from '../src/g2p/model';
import { defaultRecipe, type Recipe } from '../src/g2p/recipe';

/** For tests. */
export const tinyRecipe: Recipe = {
  ...defaultRecipe,
  dimension: 16,
  heads: 2,
  feedForward: 16,
  encoderLayers: 1,
  decoderLayers: 1,
  batch: 8,
  steps: 40,
  learningRate: 1e-2,
};

export const tinyPhonemes = ['AE', 'AO', 'B', 'D', 'K', 'T'];

export function tinyModel(recipe: Recipe = tinyRecipe): PronunciationModel {
  return createModel(createVocabularies(tinyPhonemes), recipe, recipe.seed);
}
