import type { Encoding } from '../encoding';
import type { JsonValue } from '../json';
import type { PartJSON, PostProcessor } from '../parts';
import { added, type TokenAndId } from './around';
import { readTokenAndId } from './read';

/** `[CLS] A [SEP]`, and `[CLS] A [SEP] B [SEP]` for a pair. */
export class BertProcessing implements PostProcessor {
  constructor(
    private readonly sep: TokenAndId,
    private readonly cls: TokenAndId,
  ) {}

  addedTokens(pair: boolean): number {
    return pair ? 3 : 2;
  }

  process(encodings: readonly Encoding[], addSpecialTokens: boolean): readonly Encoding[] {
    if (!addSpecialTokens) return encodings;
    return encodings.flatMap((encoding, i) => {
      const end = added(this.sep, i);
      return i === 0 ? [added(this.cls, 0), encoding, end] : [encoding, end];
    });
  }

  toJSON(): PartJSON {
    return { type: 'BertProcessing', sep: [...this.sep], cls: [...this.cls] };
  }
}

export const readBertProcessing = (json: JsonValue): BertProcessing =>
  new BertProcessing(readTokenAndId(json.get('sep')), readTokenAndId(json.get('cls')));
