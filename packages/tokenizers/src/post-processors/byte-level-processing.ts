import { ByteLevelPart, readByteLevel } from '../byte-level-part';
import type { Encoding } from '../encoding';
import type { JsonValue } from '../json';
import type { PostProcessor } from '../parts';
import { trimOffsets } from './trim-offsets';

/** Leaves spaces out of the offsets of byte-level tokens. */
export class ByteLevelProcessing extends ByteLevelPart implements PostProcessor {
  addedTokens(): number {
    return 0;
  }

  process(encodings: readonly Encoding[]): readonly Encoding[] {
    return this.trimOffsets ? encodings.map((encoding) => trimOffsets(encoding, this.addPrefixSpace)) : encodings;
  }
}

export const readByteLevelProcessing = (json: JsonValue): ByteLevelProcessing =>
  new ByteLevelProcessing(readByteLevel(json));
