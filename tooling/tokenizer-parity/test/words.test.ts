import { type Encoding as RustEncoding, mergeEncodings, Tokenizer as RustTokenizer } from 'tokenizers';
import { afterAll, describe, expect, it } from 'vitest';

import { ourTokenizer } from '../src/compare';
import type { Composition } from '../src/compositions/composition';
import { MODELS } from '../src/compositions/models';
import { mixtures, realTexts, strangeTexts } from '../src/texts';

/**
 * Texts given as words. The binding of the Rust library for Node does not take them; this does what the library does with
 * them, by the binding's own functions: each word is encoded by itself, and all are joined, cut and processed together.
 */
const TEXTS = 160;
let compared = 0;
afterAll(() => console.log(`${compared} texts given as words compared with the Rust library`));

const names = [
  'GPT-2',
  'RoBERTa',
  'RoBERTa with a space before',
  'Llama 2',
  'BERT uncased',
  'BERT Chinese',
  'T5',
  'XLM-R',
];
const compositions = names.map((name): Composition => MODELS.find((one) => one.name === name)!);
const wordsOf = (text: string): string[] => text.split(/(?<=[^ ]) |(?=[.,])/);

const TRUNCATION = { direction: 'Right', max_length: 12, strategy: 'LongestFirst', stride: 2 };
const PADDING = {
  strategy: { Fixed: 14 },
  direction: 'Left',
  pad_to_multiple_of: null,
  pad_id: 0,
  pad_type_id: 0,
  pad_token: '[PAD]',
};

describe.each(compositions.map((one) => [one.name, one] as const))('%s', (_, { json, tokens }) => {
  it.each([
    ['whole', false, {}],
    ['cut and padded', true, { truncation: TRUNCATION, padding: PADDING }],
  ] as const)('%s', async (_title, isCut, fit) => {
    const whole = { ...json(), ...fit };
    const ours = ourTokenizer(whole);
    const rust = RustTokenizer.fromString(JSON.stringify(whole));
    const single = RustTokenizer.fromString(
      JSON.stringify({ ...whole, post_processor: null, truncation: null, padding: null }),
    );
    const texts = [...realTexts(TEXTS), ...strangeTexts(TEXTS), ...mixtures(tokens(), TEXTS)].map(wordsOf);
    for (const words of texts) {
      const encodings = await single.encodeBatch(words, { addSpecialTokens: false });
      const joined: RustEncoding = mergeEncodings(encodings, false);
      const theirs = rust.postProcess(joined, null, true);
      const encoding = ours.encode(words);
      const parts = [encoding, ...encoding.overflowing].map((part) => ({
        ids: [...part.ids],
        tokens: part.tokens,
        offsets: part.offsetsIn('codePoint'),
      }));
      const expected = [theirs, ...theirs.getOverflowing()].map((part) => ({
        ids: part.getIds(),
        tokens: part.getTokens(),
        offsets: part.getOffsets(),
      }));
      expect({ words, parts }).toEqual({ words, parts: expected });
      // The binding cannot be told which word is which; uncut, their lengths say it.
      const numbers = encodings.flatMap((part, i) => Array.from({ length: part.getLength() }, () => i));
      const own = [...encoding.wordIds].filter((word) => word >= 0);
      expect(own).toEqual(isCut ? own : numbers);
      expect([...encoding.typeIds]).toEqual(theirs.getTypeIds());
      expect([...encoding.specialTokensMask]).toEqual(theirs.getSpecialTokensMask());
      expect([...encoding.attentionMask]).toEqual(theirs.getAttentionMask());
      compared++;
    }
  });
});
