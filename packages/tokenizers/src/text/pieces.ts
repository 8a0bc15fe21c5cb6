import type { AlignedText } from './aligned-text';

/**
 * A text cut into pieces: what pre-tokenizers pass on, and what the model turns into tokens one by one.
 * Pieces are in order and do not overlap; text between them was taken out. None is empty.
 */
export interface Pieces {
  readonly text: AlignedText;
  /** Start and end of each piece in `text.text`, in UTF-16 units: start 0, end 0, start 1, end 1, … */
  readonly bounds: readonly number[];
  /**
   * Whether the text is to be read as bytes, each written as a character of GPT-2's alphabet.
   * The ByteLevel pre-tokenizer asks for it; a model that can read bytes spares the text being written out.
   */
  readonly byteLevel: boolean;
}

/** The whole text as one piece, or none if it is empty. */
export const onePiece = (text: AlignedText): Pieces => ({
  text,
  bounds: text.text === '' ? [] : [0, text.text.length],
  byteLevel: false,
});
