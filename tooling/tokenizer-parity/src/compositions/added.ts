import type { AddedTokenJSON } from '@qkv/tokenizers';

import { addedToken, sequence, tokenizerJson, type TokenizerJson } from '../tokenizer-json';
import { bytesModel } from '../vocabularies';
import type { Composition } from './composition';
import { bertJson, gpt2Json, llamaJson, metaspace, robertaJson, t5Json, unigramJson } from './models';

const FLAGS = ['single_word', 'lstrip', 'rstrip', 'normalized', 'special'] as const;

/** A token to be numbered: a token of the model has its id, others follow. */
type Unnumbered = Omit<AddedTokenJSON, 'id'>;
const unnumbered = (content: string, flags: Partial<Unnumbered>): Unnumbered => {
  const { id: _, ...token } = addedToken(0, content, flags);
  return token;
};

/** One token for each choice of flags, some of them parts of others. */
const everyFlag = (): Unnumbered[] =>
  Array.from({ length: 32 }, (_, bits) => {
    const flags = Object.fromEntries(FLAGS.map((flag, i) => [flag, (bits & (1 << i)) !== 0]));
    const content = ['<x>', 'ab', 'Ünit', '好', '[a b]', 'ﬁn'][bits % 6] + (bits < 6 ? '' : String(bits));
    return unnumbered(content, flags);
  });

const overlapping = (): Unnumbered[] =>
  ['aa', 'aaa', 'a', ' b', 'b ', 'İ', 'e\u0301', '🙂', '👨‍👩‍👧', '\n'].map((content, i) =>
    unnumbered(content, { special: i % 3 === 0, normalized: i % 2 === 0 }),
  );

/** Tokens, with the spaces and words around them that their flags are about. */
const around = (tokens: readonly Unnumbered[]): string[] =>
  tokens.flatMap(({ content }) => [
    content,
    ` ${content}`,
    `${content}  `,
    `x${content}`,
    `${content}_`,
    content.toUpperCase(),
  ]);

function withTokens(json: TokenizerJson, tokens: readonly Unnumbered[]): TokenizerJson {
  const vocab = json.model['vocab'] as Readonly<Record<string, number>> | readonly (readonly [string, number])[];
  const ids = new Map(Array.isArray(vocab) ? vocab.map(([piece], id) => [piece, id]) : Object.entries(vocab));
  let next = ids.size;
  const numbered = tokens.map((token) => ({ id: ids.get(token.content) ?? next++, ...token }));
  return { ...json, added_tokens: [...json.added_tokens, ...numbered] };
}

const bases: Readonly<Record<string, () => TokenizerJson>> = {
  'GPT-2': gpt2Json,
  BERT: () => bertJson(),
  'Llama 2': () => llamaJson(),
  'Llama 2, Metaspace': () => llamaJson(metaspace('first')),
  Unigram: () => unigramJson({ type: 'NFKC' }, metaspace('always')),
  bytes: () => tokenizerJson({ model: bytesModel() }),
  'bytes, NFD and lower case': () =>
    tokenizerJson({
      normalizer: sequence('normalizers', { type: 'NFD' }, { type: 'Lowercase' }),
      model: bytesModel(),
    }),
};

/** Tokens that are found before the model sees a text. */
export const ADDED: readonly Composition[] = Object.entries(bases).flatMap(([name, base]): Composition[] => [
  {
    name: `added tokens with every flag, ${name}`,
    json: () => withTokens(base(), everyFlag()),
    tokens: () => around(everyFlag()),
  },
  {
    name: `added tokens within each other, ${name}`,
    json: () => withTokens(base(), overlapping()),
    tokens: () => around(overlapping()),
    weight: 0.5,
  },
]);

const truncation = (max_length: number, options: Readonly<Record<string, unknown>> = {}): unknown => ({
  direction: 'Right',
  max_length,
  strategy: 'LongestFirst',
  stride: 0,
  ...options,
});

const padding = (strategy: unknown, options: Readonly<Record<string, unknown>> = {}): unknown => ({
  strategy,
  direction: 'Right',
  pad_to_multiple_of: null,
  pad_id: 0,
  pad_type_id: 0,
  pad_token: '[PAD]',
  ...options,
});

const fits: Readonly<Record<string, { truncation?: unknown; padding?: unknown }>> = {
  'cut to 12': { truncation: truncation(12) },
  'cut to 12, stride 3': { truncation: truncation(12, { stride: 3 }) },
  'cut to 10 from the left, stride 2': { truncation: truncation(10, { stride: 2, direction: 'Left' }) },
  'cut to the special tokens': { truncation: truncation(3) },
  'padded to the longest': { padding: padding('BatchLongest') },
  'padded to multiples of 8, left': {
    padding: padding('BatchLongest', { direction: 'Left', pad_to_multiple_of: 8, pad_type_id: 3 }),
  },
  'padded to 16': { padding: padding({ Fixed: 16 }, { pad_id: 7, pad_token: '<p>' }) },
  'cut to 12, stride 3, padded to 16 left': {
    truncation: truncation(12, { stride: 3 }),
    padding: padding({ Fixed: 16 }, { direction: 'Left', pad_type_id: 1 }),
  },
  'cut to 9 from the left, padded to multiples of 5': {
    truncation: truncation(9, { stride: 1, direction: 'Left' }),
    padding: padding('BatchLongest', { pad_to_multiple_of: 5 }),
  },
};

/** Truncation and padding, overflowing parts included. */
export const FITS: readonly Composition[] = Object.entries(fits).flatMap(([name, fit]): Composition[] => [
  {
    name: `BERT ${name}`,
    json: () => ({ ...bertJson(), ...fit }),
    tokens: () => ['[MASK]', 'the'],
    pairs: true,
    weight: 0.5,
  },
  {
    name: `RoBERTa of few merges ${name}`,
    json: () => ({ ...robertaJson(true, true, 2000), ...fit }),
    // The mask takes in the space before it, beyond the cut.
    tokens: () => ['a b c d e f <mask>', '<mask>', 'the'],
    // A pair has four special tokens.
    pairs: !name.includes('special'),
    weight: 0.2,
  },
  {
    name: `T5 ${name}`,
    json: () => ({ ...t5Json(), ...fit }),
    tokens: () => ['<s>', 'the'],
    pairs: true,
    weight: 0.4,
  },
  {
    name: `no post-processor ${name}`,
    json: () => ({ ...bertJson(), post_processor: null, ...fit }),
    tokens: () => ['[MASK]', 'the'],
    pairs: true,
    weight: 0.3,
  },
]);
