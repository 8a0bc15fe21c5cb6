import type { AddedTokenJSON } from '@qkv/tokenizers';

/** A part as `tokenizer.json` holds it. */
export type PartJson = { readonly type: string } & { readonly [option: string]: unknown };

/** What the tests compose and give to both libraries. */
export interface TokenizerJson {
  readonly version: '1.0';
  readonly truncation: unknown;
  readonly padding: unknown;
  readonly added_tokens: readonly AddedTokenJSON[];
  readonly normalizer: PartJson | null;
  readonly pre_tokenizer: PartJson | null;
  readonly post_processor: PartJson | null;
  readonly decoder: PartJson | null;
  readonly model: PartJson;
}

/** A whole file from some parts. */
export const tokenizerJson = (parts: Partial<TokenizerJson> & Pick<TokenizerJson, 'model'>): TokenizerJson => ({
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  ...parts,
});

export const addedToken = (
  id: number,
  content: string,
  flags: Partial<Omit<AddedTokenJSON, 'id' | 'content'>> = {},
): AddedTokenJSON => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
  ...flags,
});

export const sequence = (
  kind: 'normalizers' | 'pretokenizers' | 'processors' | 'decoders',
  ...parts: PartJson[]
): PartJson => ({
  type: 'Sequence',
  [kind]: parts,
});

export const byteLevel = (add_prefix_space: boolean, trim_offsets = true, use_regex = true): PartJson => ({
  type: 'ByteLevel',
  add_prefix_space,
  trim_offsets,
  use_regex,
});

export const split = (pattern: PatternJson, behavior: string, invert = false): PartJson => ({
  type: 'Split',
  pattern,
  behavior,
  invert,
});

export type PatternJson = { readonly Regex: string } | { readonly String: string };

/** A template in the short form that people write: `[CLS] $A [SEP]`. */
export function template(single: string, pair: string, ids: Readonly<Record<string, number>>): PartJson {
  const piece = (text: string): unknown => {
    const [name, type = '0'] = text.split(':');
    return name.startsWith('$')
      ? { Sequence: { id: name.slice(1), type_id: Number(type) } }
      : { SpecialToken: { id: name, type_id: Number(type) } };
  };
  return {
    type: 'TemplateProcessing',
    single: single.split(' ').map(piece),
    pair: pair.split(' ').map(piece),
    special_tokens: Object.fromEntries(
      Object.entries(ids).map(([token, id]) => [token, { id: token, ids: [id], tokens: [token] }]),
    ),
  };
}

export const bpe = (
  vocab: Readonly<Record<string, number>>,
  merges: readonly (readonly [string, string])[],
  options: Readonly<Record<string, unknown>> = {},
): PartJson => ({
  type: 'BPE',
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: false,
  byte_fallback: false,
  ignore_merges: false,
  ...options,
  vocab,
  merges,
});
