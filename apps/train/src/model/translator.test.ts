import { useWasm } from '@qkv/backend-wasm';
import { beforeAll, expect, test } from 'vitest';

import { tiny, tinyModel } from '../../test/support';
import { checkWord } from '../commands/pronounce';
import { crossAttention } from './attention';
import { countUnknown, encodeSource } from './evaluation';
import { maxTargetFor } from './model';
import { Translator } from './translator';

beforeAll(async () => {
  await useWasm();
});

test('batches, their order and their padding change nothing', async () => {
  const model = tinyModel();
  const words = ['CAT', 'A', 'INTERNATIONALISATION', "DOT'S", '', 'TAB', 'A', 'ZEBRA'];
  const translator = new Translator(model, 3);
  const sources = words.map((word) => encodeSource(model, word));
  const together = await translator.translate(sources);
  expect(together[4]).toHaveLength(0);
  for (const [i, source] of sources.entries()) expect((await translator.translate([source]))[0]).toEqual(together[i]);
  translator.release();
});

test('a target may be as long as any in training, however short its source', () => {
  const model = tinyModel(tiny({ maxLength: 90 }));
  expect(maxTargetFor(model, 2)).toBe(90);
  expect(maxTargetFor(model, 60)).toBe(136);
  expect(maxTargetFor(tinyModel(), 2)).toBe(20);
});

test('an interruption ends it between two batches; progress is told', async () => {
  const model = tinyModel();
  const controller = new AbortController();
  const done: number[] = [];
  const results = await new Translator(model, 2).translate([[4], [4], [4, 5], [6]], {
    signal: controller.signal,
    onProgress: (count) => {
      done.push(count);
      controller.abort();
    },
  });
  expect(done).toEqual([2]);
  expect(Object.keys(results)).toHaveLength(2);
});

test('takes words in any case and with either apostrophe', () => {
  const model = tinyModel();
  expect(checkWord("don't", model)).toBe("DON'T");
  expect(checkWord('Don’t', model)).toBe("DON'T");
  expect(countUnknown(model, ['CAT', 'cat', 'CÄT'])).toBe(2);
});

test('names the character that it does not know', () => {
  const model = tinyModel();
  const message = (word: string): string => {
    try {
      return checkWord(word, model);
    } catch (error) {
      return (error as Error).message;
    }
  };
  const knows = "which the model does not know; it knows 'ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  expect(message('naïve')).toBe(`"naïve" has the character 'ï' (U+00EF), ${knows}`);
  expect(message('x2')).toBe(`"x2" has the character '2' (U+0032), ${knows}`);
  expect(message('two words')).toBe(`"two words" has the character (U+0020), ${knows}`);
  expect(message('a\nb')).toBe(`"a\\nb" has the character (U+000A), ${knows}`);
  expect(message('go😀')).toBe(`"go😀" has the character '😀' (U+1F600), ${knows}`);
  expect(message('')).toBe('a word to pronounce is empty');
  expect(message('a'.repeat(65))).toMatch(/has 65 letters, the model takes 64$/);
});

test('attention has a row for each phoneme and END, a column for each letter, and rows that sum to 1', async () => {
  const model = tinyModel();
  const ids = model.codecs.target.encode('K AE ZH');
  const map = await crossAttention(model, 'CAT', ids);
  expect(map.columns).toEqual(['C', 'A', 'T']);
  expect(map.rows).toEqual(['K', 'AE', '<unknown>', '<end>']);
  expect(map.weights.map((row) => row.length)).toEqual([3, 3, 3, 3]);
  for (const row of map.weights) expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
});
