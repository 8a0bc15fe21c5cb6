import { useWasm } from '@qkv/backend-wasm';
import { beforeAll, expect, test } from 'vitest';

import { tinyModel, tinyRecipe } from '../../test/support';
import { parseDictionary } from '../cmudict';
import type { PronunciationModel } from './model';
import { Pronouncer } from './pronouncer';
import { createPairs, type StepReport, train } from './training';

const dictionary = parseDictionary({ CAT: 'K AE1 T', BAT: 'B AE1 T', DOT: 'D AO1 T', DAB: 'D AE1 B', TAB: 'T AE1 B' });

beforeAll(async () => {
  await useWasm();
});

async function trained(options: { seed?: number; steps?: number; stopAfter?: number } = {}) {
  const { seed = 1, steps = tinyRecipe.steps, stopAfter = Infinity } = options;
  const recipe = { ...tinyRecipe, seed, steps };
  const model = tinyModel(recipe);
  const pairs = createPairs(dictionary.keys(), dictionary, model.letters, model.phonemes);
  const reports: StepReport[] = [];
  const made = await train({
    model,
    pairs,
    recipe,
    onStep: (report) => reports.push(report),
    stopped: () => reports.length >= stopAfter,
  });
  return { model, reports, made };
}

const weights = (model: PronunciationModel) =>
  Promise.all(model.transformer.parameters().map((parameter) => parameter.data()));

test('pairs carry START and END; words that are too long are left out', () => {
  const { letters, phonemes } = tinyModel();
  const long = 'A'.repeat(21);
  const words = parseDictionary({ DOT: 'D AO1 T', [long]: 'D', AA: 'D '.repeat(21) });
  const pairs = createPairs(words.keys(), words, letters, phonemes);
  expect(pairs).toHaveLength(1);
  expect(letters.decode(Array.from(pairs[0].source))).toBe('DOT');
  expect(phonemes.decode(Array.from(pairs[0].target), { skipSpecial: false })).toBe('<start> D AO T <end>');
});

test('learns what five words sound like', async () => {
  const { model, reports, made } = await trained({ steps: 120 });
  expect(made).toBe(120);
  expect(reports[0].loss).toBeGreaterThan(1.5);
  expect(reports.at(-1)!.loss).toBeLessThan(0.2);
  // Letters, phonemes, START and END of all five: one batch holds them all.
  expect(reports[0].tokens).toBe(5 * (3 + 5));
  const pronouncer = new Pronouncer(model, 3);
  const said = await pronouncer.pronounce([...dictionary.keys()]);
  pronouncer.release();
  expect(said.map((phonemes) => [phonemes])).toEqual([...dictionary.values()]);
});

test('the same seed gives the same weights to the bit, another seed others', async () => {
  const [a, b, c] = [await trained({ steps: 5 }), await trained({ steps: 5 }), await trained({ steps: 5, seed: 2 })];
  expect(await weights(a.model)).toEqual(await weights(b.model));
  expect(await weights(a.model)).not.toEqual(await weights(c.model));
});

test('stops when it is asked to', async () => {
  const { made, reports } = await trained({ stopAfter: 3 });
  expect([made, reports.length]).toEqual([3, 3]);
});

test('a single step is a run too', async () => {
  expect((await trained({ steps: 1 })).made).toBe(1);
});

test('a loss that is no number ends the run', async () => {
  const model = tinyModel();
  const { bias } = model.transformer.output!;
  await bias!.load(new Float32Array(bias!.size).fill(NaN));
  const pairs = createPairs(dictionary.keys(), dictionary, model.letters, model.phonemes);
  await expect(train({ model, pairs, recipe: tinyRecipe })).rejects.toThrow('the loss is NaN at step 1; lower');
});
