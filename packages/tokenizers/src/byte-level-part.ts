import { asBoolean, type JsonValue } from './json';
import type { PartJSON } from './parts';

export interface ByteLevelOptions {
  /** Whether a text that does not begin with a space gets one. Default true. */
  readonly addPrefixSpace?: boolean;
  /** Whether the post-processor of this name keeps white space out of ranges. Default true. */
  readonly trimOffsets?: boolean;
  /** Whether to cut as GPT-2 does. Default true. */
  readonly useRegex?: boolean;
}

/** What pre-tokenizer, decoder and post-processor of this name have in common: their options in files. */
export class ByteLevelPart {
  readonly addPrefixSpace: boolean;
  readonly trimOffsets: boolean;
  readonly useRegex: boolean;

  constructor({ addPrefixSpace = true, trimOffsets = true, useRegex = true }: ByteLevelOptions = {}) {
    this.addPrefixSpace = addPrefixSpace;
    this.trimOffsets = trimOffsets;
    this.useRegex = useRegex;
  }

  toJSON(): PartJSON {
    return {
      type: 'ByteLevel',
      add_prefix_space: this.addPrefixSpace,
      trim_offsets: this.trimOffsets,
      use_regex: this.useRegex,
    };
  }
}

export const readByteLevel = (json: JsonValue): Required<ByteLevelOptions> => ({
  addPrefixSpace: json.get('add_prefix_space').boolean(),
  trimOffsets: json.get('trim_offsets').boolean(),
  useRegex: json.get('use_regex').or(asBoolean, true),
});
