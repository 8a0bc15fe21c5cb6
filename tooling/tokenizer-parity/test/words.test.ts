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
const TEXTS = 250;
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
    ['whole', {}],
    ['cut and padded', { truncation: TRUNCATION, padding: PADDING }],
  ] as const)('%s', async (_title, fit) => {
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
      const shown = (parts: readonly (readonly [unknown, unknown, unknown])[]) => JSON.stringify(parts);
      const own = [encoding, ...encoding.overflowing].map(
        (part) => [[...part.ids], part.tokens, part.offsetsIn('codePoint')] as const,
      );
      const expected = [theirs, ...theirs.getOverflowing()].map(
        (part) => [part.getIds(), part.getTokens(), part.getOffsets()] as const,
      );
      if (shown(own) !== shown(expected)) expect({ words, parts: own }).toEqual({ words, parts: expected });
      if (fit === undefined || !('truncation' in fit)) {
        const numbers = encodings.flatMap((part, i) => Array.from({ length: part.getLength() }, () => i));
        expect([...encoding.wordIds].filter((word) => word >= 0)).toEqual(numbers);
      }
      expect([...encoding.typeIds]).toEqual(theirs.getTypeIds());
      expect([...encoding.specialTokensMask]).toEqual(theirs.getSpecialTokensMask());
      expect([...encoding.attentionMask]).toEqual(theirs.getAttentionMask());
      compared++;
    }
  });
});
