import type { Encoding } from '../encoding';
import type { JsonValue } from '../json';
import type { PartJSON, PostProcessor } from '../parts';
import { trimOffsets } from './trim-offsets';

export interface ByteLevelProcessingOptions {
  readonly addPrefixSpace?: boolean;
  readonly trimOffsets?: boolean;
  /** Kept for files; means nothing here. */
  readonly useRegex?: boolean;
}

/** Leaves spaces out of the offsets of byte-level tokens. */
export class ByteLevelProcessing implements PostProcessor {
  private readonly addPrefixSpace: boolean;
  private readonly trimOffsets: boolean;
  private readonly useRegex: boolean;

  constructor(options: ByteLevelProcessingOptions = {}) {
    this.addPrefixSpace = options.addPrefixSpace ?? true;
    this.trimOffsets = options.trimOffsets ?? true;
    this.useRegex = options.useRegex ?? true;
  }

  addedTokens(): number {
    return 0;
  }

  process(encodings: readonly Encoding[]): readonly Encoding[] {
    return this.trimOffsets ? encodings.map((encoding) => trimOffsets(encoding, this.addPrefixSpace)) : encodings;
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

export const readByteLevelProcessing = (json: JsonValue): ByteLevelProcessing =>
  new ByteLevelProcessing({
    addPrefixSpace: json.get('add_prefix_space').boolean(),
    trimOffsets: json.get('trim_offsets').boolean(),
    useRegex: json.get('use_regex').or((value) => value.boolean(), true),
  });
