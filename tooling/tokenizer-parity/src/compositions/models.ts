import type { AddedTokenJSON } from '@qkv/tokenizers';

import { addedToken, bpe, byteLevel, type PartJson, sequence, split, template, tokenizerJson } from '../tokenizer-json';
import {
  bert,
  bertCased,
  bertChinese,
  byteTokens,
  gpt2,
  llama,
  llama3,
  tiktoken,
  unigram,
  type Vocab,
  vocabOf,
  words,
} from '../vocabularies';
import type { Composition } from './composition';

/** Every so many-th token: enough of them to make texts of. */
const some = (tokens: readonly string[], count = 400): readonly string[] =>
  tokens.filter((_, i) => i % Math.ceil(tokens.length / count) === 0);
const keysOf = (vocab: Vocab): readonly string[] => some(Object.keys(vocab));

/** tiktoken's pattern for GPT-3.5 and 4, as files of this format have it. */
const CL100K =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const O200K = [
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
  "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
  '\\p{N}{1,3}',
  ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*',
  '\\s*[\\r\\n]+',
  '\\s+(?!\\S)',
  '\\s+',
].join('|');

export const gpt2Json = () =>
  tokenizerJson({
    added_tokens: [addedToken(50256, '<|endoftext|>')],
    pre_tokenizer: byteLevel(false),
    post_processor: byteLevel(true, false),
    decoder: byteLevel(true),
    model: bpe(gpt2().vocab, gpt2().merges, { continuing_subword_prefix: '', end_of_word_suffix: '' }),
  });

/** RoBERTa's order of ids: four special tokens, GPT-2's, the mask. */
export function robertaJson(addPrefixSpace: boolean, trim = true, size = gpt2().merges.length) {
  const vocab: Vocab = { '<s>': 0, '<pad>': 1, '</s>': 2, '<unk>': 3 };
  for (const [token, id] of Object.entries(gpt2().vocab)) if (id < 256 + size) vocab[token] = id + 4;
  const mask = Object.keys(vocab).length;
  vocab['<mask>'] = mask;
  return tokenizerJson({
    added_tokens: [
      ...['<s>', '<pad>', '</s>', '<unk>'].map((token, id) => addedToken(id, token, { normalized: true })),
      addedToken(mask, '<mask>', { lstrip: true }),
    ],
    pre_tokenizer: byteLevel(addPrefixSpace),
    post_processor: {
      type: 'RobertaProcessing',
      sep: ['</s>', 2],
      cls: ['<s>', 0],
      trim_offsets: trim,
      add_prefix_space: addPrefixSpace,
    },
    decoder: byteLevel(true),
    model: bpe(vocab, gpt2().merges.slice(0, size)),
  });
}

const SPECIAL = {
  cl100k_base: [
    ['<|endoftext|>', 100257],
    ['<|fim_prefix|>', 100258],
    ['<|fim_middle|>', 100259],
    ['<|fim_suffix|>', 100260],
    ['<|endofprompt|>', 100276],
  ],
  o200k_base: [
    ['<|endoftext|>', 199999],
    ['<|endofprompt|>', 200018],
  ],
} as const;

/** Files have tokens for the ids between those that are used: the Rust library numbers added tokens without gaps. */
function withoutGaps(special: readonly (readonly [string, number])[], from: number): AddedTokenJSON[] {
  const byId = new Map(special.map(([token, id]) => [id, token]));
  const last = Math.max(...byId.keys());
  return Array.from({ length: last - from + 1 }, (_, i) =>
    addedToken(from + i, byId.get(from + i) ?? `<|reserved_${from + i}|>`),
  );
}

export function tiktokenJson(name: 'cl100k_base' | 'o200k_base', pattern = name === 'cl100k_base' ? CL100K : O200K) {
  const { vocab, merges } = tiktoken(name);
  return tokenizerJson({
    added_tokens: withoutGaps(SPECIAL[name], Object.keys(vocab).length),
    pre_tokenizer: sequence('pretokenizers', split({ Regex: pattern }, 'Isolated'), byteLevel(false, true, false)),
    decoder: byteLevel(true),
    model: bpe(vocab, merges, { ignore_merges: true }),
  });
}

export function llama3Json() {
  const { vocab, merges, special } = llama3();
  return tokenizerJson({
    added_tokens: special.map((token, i) => addedToken(128_000 + i, token)),
    pre_tokenizer: sequence('pretokenizers', split({ Regex: CL100K }, 'Isolated'), byteLevel(false, true, false)),
    post_processor: sequence(
      'processors',
      byteLevel(true, false),
      template('<|begin_of_text|> $A', '<|begin_of_text|> $A <|begin_of_text|>:1 $B:1', {
        '<|begin_of_text|>': 128_000,
      }),
    ),
    decoder: byteLevel(true),
    model: bpe(vocab, merges, { ignore_merges: true }),
  });
}

const llamaDecoder = sequence(
  'decoders',
  { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
  { type: 'ByteFallback' },
  { type: 'Fuse' },
  { type: 'Strip', content: ' ', start: 1, stop: 0 },
);

/** The way of the first files for Llama: spaces are made ▁ by the normalizer. */
export const llamaJson = (metaspace: PartJson | null = null) =>
  tokenizerJson({
    added_tokens: ['<unk>', '<s>', '</s>'].map((token, id) => addedToken(id, token)),
    normalizer:
      metaspace === null
        ? sequence(
            'normalizers',
            { type: 'Prepend', prepend: '▁' },
            { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
          )
        : null,
    pre_tokenizer: metaspace,
    post_processor: template('<s> $A', '<s> $A <s>:1 $B:1', { '<s>': 1 }),
    decoder: llamaDecoder,
    model: bpe(llama().vocab, llama().merges, { unk_token: '<unk>', fuse_unk: true, byte_fallback: true }),
  });

export const metaspace = (
  prepend_scheme: 'always' | 'first' | 'never',
  split_ = true,
  replacement = '▁',
): PartJson => ({
  type: 'Metaspace',
  replacement,
  prepend_scheme,
  split: split_,
});

export const bertNormalizer = (options: Readonly<Record<string, unknown>> = {}): PartJson => ({
  type: 'BertNormalizer',
  clean_text: true,
  handle_chinese_chars: true,
  strip_accents: null,
  lowercase: true,
  ...options,
});

const BERT_TEMPLATE = template('[CLS] $A [SEP]', '[CLS] $A [SEP] $B:1 [SEP]:1', { '[CLS]': 101, '[SEP]': 102 });

export const bertJson = (
  vocabulary: readonly string[] = bert(),
  normalizer: Readonly<Record<string, unknown>> = {},
  postProcessor: PartJson = BERT_TEMPLATE,
) =>
  tokenizerJson({
    added_tokens: [
      addedToken(0, '[PAD]'),
      ...['[UNK]', '[CLS]', '[SEP]', '[MASK]'].map((token, i) => addedToken(100 + i, token)),
    ],
    normalizer: bertNormalizer(normalizer),
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: postProcessor,
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: vocabOf(vocabulary),
    },
  });

const unigramModel = (vocab: readonly (readonly [string, number])[], byteFallback = false): PartJson => ({
  type: 'Unigram',
  unk_id: 0,
  vocab,
  byte_fallback: byteFallback,
});

const T5_TEMPLATE = template('$A </s>', '$A </s> $B </s>', { '</s>': 2 });
const precompiled = (): PartJson => ({ type: 'Precompiled', precompiled_charsmap: unigram().charsmap });

export const unigramJson = (normalizer: PartJson | null, preTokenizer: PartJson | null, postProcessor = T5_TEMPLATE) =>
  tokenizerJson({
    added_tokens: ['<unk>', '<s>', '</s>'].map((token, id) => addedToken(id, token)),
    normalizer,
    pre_tokenizer: preTokenizer,
    post_processor: postProcessor,
    decoder: metaspace('always'),
    model: unigramModel(unigram().vocab),
  });

export const t5Json = () =>
  unigramJson(precompiled(), sequence('pretokenizers', { type: 'WhitespaceSplit' }, metaspace('always')));

const xlmRoberta = () =>
  unigramJson(
    sequence(
      'normalizers',
      precompiled(),
      { type: 'Strip', strip_left: false, strip_right: true },
      { type: 'Replace', pattern: { Regex: ' {2,}' }, content: '▁' },
    ),
    metaspace('always'),
    template('<s> $A </s>', '<s> $A </s> </s> $B </s>', { '<s>': 1, '</s>': 2 }),
  );

const albert = () =>
  unigramJson(
    sequence(
      'normalizers',
      { type: 'Replace', pattern: { String: '``' }, content: '"' },
      { type: 'Replace', pattern: { String: "''" }, content: '"' },
      { type: 'NFKD' },
      { type: 'StripAccents' },
      { type: 'Lowercase' },
      precompiled(),
    ),
    metaspace('always'),
    template('<s> $A </s>', '<s> $A </s> $B:1 </s>:1', { '<s>': 1, '</s>': 2 }),
  );

/** Pieces of Llama with scores by rank, and bytes for what is unknown: a vocabulary as large as real ones. */
const gemma = () => {
  const vocab = Object.keys(llama().vocab).map((token, id): [string, number] => [
    token,
    byteTokens.includes(token) ? -30_000 : -id / 1000,
  ]);
  return tokenizerJson({
    added_tokens: ['<unk>', '<s>', '</s>'].map((token, id) => addedToken(id, token)),
    normalizer: sequence('normalizers', { type: 'NFKC' }, { type: 'Replace', pattern: { String: ' ' }, content: '▁' }),
    decoder: llamaDecoder,
    model: unigramModel(vocab, true),
  });
};

const wordLevel = (normalizer: PartJson | null, preTokenizer: PartJson) =>
  tokenizerJson({
    normalizer,
    pre_tokenizer: preTokenizer,
    post_processor: null,
    model: { type: 'WordLevel', vocab: vocabOf(words()), unk_token: '<unk>' },
  });

const pieces = (): readonly string[] => unigram().vocab.map(([piece]) => piece);

/** Every kind of model, composed as well-known tokenizers are. */
export const MODELS: readonly Composition[] = [
  { name: 'GPT-2', json: gpt2Json, tokens: () => keysOf(gpt2().vocab), weight: 3, pairs: true },
  {
    name: 'RoBERTa',
    json: () => robertaJson(false),
    tokens: () => ['<s>', '</s>', '<mask>', '<unk>', ...keysOf(gpt2().vocab)],
    weight: 2,
    pairs: true,
  },
  {
    name: 'RoBERTa with a space before',
    json: () => robertaJson(true),
    tokens: () => ['<s>', '<mask>', ...keysOf(gpt2().vocab)],
    pairs: true,
  },
  {
    name: 'RoBERTa, offsets untrimmed',
    json: () => robertaJson(true, false),
    tokens: () => keysOf(gpt2().vocab),
    pairs: true,
  },
  {
    name: 'cl100k_base',
    json: () => tiktokenJson('cl100k_base'),
    tokens: () => ['<|endoftext|>', '<|fim_prefix|>', ...keysOf(tiktoken('cl100k_base').vocab)],
    weight: 2,
  },
  {
    name: 'o200k_base',
    json: () => tiktokenJson('o200k_base'),
    tokens: () => ['<|endoftext|>', ...keysOf(tiktoken('o200k_base').vocab)],
    weight: 2,
  },
  {
    name: 'Llama 3',
    json: llama3Json,
    tokens: () => ['<|begin_of_text|>', '<|eot_id|>', ...keysOf(llama3().vocab)],
    pairs: true,
  },
  {
    name: 'Llama 2',
    json: () => llamaJson(),
    tokens: () => ['<s>', '</s>', '<0x0A>', ...keysOf(llama().vocab)],
    weight: 3,
    pairs: true,
  },
  {
    name: 'Llama 2, Metaspace',
    json: () => llamaJson(metaspace('first', false)),
    tokens: () => ['<s>', '</s>', ...keysOf(llama().vocab)],
    weight: 2,
    pairs: true,
  },
  {
    name: 'BERT uncased',
    json: () => bertJson(),
    tokens: () => ['[CLS]', '[MASK]', '[UNK]', ...some(bert())],
    weight: 3,
    pairs: true,
  },
  {
    name: 'BERT cased',
    json: () => bertJson(bertCased(), { lowercase: false }),
    tokens: () => ['[CLS]', ...some(bertCased())],
    pairs: true,
  },
  {
    name: 'BERT Chinese',
    json: () => bertJson(bertChinese(), {}, { type: 'BertProcessing', sep: ['[SEP]', 102], cls: ['[CLS]', 101] }),
    tokens: () => some(bertChinese()),
    weight: 2,
    pairs: true,
  },
  {
    name: 'BERT multilingual',
    json: () => bertJson(bertChinese(), { lowercase: false, strip_accents: false, handle_chinese_chars: false }),
    tokens: () => some(bertChinese()),
  },
  {
    name: 'BERT, accents only',
    json: () => bertJson(bert(), { lowercase: false, strip_accents: true, clean_text: false }),
    tokens: () => some(bert()),
  },
  { name: 'T5', json: t5Json, tokens: pieces, weight: 3, pairs: true },
  { name: 'XLM-R', json: xlmRoberta, tokens: pieces, weight: 2, pairs: true },
  { name: 'ALBERT', json: albert, tokens: pieces, weight: 2, pairs: true },
  { name: 'Gemma', json: gemma, tokens: () => ['<s>', '<0x0A>', ...keysOf(llama().vocab)], weight: 2 },
  {
    name: 'words',
    json: () => wordLevel({ type: 'Lowercase' }, { type: 'Whitespace' }),
    tokens: () => some(words()),
    pairs: true,
  },
  {
    name: 'words, marks and digits',
    json: () =>
      wordLevel(
        sequence('normalizers', { type: 'NFD' }, { type: 'StripAccents' }, { type: 'Lowercase' }),
        sequence(
          'pretokenizers',
          { type: 'WhitespaceSplit' },
          { type: 'Punctuation', behavior: 'Isolated' },
          { type: 'Digits', individual_digits: true },
        ),
      ),
    tokens: () => some(words()),
  },
];
