import { addedToken, type AddedTokenJson, sequence, tokenizerJson, type TokenizerJson } from '../tokenizer-json';
import { bert, bytesModel, gpt2, unigram } from '../vocabularies';
import type { Composition } from './composition';
import { bertJson, gpt2Json, llamaJson, metaspace, robertaJson, unigramJson } from './models';

const FLAGS = ['single_word', 'lstrip', 'rstrip', 'normalized', 'special'] as const;

/** One token for each choice of flags, some of them parts of others. */
const everyFlag = (from: number): AddedTokenJson[] =>
  Array.from({ length: 32 }, (_, bits) => {
    const flags = Object.fromEntries(FLAGS.map((flag, i) => [flag, (bits & (1 << i)) !== 0]));
    const content = ['<x>', 'ab', 'Ünit', '好', '[a b]', 'ﬁn'][bits % 6] + (bits < 6 ? '' : String(bits));
    return addedToken(from + bits, content, flags);
  });

const overlapping = (from: number): AddedTokenJson[] =>
  ['aa', 'aaa', 'a', ' b', 'b ', 'İ', 'e\u0301', '🙂', '👨‍👩‍👧', '\n'].map((content, i) =>
    addedToken(from + i, content, { special: i % 3 === 0, normalized: i % 2 === 0 }),
  );

/** Tokens, with the spaces and words around them that their flags are about. */
const around = (tokens: readonly AddedTokenJson[]): string[] =>
  tokens.flatMap(({ content }) => [
    content,
    ` ${content}`,
    `${content}  `,
    `x${content}`,
    `${content}_`,
    content.toUpperCase(),
  ]);

const withTokens = (json: TokenizerJson, tokens: readonly AddedTokenJson[]): TokenizerJson => ({
  ...json,
  added_tokens: [...json.added_tokens, ...tokens],
});

const bases: Readonly<Record<string, [base: () => TokenizerJson, from: () => number]>> = {
  'GPT-2': [gpt2Json, () => Object.keys(gpt2().vocab).length],
  BERT: [() => bertJson(), () => bert().length],
  'Llama 2': [() => llamaJson(), () => 32_000],
  'Llama 2, Metaspace': [() => llamaJson(metaspace('first')), () => 32_000],
  Unigram: [() => unigramJson({ type: 'NFKC' }, metaspace('always')), () => unigram().vocab.length],
  bytes: [() => tokenizerJson({ model: bytesModel() }), () => 257],
  'bytes, NFD and lower case': [
    () =>
      tokenizerJson({
        normalizer: sequence('normalizers', { type: 'NFD' }, { type: 'Lowercase' }),
        model: bytesModel(),
      }),
    () => 257,
  ],
};

/** Tokens that are found before the model sees a text. */
export const ADDED: readonly Composition[] = Object.entries(bases).flatMap(([name, [base, from]]): Composition[] => [
  {
    name: `added tokens with every flag, ${name}`,
    json: () => withTokens(base(), everyFlag(from())),
    tokens: () => around(everyFlag(0)),
  },
  {
    name: `added tokens within each other, ${name}`,
    json: () => withTokens(base(), overlapping(from())),
    tokens: () => around(overlapping(0)),
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
    name: `RoBERTa ${name}`,
    json: () => ({ ...robertaJson(true), ...fit }),
    tokens: () => ['<mask>', 'the'],
    pairs: !name.includes('special'),
    weight: 0.3,
  },
  {
    name: `Llama 2 ${name}`,
    json: () => ({ ...llamaJson(), ...fit }),
    tokens: () => ['<s>', 'the'],
    pairs: true,
    weight: 0.3,
  },
  {
    name: `no post-processor ${name}`,
    json: () => ({ ...bertJson(), post_processor: null, ...fit }),
    tokens: () => ['[MASK]', 'the'],
    pairs: true,
    weight: 0.3,
  },
]);
