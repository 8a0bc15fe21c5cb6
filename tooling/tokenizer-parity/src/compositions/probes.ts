import { botchan, tatoeba } from '../data';
import {
  addedToken,
  bpe,
  byteLevel,
  type PartJson,
  type PatternJson,
  sequence,
  split,
  template,
  tokenizerJson,
} from '../tokenizer-json';
import { bytesModel, byteTokens, type Merges, unigram, type Vocab, vocabOf } from '../vocabularies';
import type { Composition } from './composition';
import { bertNormalizer, metaspace } from './models';
import { naiveBpe, type NaiveBpeOptions } from './naive-bpe';

const BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'];
const precompiled = (): PartJson => ({ type: 'Precompiled', precompiled_charsmap: unigram().charsmap });

const normalizers: Readonly<Record<string, () => PartJson>> = {
  NFC: () => ({ type: 'NFC' }),
  NFD: () => ({ type: 'NFD' }),
  NFKC: () => ({ type: 'NFKC' }),
  NFKD: () => ({ type: 'NFKD' }),
  Nmt: () => ({ type: 'Nmt' }),
  Lowercase: () => ({ type: 'Lowercase' }),
  StripAccents: () => ({ type: 'StripAccents' }),
  'NFD, StripAccents, Lowercase': () =>
    sequence('normalizers', { type: 'NFD' }, { type: 'StripAccents' }, { type: 'Lowercase' }),
  'NFKC, Lowercase, NFC': () => sequence('normalizers', { type: 'NFKC' }, { type: 'Lowercase' }, { type: 'NFC' }),
  'Strip both': () => ({ type: 'Strip', strip_left: true, strip_right: true }),
  'Strip left': () => ({ type: 'Strip', strip_left: true, strip_right: false }),
  'Prepend, then NFKD': () => sequence('normalizers', { type: 'Prepend', prepend: 'é ' }, { type: 'NFKD' }),
  'Replace text': () => ({ type: 'Replace', pattern: { String: 'e' }, content: '<é>' }),
  'Replace by nothing': () => ({ type: 'Replace', pattern: { String: 'a' }, content: '' }),
  'Replace expression': () => ({ type: 'Replace', pattern: { Regex: '\\s+|\\p{N}{2}' }, content: ' ' }),
  'Replace, then NFD': () =>
    sequence('normalizers', { type: 'Replace', pattern: { Regex: '[aeiou]' }, content: 'ö' }, { type: 'NFD' }),
  BertNormalizer: () => bertNormalizer(),
  'BertNormalizer, case kept': () => bertNormalizer({ lowercase: false, strip_accents: true }),
  'BertNormalizer, clean only': () =>
    bertNormalizer({ lowercase: false, strip_accents: false, handle_chinese_chars: false }),
  ByteLevel: () => ({ type: 'ByteLevel' }),
  Precompiled: precompiled,
  'Precompiled, then Lowercase': () => sequence('normalizers', precompiled(), { type: 'Lowercase' }),
};

const patterns: Readonly<Record<string, PatternJson>> = {
  text: { String: 'e' },
  spaces: { Regex: '\\s+' },
  'words or marks': { Regex: '\\w+|[^\\w\\s]+' },
  'letters, one digit': { Regex: "'s|'t|[\\p{L}]+|[\\p{N}]" },
  'look around': { Regex: '(?<=\\d)(?=(?:\\d{3})+(?!\\d))|\\s+(?!\\S)' },
};

const preTokenizers: Readonly<Record<string, PartJson | null>> = {
  'no pre-tokenizer': null,
  Whitespace: { type: 'Whitespace' },
  WhitespaceSplit: { type: 'WhitespaceSplit' },
  BertPreTokenizer: { type: 'BertPreTokenizer' },
  'ByteLevel, no expression': byteLevel(true, true, false),
  ByteLevel: byteLevel(true),
  UnicodeScripts: { type: 'UnicodeScripts' },
  'UnicodeScripts after spaces': sequence('pretokenizers', { type: 'WhitespaceSplit' }, { type: 'UnicodeScripts' }),
  CharDelimiterSplit: { type: 'CharDelimiterSplit', delimiter: 'e' },
  'digits in groups': { type: 'Digits', individual_digits: false },
  'digits alone': { type: 'Digits', individual_digits: true },
  FixedLength: { type: 'FixedLength', length: 3 },
  ...Object.fromEntries(
    (['always', 'first', 'never'] as const).flatMap((scheme) =>
      [true, false].map((cut) => [`Metaspace ${scheme}${cut ? '' : ', not cut'}`, metaspace(scheme, cut)]),
    ),
  ),
  'Metaspace with another mark, after Whitespace': sequence(
    'pretokenizers',
    { type: 'WhitespaceSplit' },
    metaspace('first', true, '_'),
  ),
  ...Object.fromEntries(BEHAVIORS.map((behavior) => [`Punctuation ${behavior}`, { type: 'Punctuation', behavior }])),
  ...Object.fromEntries(
    Object.entries(patterns).flatMap(([name, pattern]) =>
      BEHAVIORS.flatMap((behavior) =>
        [false, true].map((invert) => [
          `Split ${name}, ${behavior}${invert ? ', inverted' : ''}`,
          split(pattern, behavior, invert),
        ]),
      ),
    ),
  ),
};

const probeTokens = (): readonly string[] => [
  'e',
  'é',
  'a',
  '▁',
  '_',
  '  ',
  '12',
  '1234567',
  "'s",
  'don’t',
  ',',
  '。',
  'İ',
  'ß',
  '①',
];

/** Each normalizer and pre-tokenizer by itself, before a model that shows every byte. */
export const PROBES: readonly Composition[] = [
  ...Object.entries(normalizers).map(([name, normalizer]): Composition => ({
    name: `normalizer ${name}`,
    json: () => tokenizerJson({ normalizer: normalizer(), model: bytesModel() }),
    tokens: probeTokens,
    weight: 0.5,
  })),
  ...Object.entries(preTokenizers).map(([name, preTokenizer]): Composition => ({
    name: `pre-tokenizer ${name}`,
    json: () => tokenizerJson({ pre_tokenizer: preTokenizer, model: bytesModel() }),
    tokens: probeTokens,
    weight: name.startsWith('Split') ? 0.15 : 0.5,
  })),
];

const letters = (): readonly string[] => [
  ...botchan()
    .slice(0, 500)
    .flatMap((line) => line.match(/\w+|[^\w\s]+/g) ?? []),
  ...tatoeba()
    .slice(0, 500)
    .flatMap(([, chinese]) => chinese.match(/[\p{L}\p{N}]+|[^\p{L}\p{N}\s]+/gu) ?? []),
];

const small: Record<string, { vocab: Vocab; merges: Merges }> = {};

/** Options of byte-pair encoding over a vocabulary that lacks most characters. */
function smallBpe(
  name: string,
  options: Readonly<Record<string, unknown>>,
  naive: Partial<NaiveBpeOptions> = {},
): Composition {
  const { prefix = '', suffix = '' } = naive;
  const trained = (): { vocab: Vocab; merges: Merges } =>
    (small[`${prefix} ${suffix}`] ??= naiveBpe(letters(), { merges: 200, prefix, suffix }));
  return {
    name: `BPE ${name}`,
    json: () => {
      const { vocab, merges } = trained();
      const extra = ['<unk>', ...(options['byte_fallback'] === true ? byteTokens : [])];
      return tokenizerJson({
        pre_tokenizer: { type: 'WhitespaceSplit' },
        model: bpe(vocabOf([...Object.keys(vocab), ...extra]), merges, {
          unk_token: '<unk>',
          continuing_subword_prefix: naive.prefix ?? null,
          end_of_word_suffix: naive.suffix ?? null,
          ...options,
        }),
      });
    },
    tokens: () => Object.keys(trained().vocab),
  };
}

const clipBytes = (): Composition => {
  const words = (): readonly string[] => [
    ...Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).flatMap((c) => [c, `${c}a`]),
    ...botchan()
      .slice(0, 500)
      .flatMap((line) => line.toLowerCase().match(/[a-z]+|[^a-z\s]/g) ?? []),
  ];
  let made: { vocab: Vocab; merges: Merges } | undefined;
  const trained = (): { vocab: Vocab; merges: Merges } => {
    made ??= naiveBpe(words(), { merges: 200, suffix: '</w>' });
    return made;
  };
  return {
    name: 'CLIP',
    json: () => {
      const tokens = [...Object.keys(trained().vocab), '<|startoftext|>', '<|endoftext|>'];
      const [start, end] = [tokens.length - 2, tokens.length - 1];
      return tokenizerJson({
        added_tokens: [addedToken(start, '<|startoftext|>', { normalized: true }), addedToken(end, '<|endoftext|>')],
        normalizer: sequence(
          'normalizers',
          { type: 'NFC' },
          { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
          { type: 'Lowercase' },
        ),
        pre_tokenizer: sequence(
          'pretokenizers',
          split({ Regex: "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+" }, 'Removed', true),
          byteLevel(false),
        ),
        post_processor: {
          type: 'RobertaProcessing',
          sep: ['<|endoftext|>', end],
          cls: ['<|startoftext|>', start],
          trim_offsets: false,
          add_prefix_space: false,
        },
        decoder: byteLevel(true),
        model: bpe(vocabOf(tokens), trained().merges, { unk_token: '<|endoftext|>', end_of_word_suffix: '</w>' }),
      });
    },
    tokens: () => ['<|startoftext|>', '<|endoftext|>', ...Object.keys(trained().vocab)],
    pairs: true,
  };
};

const wordPieceOf = (options: Readonly<Record<string, unknown>>): PartJson => ({
  type: 'WordPiece',
  unk_token: '[UNK]',
  continuing_subword_prefix: '##',
  max_input_chars_per_word: 100,
  vocab: vocabOf([
    '[UNK]',
    ...'abcdefghijklmnopqrstuvwxyzé',
    ...Array.from('abcdeimnorst', (c) => `##${c}`),
    '##ing',
    'the',
    '@@e',
    '##𐐨',
    '好',
  ]),
  ...options,
});

const UNIGRAM_SMALL: readonly (readonly [string, number])[] = [
  ['<unk>', 0],
  ...Array.from('abcdefghijklmnopqrstuvwxyz ', (c, i): [string, number] => [c, -3 - i / 7]),
  ['th', -3.5],
  ['the', -4],
  ['he', -3.75],
  ['aa', -6],
  ['aaa', -9],
  ['é', -5],
  ['好', -8],
  // With 10 less than the worst score for an unknown character, 吃b comes before 吃 and b c; with a little less, after.
  ['吃b', -20],
  ['b c', -1],
];

/** Options of models that well-known tokenizers do not use. */
export const OPTIONS: readonly Composition[] = [
  smallBpe('unknown characters one by one', {}),
  smallBpe('unknown characters fused', { fuse_unk: true }),
  smallBpe('continuing_subword_prefix', {}, { prefix: '##' }),
  smallBpe('end_of_word_suffix', { fuse_unk: true }, { suffix: '</w>' }),
  smallBpe('prefix and suffix', {}, { prefix: '##', suffix: '</w>' }),
  smallBpe('byte_fallback', { byte_fallback: true }),
  smallBpe('byte_fallback with prefix', { byte_fallback: true }, { prefix: '##' }),
  smallBpe('ignore_merges', { ignore_merges: true, fuse_unk: true }),
  smallBpe('no unknown token', { unk_token: null }),
  clipBytes(),
  {
    name: 'WordPiece, short words only',
    json: () =>
      tokenizerJson({ pre_tokenizer: { type: 'Whitespace' }, model: wordPieceOf({ max_input_chars_per_word: 5 }) }),
    // Five characters, and six.
    tokens: () => ['acd𐐨e', 'acd𐐨em', 'acden', 'acdent'],
  },
  {
    name: 'WordPiece, another prefix',
    json: () =>
      tokenizerJson({
        pre_tokenizer: { type: 'WhitespaceSplit' },
        model: wordPieceOf({ continuing_subword_prefix: '@@' }),
      }),
    tokens: probeTokens,
  },
  {
    name: 'Unigram, few pieces',
    json: () => tokenizerJson({ model: { type: 'Unigram', unk_id: 0, vocab: UNIGRAM_SMALL, byte_fallback: false } }),
    tokens: () => ['吃b c', 'the', 'aa', 'aaaa', 'é', '<unk>', ...probeTokens()],
  },
  {
    name: 'Unigram, bytes',
    json: () =>
      tokenizerJson({
        pre_tokenizer: metaspace('always'),
        post_processor: template('$A', '$A $B:1', {}),
        model: {
          type: 'Unigram',
          unk_id: 0,
          vocab: [...UNIGRAM_SMALL, ['▁', -2], ...byteTokens.map((token) => [token, -20] as const)],
          byte_fallback: true,
        },
      }),
    tokens: () => ['the', 'aa', 'aaaa', 'é', '<unk>', '<0x41>', ...probeTokens()],
    pairs: true,
  },
];
