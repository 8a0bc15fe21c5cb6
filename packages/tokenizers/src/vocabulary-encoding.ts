/** What a text became. Entry i of the three lists describes the same token. */
export interface VocabularyEncoding {
  readonly ids: Int32Array;
  readonly tokens: readonly string[];
  /** `[start, end)` of each token in UTF-16 units, as `text.slice` counts; empty ranges for START and END. */
  readonly offsets: readonly (readonly [start: number, end: number])[];
}

export interface VocabularyEncodeOptions {
  /** Put START before the text. Default false: an encoder's source rarely wants it, a decoder's target always does. */
  readonly addStart?: boolean;
  /** Put END after the text. Default false. */
  readonly addEnd?: boolean;
  /** What to do with a token that is not in the vocabulary. Default 'error': nothing is lost unless the caller agrees. */
  readonly onUnknown?: 'token' | 'error';
}

export interface VocabularyDecodeOptions {
  /**
   * Leave out PAD, START and END. Default true.
   * UNKNOWN is written out in any case: leaving it out would make a shorter text look like the whole one.
   */
  readonly skipSpecial?: boolean;
}
