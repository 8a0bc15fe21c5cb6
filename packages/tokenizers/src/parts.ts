import type { Encoding } from './encoding';
import type { AlignedText } from './text/aligned-text';
import type { Pieces } from './text/pieces';
import type { TokenSink } from './token-sink';

/** JSON as `tokenizer.json` holds it for one part: its type and its options. */
export interface PartJSON {
  readonly type: string;
  readonly [option: string]: unknown;
}

/** Changes a text before it is cut: Unicode forms, case, accents, white space. */
export interface Normalizer {
  normalize(text: AlignedText): AlignedText;
  toJSON(): PartJSON;
}

/** Cuts a text into pieces; no token reaches beyond its piece. */
export interface PreTokenizer {
  split(pieces: Pieces): Pieces;
  toJSON(): PartJSON;
}

/** Turns a piece into tokens of its vocabulary. */
export interface Model {
  /** Ids run from 0 to below `idBound`; some may be unused. */
  readonly idBound: number;
  /** Tokens in the vocabulary. */
  readonly size: number;
  /** What stands for text that has no token; null or absent if nothing does. */
  readonly unkToken?: string | null;
  tokenToId(token: string): number | undefined;
  idToToken(id: number): string | undefined;
  /**
   * Appends the tokens of `text.slice(start, end)`, a piece that is not empty, with their ranges in `text`.
   * A range begins and ends between characters: a token of some bytes of a character has the range of all of it.
   */
  tokenize(text: string, start: number, end: number, sink: TokenSink): void;
  /** Whether `tokenizeBytes` can be used. */
  readonly readsBytes?: boolean;
  /** As `tokenize`, for a text to be read as bytes in GPT-2's alphabet, which it need not be written in. */
  tokenizeBytes?(text: string, start: number, end: number, sink: TokenSink): void;
  toJSON(): PartJSON;
}

/** Puts special tokens around what the model gave, for one text or a pair. */
export interface PostProcessor {
  /** How many tokens are added to one text, or to a pair. */
  addedTokens(pair: boolean): number;
  /** Takes one or two encodings, with their overflowing ones, and gives those to be joined. */
  process(encodings: readonly Encoding[], addSpecialTokens: boolean): readonly Encoding[];
  toJSON(): PartJSON;
}

/** Turns tokens back into text: each step takes and gives the parts of a text, which are joined at the end. */
export interface Decoder {
  decode(tokens: readonly string[]): string[];
  toJSON(): PartJSON;
}
