import { trainPairs, type BpeTrainingOptions } from './bpe';
import type { WordCounts } from './options';

/** As for BPE, but the prefix is '##' unless another one is given. */
export type WordPieceTrainingOptions = Omit<BpeTrainingOptions, 'maxTokenLength'>;

/**
 * A WordPiece vocabulary, trained as the Rust library does it: by byte-pair encoding with the prefix '##', not by the
 * likelihood that Schuster & Nakajima (2012) describe.
 *
 * @throws TokenizerError if an option or a count is not as expected.
 */
export function trainWordPiece(
  words: WordCounts,
  options: WordPieceTrainingOptions = {},
): { vocab: Map<string, number> } {
  const { vocab } = trainPairs('trainWordPiece', words, {
    ...options,
    continuingSubwordPrefix: options.continuingSubwordPrefix ?? '##',
  });
  return { vocab };
}
