import { afterAll, describe, expect, it } from 'vitest';

import { ourTokenizer } from '../src/compare';
import { bertJson, llama3Json, llamaJson } from '../src/compositions/models';
import { type GoldenCase, goldens } from '../src/data';
import type { TokenizerJson } from '../src/tokenizer-json';

/** Models whose vocabulary a package has. */
const KNOWN: Readonly<Record<string, () => TokenizerJson>> = {
  'Xenova/bert-base-uncased': () => bertJson(),
  'Xenova/llama-tokenizer': () => llamaJson(),
  'Xenova/llama3-tokenizer': () => ({ ...llama3Json(), post_processor: null }),
  'Xenova/llama3-tokenizer-new': llama3Json,
};

/** What transformers makes of a decoded text unless told not to; Llama's and BERT's files say that it should. */
const cleanedUp = (text: string): string =>
  text
    .replaceAll(' .', '.')
    .replaceAll(' ?', '?')
    .replaceAll(' !', '!')
    .replaceAll(' ,', ',')
    .replaceAll(" ' ", "'")
    .replaceAll(" n't", "n't")
    .replaceAll(" 'm", "'m")
    .replaceAll(" 's", "'s")
    .replaceAll(" 've", "'ve")
    .replaceAll(" 're", "'re");

const skipped: string[] = [];
afterAll(() => {
  for (const line of skipped) console.log(line);
});

describe.each(['bert', 'llama'] as const)('%s.json', (file) => {
  for (const [model, cases] of Object.entries(goldens(file))) {
    const json = KNOWN[model];
    if (json === undefined) {
      const names = Object.keys(cases);
      skipped.push(`goldens skipped, no vocabulary of ${model} here: ${names.length} (${names.join(', ')})`);
      continue;
    }
    describe(`${model}`, () => {
      const tokenizer = ourTokenizer(json());
      it.each(Object.entries(cases))('%s', (_, golden: GoldenCase) => {
        const { text, text_pair: pair } = golden;
        const encoding = tokenizer.encode(text, { pair });
        expect([...encoding.ids]).toEqual(golden.ids);
        const tokens = [text, pair]
          .filter((given) => given !== undefined)
          .flatMap((given) => tokenizer.encode(given, { addSpecialTokens: false }).tokens);
        expect(tokens).toEqual(golden.tokens);
        const decoded = tokenizer.decode(golden.ids, { skipSpecialTokens: false });
        expect(model === 'Xenova/llama-tokenizer' ? decoded : cleanedUp(decoded)).toBe(golden.decoded);
      });
    });
  }
});

it('finds every model that it knows', () => {
  const models = [...Object.keys(goldens('bert')), ...Object.keys(goldens('llama'))];
  expect(models).toEqual(expect.arrayContaining(Object.keys(KNOWN)));
});
