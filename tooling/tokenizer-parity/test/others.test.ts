import * as gpt3Encoder from 'gpt-3-encoder';
import * as cl100k from 'gpt-tokenizer/encoding/cl100k_base';
import * as o200k from 'gpt-tokenizer/encoding/o200k_base';
import llamaTokenizer from 'llama-tokenizer-js';
import llama3Tokenizer from 'llama3-tokenizer-js';
import { afterAll, expect, it } from 'vitest';

import { ourTokenizer } from '../src/compare';
import { gpt2Json, llama3Json, llamaJson, tiktokenJson } from '../src/compositions/models';
import { mixtures, realTexts, strangeTexts } from '../src/texts';
import { addedToken } from '../src/tokenizer-json';

/** Libraries written by others, from other sources than the Rust library: that all agree is not one author's mistake. */
const N = 1500;
let compared = 0;
afterAll(() => console.log(`${compared} texts compared with gpt-3-encoder, gpt-tokenizer and llama-tokenizer-js`));

/**
 * What JavaScript's `\s` and the case of letters in its expressions see otherwise than tiktoken: U+0085 and U+FEFF, ſ and
 * the Kelvin sign. And lone surrogates, for which others have no bytes.
 */
const common = (text: string): string => text.replaceAll(/[\u0085\ufeff\u017f\u212a]/g, '').toWellFormed();
const texts = (tokens: readonly string[]): string[] =>
  [...realTexts(N), ...strangeTexts(N), ...mixtures(tokens, N)].map(common);

function check(
  ours: (text: string) => ArrayLike<number>,
  theirs: (text: string) => readonly number[],
  all: string[],
): void {
  const different = all.flatMap((text) => {
    const [own, ids] = [Array.from(ours(text)), theirs(text)];
    return own.length !== ids.length || ids.some((id, i) => id !== own[i]) ? [{ text, own, ids }] : [];
  });
  expect(different.slice(0, 3)).toEqual([]);
  compared += all.length;
}

it('GPT-2: gpt-3-encoder', () => {
  const tokenizer = ourTokenizer({ ...gpt2Json(), added_tokens: [] });
  check((text) => tokenizer.encode(text).ids, gpt3Encoder.encode, texts(['Ġ', 'the', ' the', '<|endoftext|>']));
});

/** tiktoken's own pattern for it: spaces at the very end are one piece. */
const CL100K = [
  "'(?:[sS]|[dD]|[mM]|[tT]|[lL][lL]|[vV][eE]|[rR][eE])",
  '[^\\r\\n\\p{L}\\p{N}]?\\p{L}+',
  '\\p{N}{1,3}',
  ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*',
  '\\s+(?![\\s\\S])',
  '\\s*[\\r\\n]',
  '\\s+(?!\\S)',
  '\\s',
].join('|');

it.each([
  ['cl100k_base', cl100k, CL100K],
  ['o200k_base', o200k, undefined],
] as const)('%s: gpt-tokenizer, special tokens too', (name, library, pattern) => {
  const special = ['<|endoftext|>', '<|endofprompt|>', '<|fim_prefix|>', '<|im_start|>'];
  const ids = special.map((token) => library.encode(token, { allowedSpecial: 'all' })[0]);
  const tokenizer = ourTokenizer({
    ...tiktokenJson(name, pattern),
    added_tokens: special.map((token, i) => addedToken(ids[i], token)),
  });
  const all = texts([...special, 'the', ' ', "'S", '  \n ', '1234']);
  // gpt-tokenizer 4.0.0 finds a special token only where its text begins, so it is given one that begins there.
  const parts = new RegExp(`(${special.map((token) => token.replaceAll('|', '\\|')).join('|')})`);
  const encode = (text: string): number[] =>
    text.split(parts).flatMap((part) => library.encode(part, { allowedSpecial: 'all' }));
  check((text) => tokenizer.encode(text).ids, encode, all);
  for (const text of all.slice(0, 200)) {
    const given = encode(text);
    expect(tokenizer.decode(given, { skipSpecialTokens: false })).toBe(library.decode(given));
  }
});

it('Llama 2: llama-tokenizer-js', () => {
  const tokenizer = ourTokenizer({ ...llamaJson(), added_tokens: [] });
  // It gives nothing for an empty text, not even the token that begins every text.
  const all = texts(['▁', 'the', '<0x0A>']).filter((text) => text !== '');
  check(
    (text) => tokenizer.encode(text).ids,
    (text) => llamaTokenizer.encode(text),
    all,
  );
});

it('Llama 3: llama3-tokenizer-js', () => {
  const tokenizer = ourTokenizer(llama3Json());
  const all = texts(['<|eot_id|>', '<|begin_of_text|>', 'the', '\n\n']);
  check(
    (text) => tokenizer.encode(text).ids,
    (text) => llama3Tokenizer.encode(text, { bos: true, eos: false }),
    all,
  );
});
