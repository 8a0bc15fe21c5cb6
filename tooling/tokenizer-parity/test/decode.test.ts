import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { TokenizerError } from '@qkv/tokenizers';

import { ourTokenizer } from '../src/compare';
import { ADDED } from '../src/compositions/added';
import { llamaJson, metaspace, MODELS } from '../src/compositions/models';
import { OPTIONS } from '../src/compositions/probes';
import { byteLevel, type PartJson, sequence, tokenizerJson, type TokenizerJson } from '../src/tokenizer-json';
import { rustTokenizer } from '../src/rust';
import { byteTokens, vocabOf } from '../src/vocabularies';

const LISTS = 400;
let compared = 0;
afterAll(() => console.log(`${compared} lists of ids decoded by both libraries`));

/** Tokens that decoders look at. */
const WORDS =
  "a b the The ##ing ##s ## ▁ ▁the ▁▁ the▁ x▁y _ e</w> </w> th</w> | h e . , ! ? ' n't 's 'm 're 've do not - \" <pad> <unk>";
const BYTES = 'Ġ Ġthe Ã © Ċ ðŁĺ Ģ Ļ 好 好吃 🙂 é \u0301 İ \ufffd <0xZZ> <0x1> <0x41 \u00ad';
const TOKENS = [WORDS.split(' '), BYTES.split(' '), [' ', '  a ', ' a', 'a ', "do n't", ' not', ''], byteTokens].flat();
const vocabulary = [...new Set(TOKENS)];

const decoders: Readonly<Record<string, PartJson | null>> = {
  none: null,
  ByteLevel: byteLevel(true),
  WordPiece: { type: 'WordPiece', prefix: '##', cleanup: true },
  'WordPiece, not cleaned up': { type: 'WordPiece', prefix: '##', cleanup: false },
  'WordPiece, another prefix': { type: 'WordPiece', prefix: 't', cleanup: true },
  BPEDecoder: { type: 'BPEDecoder', suffix: '</w>' },
  Metaspace: metaspace('always'),
  'Metaspace first': metaspace('first'),
  'Metaspace never': metaspace('never', false),
  'Metaspace _': metaspace('always', true, '_'),
  ByteFallback: { type: 'ByteFallback' },
  Fuse: { type: 'Fuse' },
  CTC: { type: 'CTC', pad_token: '<pad>', word_delimiter_token: '|', cleanup: true },
  'CTC, not cleaned up': { type: 'CTC', pad_token: '<pad>', word_delimiter_token: '|', cleanup: false },
  // Not at the end: where a token is shorter than what is to go, the Rust library panics.
  'Strip at the start': { type: 'Strip', content: ' ', start: 1, stop: 0 },
  Replace: { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
  'Replace expression': { type: 'Replace', pattern: { Regex: '[aeiou]|\\s+$' }, content: '<é>' },
  Llama: sequence(
    'decoders',
    { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
    { type: 'Strip', content: ' ', start: 1, stop: 0 },
  ),
  'bytes, then words': sequence('decoders', { type: 'ByteFallback' }, metaspace('always'), { type: 'Fuse' }),
};

const single: readonly { name: string; json: () => TokenizerJson }[] = Object.entries(decoders).map(
  ([name, decoder]) => ({
    name: `decoder ${name}`,
    json: () =>
      tokenizerJson({
        added_tokens: [
          {
            id: vocabulary.length,
            content: '<s>',
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
            special: true,
          },
        ],
        decoder,
        model: { type: 'WordLevel', unk_token: '<unk>', vocab: vocabOf(vocabulary) },
      }),
  }),
);
const compositions = [...single, ...MODELS, ...OPTIONS, ...ADDED];

describe('random ids are decoded as the Rust library decodes them', () => {
  it.each(compositions.map((one) => [one.name, one] as const))('%s', async (_, { json: make }) => {
    const json = make();
    const [ours, { whole: rust }] = [ourTokenizer(json), rustTokenizer(json)];
    const added = ours.addedTokens.map(({ id }) => id);
    const rewritten = new Set(
      ours.addedTokens
        .filter(({ id, special, content }) => special && ours.idToToken(id) !== content)
        .map(({ id }) => id),
    );
    const id = fc
      .oneof(
        { weight: 8, arbitrary: fc.integer({ min: 0, max: ours.idBound - 1 }) },
        { weight: added.length > 0 ? 1 : 0, arbitrary: fc.constantFrom(...added, 0) },
      )
      .filter((one) => ours.idToToken(one) !== undefined);
    const lists = fc.sample(fc.array(id, { maxLength: 14 }), { numRuns: LISTS, seed: 3 });
    for (const skipSpecialTokens of [true, false]) {
      const theirs = await rust.decodeBatch(lists, skipSpecialTokens);
      const different = lists.flatMap((ids, i) => {
        if (skipSpecialTokens && ids.some((one) => rewritten.has(one))) return [];
        compared++;
        const decoded = ours.decode(ids, { skipSpecialTokens });
        return decoded === theirs[i]
          ? []
          : [{ tokens: ids.map((one) => ours.idToToken(one)), decoded, rust: theirs[i] }];
      });
      expect(different.slice(0, 3)).toEqual([]);
    }
  });
});

it('a special token that the normalizer rewrites is left out, where the Rust library keeps it', async () => {
  const llama = llamaJson();
  const json = { ...llama, added_tokens: llama.added_tokens.map((token) => ({ ...token, normalized: true })) };
  const ours = ourTokenizer(json);
  const { ids } = ours.encode('Hello');
  expect(ours.decode(ids)).toBe('Hello');
  expect(await rustTokenizer(json).whole.decode([...ids], true)).toBe('<s> Hello');
});

it('an unknown id is an error, where the Rust library leaves it out', async () => {
  const json = compositions[0].json();
  const unknown = vocabulary.length + 1;
  expect(await rustTokenizer(json).whole.decode([0, unknown], false)).toBe('a');
  expect(() => ourTokenizer(json).decode([0, unknown])).toThrow(TokenizerError);
});
