import { expect, test } from 'vitest';

import { presets } from './presets';
import { partialRecipeSchema, recipeSchema, resolveRecipe, settings } from './recipe';

test('every preset is a recipe', () => {
  for (const preset of Object.values(presets)) expect(recipeSchema.safeParse(preset).error).toBeUndefined();
});

test('later layers go over earlier ones, and what decides the same replaces the other', () => {
  const recipe = resolveRecipe(presets.quick, { epochs: 3, heads: 2 }, { heads: 8, dropout: undefined });
  expect(recipe).toMatchObject({ epochs: 3, heads: 8, dropout: 0, batch: 256 });
  expect(recipe.steps).toBeUndefined();
  expect(resolveRecipe(presets.small, { batch: 8 })).toMatchObject({ batch: 8, batchTokens: undefined });
});

test.each([
  [{ steps: 3, epochs: 2 }, '--steps 3 and --epochs 2 contradict each other; give one of them'],
  [{ batch: 3, batchTokens: 20 }, '--batch 3 and --batch-tokens 20 contradict each other; give one of them'],
  [{ heads: 3 }, '--dimension 64 is not a multiple of --heads 3'],
  [{ warmup: 2800 }, '--warmup 2800 leaves nothing of --steps 2800; warm up for fewer'],
])('%j', (layer, message) => {
  expect(() => resolveRecipe(presets.quick, layer)).toThrow(message);
  expect(recipeSchema.safeParse({ ...presets.quick, ...layer }).error?.issues[0].message).toBe(message);
});

test('files may have no unknown setting and no value out of range', () => {
  const problem = (value: object): unknown => partialRecipeSchema.safeParse(value).error?.issues[0];
  expect(problem({ speed: 1 })).toMatchObject({ code: 'unrecognized_keys', keys: ['speed'] });
  expect(problem({ dropout: 2 })).toMatchObject({ path: ['dropout'], message: 'Expected a number from 0 to 0.9.' });
  expect(problem({ heads: 1.5 })).toMatchObject({ path: ['heads'], message: 'Expected a whole number from 1 to 64.' });
  expect(problem({ schedule: 'fast' })).toMatchObject({ path: ['schedule'] });
  expect(problem({ steps: 1, epochs: 1 })).toMatchObject({
    message: '--steps 1 and --epochs 1 contradict each other; give one of them',
  });
});

test('the options of the command line are named like the settings', () => {
  for (const [name, { flags }] of Object.entries(settings)) {
    const camel = flags
      .split(' ')[0]
      .slice(2)
      .replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    expect(camel).toBe(name);
  }
});
