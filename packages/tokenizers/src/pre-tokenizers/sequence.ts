import type { PreTokenizer } from '../parts';
import type { Pieces } from '../text/pieces';
import { materializeBytes } from './byte-level';

/** Pre-tokenizers one after the other: each cuts the pieces of the one before. */
export class PreTokenizerSequence implements PreTokenizer {
  constructor(readonly preTokenizers: readonly PreTokenizer[]) {}

  split(pieces: Pieces): Pieces {
    return this.preTokenizers.reduce((result, preTokenizer) => preTokenizer.split(materializeBytes(result)), pieces);
  }

  toJSON() {
    return { type: 'Sequence', pretokenizers: this.preTokenizers.map((preTokenizer) => preTokenizer.toJSON()) };
  }
}
