import type { ColumnName, Difference } from './columns';
import type { TokenizerJson } from './tokenizer-json';

/** Where we differ from the Rust library on purpose. Nothing else may differ. */
export interface IntendedDifference {
  readonly what: string;
  readonly why: string;
  readonly columns: readonly (ColumnName | `overflowing.${ColumnName}`)[];
  readonly applies: (json: TokenizerJson) => boolean;
}

export const INTENDED: readonly IntendedDifference[] = [
  {
    what: 'sequence ids of overflowing parts, without a post-processor',
    why: 'The Rust library forgets there which text a token is from; ours says so.',
    columns: ['overflowing.sequenceIds'],
    applies: (json) => json.post_processor === null && json.truncation !== null,
  },
  {
    what: 'sequence ids of padding, without a post-processor',
    why: 'The Rust library says that padding is of the first text, as it says with no other composition.',
    columns: ['sequenceIds'],
    applies: (json) => json.post_processor === null && json.padding !== null,
  },
  {
    what: 'offsets of BPE with byte_fallback and continuing_subword_prefix',
    why: 'The Rust library counts the prefix as text, so that offsets reach beyond the end of the word; ours stay true.',
    columns: ['offsets'],
    applies: ({ model }) => model['byte_fallback'] === true && typeof model['continuing_subword_prefix'] === 'string',
  },
  {
    what: 'offsets after a character that is in no token, of BPE without an unknown token',
    why: 'The Rust library leaves the character out of its count, so that all later tokens of the word slip; ours stay true.',
    columns: ['offsets'],
    applies: ({ model }) => model.type === 'BPE' && model['unk_token'] === null && !hasBytes(model),
  },
  {
    what: 'special tokens that are looked for in normalised text, and that the normalizer rewrites, when decoding',
    why: 'The Rust library does not know them again and leaves them in (test/decode.test.ts).',
    columns: [],
    applies: () => false,
  },
  {
    what: 'ids that are no token, when decoding',
    why: 'The Rust library leaves them out without a word; ours is an error (test/decode.test.ts).',
    columns: [],
    applies: () => false,
  },
  {
    what: 'a stride as long as a part, or longer',
    why: 'The Rust library panics, which ends the process; ours is an error (test/parity.test.ts).',
    columns: [],
    applies: () => false,
  },
];

const hasBytes = (model: { readonly [option: string]: unknown }): boolean =>
  model['byte_fallback'] === true || 'Ġ' in (model['vocab'] as object);

/** Those of `differences` that nobody intends. */
export const unintended = (json: TokenizerJson, differences: readonly Difference[]): Difference[] =>
  differences.filter(
    ({ column }) =>
      !INTENDED.some(({ applies, columns }) => (columns as readonly string[]).includes(column) && applies(json)),
  );
