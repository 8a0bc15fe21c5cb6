import type { Encoding } from '../encoding';
import { asBoolean, type JsonValue } from '../json';
import type { PartJSON, PostProcessor } from '../parts';
import { added, type TokenAndId, typed } from './around';
import { readTokenAndId } from './read';
import { trimOffsets } from './trim-offsets';

/** `<s> A </s>`, and `<s> A </s> </s> B </s>` for a pair, all of type 0; spaces are left out of the offsets. */
export class RobertaProcessing implements PostProcessor {
  constructor(
    private readonly sep: TokenAndId,
    private readonly cls: TokenAndId,
    private readonly trimOffsets = true,
    private readonly addPrefixSpace = true,
  ) {}

  addedTokens(pair: boolean): number {
    return pair ? 4 : 2;
  }

  process(encodings: readonly Encoding[], addSpecialTokens: boolean): readonly Encoding[] {
    return encodings.flatMap((given, i) => {
      const encoding = typed(this.trimOffsets ? trimOffsets(given, this.addPrefixSpace) : given, 0);
      if (!addSpecialTokens) return [encoding];
      return [added(i === 0 ? this.cls : this.sep, 0), encoding, added(this.sep, 0)];
    });
  }

  toJSON(): PartJSON {
    return {
      type: 'RobertaProcessing',
      sep: [...this.sep],
      cls: [...this.cls],
      trim_offsets: this.trimOffsets,
      add_prefix_space: this.addPrefixSpace,
    };
  }
}

export const readRobertaProcessing = (json: JsonValue): RobertaProcessing =>
  new RobertaProcessing(
    readTokenAndId(json.get('sep')),
    readTokenAndId(json.get('cls')),
    json.get('trim_offsets').or(asBoolean, true),
    json.get('add_prefix_space').or(asBoolean, true),
  );
