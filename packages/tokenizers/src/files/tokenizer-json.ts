/**
 * What a `tokenizer.json` holds, in the fields' order there. These types describe what this library writes; what it
 * reads is checked by the reader of each part.
 */
export interface TokenizerJSON {
  readonly version: '1.0';
  readonly truncation: TruncationJSON | null;
  readonly padding: PaddingJSON | null;
  readonly added_tokens: readonly AddedTokenJSON[];
  readonly normalizer: NormalizerJSON | null;
  readonly pre_tokenizer: PreTokenizerJSON | null;
  readonly post_processor: PostProcessorJSON | null;
  readonly decoder: DecoderJSON | null;
  readonly model: ModelJSON;
}

export interface TruncationJSON {
  readonly direction: 'Left' | 'Right';
  readonly max_length: number;
  readonly strategy: 'LongestFirst' | 'OnlyFirst' | 'OnlySecond';
  readonly stride: number;
}

export interface PaddingJSON {
  readonly strategy: 'BatchLongest' | { readonly Fixed: number };
  readonly direction: 'Left' | 'Right';
  readonly pad_to_multiple_of: number | null;
  readonly pad_id: number;
  readonly pad_type_id: number;
  readonly pad_token: string;
}

export interface AddedTokenJSON {
  readonly id: number;
  readonly content: string;
  readonly single_word: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly normalized: boolean;
  readonly special: boolean;
}

export type PatternJSON = { readonly String: string } | { readonly Regex: string };
export type PrependSchemeJSON = 'always' | 'first' | 'never';
export type SplitBehaviorJSON = 'Removed' | 'Isolated' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous';

export type NormalizerJSON =
  | { readonly type: 'Sequence'; readonly normalizers: readonly NormalizerJSON[] }
  | {
      readonly type: 'BertNormalizer';
      readonly clean_text: boolean;
      readonly handle_chinese_chars: boolean;
      /** null: as `lowercase`. */
      readonly strip_accents: boolean | null;
      readonly lowercase: boolean;
    }
  | { readonly type: 'Strip'; readonly strip_left: boolean; readonly strip_right: boolean }
  | { readonly type: 'StripAccents' | 'NFC' | 'NFD' | 'NFKC' | 'NFKD' | 'Lowercase' | 'Nmt' | 'ByteLevel' }
  /** SentencePiece's rules in base64. */
  | { readonly type: 'Precompiled'; readonly precompiled_charsmap: string }
  | { readonly type: 'Replace'; readonly pattern: PatternJSON; readonly content: string }
  | { readonly type: 'Prepend'; readonly prepend: string };

export interface MetaspaceJSON {
  readonly type: 'Metaspace';
  readonly replacement: string;
  readonly prepend_scheme: PrependSchemeJSON;
  readonly split: boolean;
}

export interface ByteLevelJSON {
  readonly type: 'ByteLevel';
  readonly add_prefix_space: boolean;
  readonly trim_offsets: boolean;
  readonly use_regex: boolean;
}

export type PreTokenizerJSON =
  | { readonly type: 'Sequence'; readonly pretokenizers: readonly PreTokenizerJSON[] }
  | { readonly type: 'BertPreTokenizer' | 'Whitespace' | 'WhitespaceSplit' | 'UnicodeScripts' }
  | ByteLevelJSON
  | MetaspaceJSON
  | { readonly type: 'CharDelimiterSplit'; readonly delimiter: string }
  | {
      readonly type: 'Split';
      readonly pattern: PatternJSON;
      readonly behavior: SplitBehaviorJSON;
      readonly invert: boolean;
    }
  | { readonly type: 'Punctuation'; readonly behavior: SplitBehaviorJSON }
  | { readonly type: 'Digits'; readonly individual_digits: boolean }
  | { readonly type: 'FixedLength'; readonly length: number };

export type TemplatePieceJSON =
  | { readonly Sequence: { readonly id: 'A' | 'B'; readonly type_id: number } }
  | { readonly SpecialToken: { readonly id: string; readonly type_id: number } };

export interface TemplateTokenJSON {
  readonly id: string;
  readonly ids: readonly number[];
  readonly tokens: readonly string[];
}

type NamedId = readonly [token: string, id: number];

export type PostProcessorJSON =
  | { readonly type: 'Sequence'; readonly processors: readonly PostProcessorJSON[] }
  | ByteLevelJSON
  | {
      readonly type: 'TemplateProcessing';
      readonly single: readonly TemplatePieceJSON[];
      readonly pair: readonly TemplatePieceJSON[];
      readonly special_tokens: Readonly<Record<string, TemplateTokenJSON>>;
    }
  | { readonly type: 'BertProcessing'; readonly sep: NamedId; readonly cls: NamedId }
  | {
      readonly type: 'RobertaProcessing';
      readonly sep: NamedId;
      readonly cls: NamedId;
      readonly trim_offsets: boolean;
      readonly add_prefix_space: boolean;
    };

export type DecoderJSON =
  | { readonly type: 'Sequence'; readonly decoders: readonly DecoderJSON[] }
  | ByteLevelJSON
  | MetaspaceJSON
  | { readonly type: 'ByteFallback' | 'Fuse' }
  | { readonly type: 'Replace'; readonly pattern: PatternJSON; readonly content: string }
  | { readonly type: 'Strip'; readonly content: string; readonly start: number; readonly stop: number }
  | { readonly type: 'WordPiece'; readonly prefix: string; readonly cleanup: boolean }
  | { readonly type: 'BPEDecoder'; readonly suffix: string }
  | {
      readonly type: 'CTC';
      readonly pad_token: string;
      readonly word_delimiter_token: string;
      readonly cleanup: boolean;
    };

/** Token → id. */
export type VocabJSON = Readonly<Record<string, number>>;

export interface BpeJSON {
  readonly type: 'BPE';
  readonly dropout: number | null;
  readonly unk_token: string | null;
  readonly continuing_subword_prefix: string | null;
  readonly end_of_word_suffix: string | null;
  readonly fuse_unk: boolean;
  readonly byte_fallback: boolean;
  readonly ignore_merges: boolean;
  readonly vocab: VocabJSON;
  readonly merges: readonly (readonly [left: string, right: string])[];
}

export interface UnigramJSON {
  readonly type: 'Unigram';
  readonly unk_id: number | null;
  readonly vocab: readonly (readonly [token: string, score: number])[];
  readonly byte_fallback: boolean;
}

export interface WordPieceJSON {
  readonly type: 'WordPiece';
  readonly unk_token: string;
  readonly continuing_subword_prefix: string;
  readonly max_input_chars_per_word: number;
  readonly vocab: VocabJSON;
}

export interface WordLevelJSON {
  readonly type: 'WordLevel';
  readonly vocab: VocabJSON;
  readonly unk_token: string;
}

export type ModelJSON = BpeJSON | UnigramJSON | WordPieceJSON | WordLevelJSON;

/** A token that is found in text before all else, and is left out of decoded text if it is special. */
export function addedToken(id: number, content: string, options: Partial<AddedTokenJSON> = {}): AddedTokenJSON {
  return {
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
    ...options,
  };
}

/** Token → id as an object, by id, as the Rust library writes it; safe for a token such as `__proto__`. */
export function vocabJSON(vocab: ReadonlyMap<string, number>): VocabJSON {
  return Object.fromEntries([...vocab].sort((a, b) => a[1] - b[1]));
}
