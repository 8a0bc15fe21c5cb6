import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ourTokenizer } from '../src/compare';
import { gpt2Json, llama3Json, robertaJson, tiktokenJson } from '../src/compositions/models';
import { botchan, code, tatoeba, universalDependencies } from '../src/data';
import { everyCodePoint } from '../src/texts';

/** Byte-level models, which have a token for every byte. Special tokens stand for themselves. */
const MODELS = {
  'GPT-2': () => gpt2Json(),
  RoBERTa: () => ({ ...robertaJson(false), post_processor: null }),
  'Llama 3': () => ({ ...llama3Json(), post_processor: null }),
  cl100k_base: () => tiktokenJson('cl100k_base'),
  o200k_base: () => tiktokenJson('o200k_base'),
};

const texts = (): string[] => [
  ...tatoeba().flat(),
  ...botchan(),
  ...code(),
  ...(universalDependencies() ?? []),
  ...everyCodePoint(),
];

describe.each(Object.entries(MODELS))('%s gives back every text', (_, json) => {
  // An added token may take in the spaces beside it, as RoBERTa's mask does, and code tells of such tokens.
  const tokenizer = ourTokenizer(json()).with({ addedTokens: [] });
  const back = (text: string): string => tokenizer.decode(tokenizer.encode(text).ids, { skipSpecialTokens: false });

  it('that somebody wrote, and every assigned code point', () => {
    expect(texts().filter((text) => back(text) !== text)).toEqual([]);
  });

  it('that is well-formed', () => {
    const unit = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      fc.constantFrom(' ', '\n', 'a', '\u0301'),
    );
    fc.assert(
      fc.property(fc.array(unit, { maxLength: 40 }), (characters) => {
        const text = characters.join('');
        expect(back(text)).toBe(text);
      }),
      { seed: 11, numRuns: 2000 },
    );
  });

  it('with U+FFFD for lone surrogates', () => {
    for (const text of ['\ud800', 'a\udc00b', '\udc00\ud800', '🙂\ud83d 🙂'.repeat(3)]) {
      expect(back(text)).toBe(text.toWellFormed());
    }
  });
});
