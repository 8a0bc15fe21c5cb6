import { useWasm } from '@qkv/backend-wasm';
import { beforeAll, expect, test } from 'vitest';

import { tinyModel } from '../../test/support';
import { crossAttention } from './attention';
import { checkWord, Pronouncer } from './pronouncer';

beforeAll(async () => {
  await useWasm();
});

test('batches, their order and their padding change nothing', async () => {
  const model = tinyModel();
  const words = ['CAT', 'A', 'INTERNATIONALISATION', "DOT'S", 'TAB', 'A', 'ZEBRA'];
  const pronouncer = new Pronouncer(model, 3);
  const together = await pronouncer.pronounce(words);
  for (const [i, word] of words.entries()) expect((await pronouncer.pronounce([word]))[0]).toEqual(together[i]);
  pronouncer.release();
});

test('takes words in any case and with either apostrophe', () => {
  const model = tinyModel();
  expect(checkWord("don't", model)).toBe("DON'T");
  expect(checkWord('Don’t', model)).toBe("DON'T");
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
  const map = await crossAttention(tinyModel(), 'CAT', ['K', 'AE', '<unknown>']);
  expect(map.columns).toEqual(['C', 'A', 'T']);
  expect(map.rows).toEqual(['K', 'AE', '<unknown>', '<end>']);
  expect(map.weights.map((row) => row.length)).toEqual([3, 3, 3, 3]);
  for (const row of map.weights) expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
});
