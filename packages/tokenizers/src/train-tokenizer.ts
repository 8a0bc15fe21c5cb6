import { byteToChar } from './bytes';
import { show, TokenizerError } from './error';
import type { TokenizerJSON } from './files/tokenizer-json';
import { piecesOf } from './pieces-of';
import { readTokenizer } from './read-tokenizer';
import type { Tokenizer } from './tokenizer';
import { trainBpe } from './training/bpe';
import type { OnProgress } from './training/options';
import { trainUnigram } from './training/unigram';
import { trainWordLevel } from './training/word-level';
import { trainWordPiece } from './training/word-piece';

/**
 * Ready-made compositions: byte-level BPE as in GPT-2, WordPiece as in BERT, Unigram as in T5, BPE with the conventions
 * of SentencePiece as in Llama, whole words, and characters.
 */
export type TokenizerPreset = 'bpe' | 'wordpiece' | 'unigram' | 'sentencepiece-bpe' | 'word' | 'character';

export interface TrainTokenizerOptions {
  readonly preset: TokenizerPreset;
  /** Tokens in all, special ones included. Default 30,000; 8,000 for 'unigram'. */
  readonly vocabSize?: number;
  /** Merge no pair, and take no word, that occurs less often. Default 0. Not for 'unigram'. */
  readonly minFrequency?: number;
  /** The first tokens of the vocabulary; they are found in text as they are written. Default: those of the model's kind. */
  readonly specialTokens?: readonly string[];
  /** Which of them stands for what is not in the vocabulary. Default `[UNK]` or `<unk>`; byte-level BPE needs none. */
  readonly unkToken?: string;
  /** Make no difference between upper and lower case. Default false. */
  readonly lowercase?: boolean;
  readonly onProgress?: OnProgress;
}

interface Recipe {
  readonly specialTokens: readonly string[];
  readonly unkToken: string | null;
  readonly parts: (
    lowercase: boolean,
  ) => Pick<TokenizerJSON, 'normalizer' | 'pre_tokenizer' | 'post_processor' | 'decoder'>;
}

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true } as const;
const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true } as const;
const none = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
const lower = (lowercase: boolean) => (lowercase ? ({ type: 'Lowercase' } as const) : null);
const sequence = (...given: (NonNullable<TokenizerJSON['normalizer']> | null)[]) => ({
  type: 'Sequence' as const,
  normalizers: given.filter((normalizer) => normalizer !== null),
});
const spaces = { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' } as const;
const sentencePieceSpecials = ['<unk>', '<s>', '</s>'];

const recipes: Record<TokenizerPreset, Recipe> = {
  bpe: {
    specialTokens: ['<|endoftext|>'],
    unkToken: null,
    parts: (lowercase) => ({
      normalizer: lower(lowercase),
      pre_tokenizer: byteLevel,
      post_processor: byteLevel,
      decoder: byteLevel,
    }),
  },
  wordpiece: {
    specialTokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'],
    unkToken: '[UNK]',
    parts: (lowercase) => ({
      ...none,
      normalizer: {
        type: 'BertNormalizer',
        clean_text: true,
        handle_chinese_chars: true,
        strip_accents: null,
        lowercase,
      },
      pre_tokenizer: { type: 'BertPreTokenizer' },
      decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    }),
  },
  unigram: {
    specialTokens: sentencePieceSpecials,
    unkToken: '<unk>',
    parts: (lowercase) => ({
      ...none,
      normalizer: sequence({ type: 'Nmt' }, { type: 'NFKC' }, spaces, lower(lowercase)),
      pre_tokenizer: metaspace,
      decoder: metaspace,
    }),
  },
  'sentencepiece-bpe': {
    specialTokens: sentencePieceSpecials,
    unkToken: '<unk>',
    parts: (lowercase) => ({
      ...none,
      normalizer: lower(lowercase),
      pre_tokenizer: metaspace,
      decoder: {
        type: 'Sequence',
        decoders: [
          { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
          { type: 'ByteFallback' },
          { type: 'Fuse' },
          { type: 'Strip', content: ' ', start: 1, stop: 0 },
        ],
      },
    }),
  },
  word: {
    specialTokens: ['<unk>'],
    unkToken: '<unk>',
    parts: (lowercase) => ({ ...none, normalizer: lower(lowercase), pre_tokenizer: { type: 'WhitespaceSplit' } }),
  },
  character: {
    specialTokens: ['<unk>'],
    unkToken: '<unk>',
    parts: (lowercase) => ({
      ...none,
      normalizer: lower(lowercase),
      pre_tokenizer: { type: 'Split', pattern: { Regex: '[\\s\\S]' }, behavior: 'Isolated', invert: false },
      decoder: { type: 'Fuse' },
    }),
  },
};

/** Names of the presets. */
export const tokenizerPresets = Object.keys(recipes) as TokenizerPreset[];

/**
 * A tokenizer trained on texts. The same texts give the same tokenizer, in whatever order: the one that the Rust library
 * trains from the same parts, but where that leaves ties to the order of its hash tables, which differs from run to run.
 *
 * @throws TokenizerError if an option does not fit.
 */
export function trainTokenizer(texts: Iterable<string>, options: TrainTokenizerOptions): Tokenizer {
  const { preset, minFrequency, onProgress, lowercase = false } = options;
  if (!Object.hasOwn(recipes, preset)) {
    throw invalid(`preset "${show(String(preset))}" is not known; known are ${tokenizerPresets.join(', ')}`);
  }
  if (typeof texts === 'string') throw invalid('expected several texts, got one; put it in an array');
  const recipe = recipes[preset];
  const unkToken = recipe.unkToken === null ? null : (options.unkToken ?? recipe.unkToken);
  const specialTokens = [...(options.specialTokens ?? recipe.specialTokens)];
  if (unkToken !== null && !specialTokens.includes(unkToken)) specialTokens.unshift(unkToken);
  const parts = recipe.parts(lowercase);
  const words = countPieces(texts, parts);
  const common = { vocabSize: options.vocabSize, specialTokens, onProgress };
  const model = train(preset, words, { ...common, minFrequency, unkToken });
  const vocab: Readonly<Record<string, number>> | null = Array.isArray(model.vocab) ? null : (model.vocab as never);
  return readTokenizer({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, i) => ({
      id: vocab?.[content] ?? i,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    ...parts,
    post_processor:
      preset === 'wordpiece' && options.specialTokens === undefined
        ? bertTemplate(specialTokens)
        : parts.post_processor,
    model,
  });
}

/** How often each piece occurs that a tokenizer of these parts would give its model. */
function countPieces(
  texts: Iterable<string>,
  parts: Pick<TokenizerJSON, 'normalizer' | 'pre_tokenizer'>,
): Map<string, number> {
  const tokenizer = readTokenizer({ ...none, ...parts, model: { type: 'WordLevel', vocab: {}, unk_token: '' } });
  const counts = new Map<string, number>();
  for (const text of texts) {
    if (typeof text !== 'string') throw invalid(`expected texts, got ${text === null ? 'null' : typeof text}`);
    for (const piece of piecesOf(tokenizer, text)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  }
  return counts;
}

interface ModelOptions {
  readonly vocabSize?: number;
  readonly minFrequency?: number;
  readonly specialTokens: readonly string[];
  readonly unkToken: string | null;
  readonly onProgress?: OnProgress;
}

/** The model of a `tokenizer.json`. */
function train(preset: TokenizerPreset, words: Map<string, number>, options: ModelOptions): Record<string, unknown> {
  const { unkToken, ...common } = options;
  const { vocabSize, minFrequency, specialTokens, onProgress } = common;
  switch (preset) {
    case 'bpe': {
      const { vocab, merges } = trainBpe(words, { ...common, initialAlphabet: byteToChar });
      return { type: 'BPE', vocab: Object.fromEntries(vocab), merges };
    }
    case 'sentencepiece-bpe': {
      // Bytes are tokens that no text is trained on: they follow the special ones.
      const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
      const { vocab, merges } = trainBpe(words, { ...common, specialTokens: [...specialTokens, ...bytes] });
      return {
        type: 'BPE',
        unk_token: unkToken,
        fuse_unk: true,
        byte_fallback: true,
        vocab: Object.fromEntries(vocab),
        merges,
      };
    }
    case 'wordpiece': {
      const { vocab } = trainWordPiece(words, common);
      return { type: 'WordPiece', unk_token: unkToken, vocab: Object.fromEntries(vocab) };
    }
    case 'unigram': {
      if (minFrequency !== undefined) throw invalid("minFrequency is not for the preset 'unigram'; leave it out");
      const { vocab, unkId } = trainUnigram(words, { vocabSize, specialTokens, onProgress, unkToken: unkToken! });
      // A special token that occurs in the texts as well must not be there twice.
      const once = vocab.filter(([piece], i) => i < specialTokens.length || !specialTokens.includes(piece));
      return { type: 'Unigram', unk_id: unkId, vocab: once };
    }
    default: {
      const { vocab } = trainWordLevel(words, common);
      return { type: 'WordLevel', unk_token: unkToken, vocab: Object.fromEntries(vocab) };
    }
  }
}

/** `[CLS] A [SEP]`, `[CLS] A [SEP] B [SEP]`. */
function bertTemplate(specialTokens: readonly string[]): TokenizerJSON['post_processor'] {
  const special = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
  const text = (id: 'A' | 'B', type_id: number) => ({ Sequence: { id, type_id } });
  const token = (id: string) => ({ id, ids: [specialTokens.indexOf(id)], tokens: [id] });
  return {
    type: 'TemplateProcessing',
    single: [special('[CLS]', 0), text('A', 0), special('[SEP]', 0)],
    pair: [special('[CLS]', 0), text('A', 0), special('[SEP]', 0), text('B', 1), special('[SEP]', 1)],
    special_tokens: { '[CLS]': token('[CLS]'), '[SEP]': token('[SEP]') },
  };
}

const invalid = (problem: string): TokenizerError => new TokenizerError('invalid-option', `trainTokenizer: ${problem}`);
