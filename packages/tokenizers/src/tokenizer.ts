import { type AddedToken, AddedTokens } from './added-tokens';
import { Encoding, type EncodingSource, type PaddingOptions, type TruncationOptions } from './encoding';
import { show, TokenizerError } from './error';
import { joinEncodings } from './join-encodings';
import { newColumns } from './columns';
import type { TokenizerJSON } from './files/tokenizer-json';
import type { Decoder, Model, Normalizer, PostProcessor, PreTokenizer } from './parts';
import { materializeBytes } from './pre-tokenizers/byte-level';
import { AlignedText } from './text/aligned-text';
import { onePiece, type Pieces } from './text/pieces';
import { TokenSink } from './token-sink';
import { checkPadding, checkTruncation, paddedLength, truncate } from './fit';

export interface TokenizerParts {
  readonly model: Model;
  readonly normalizer?: Normalizer | null;
  readonly preTokenizer?: PreTokenizer | null;
  readonly postProcessor?: PostProcessor | null;
  readonly decoder?: Decoder | null;
  readonly addedTokens?: readonly AddedToken[];
  /** How encodings are cut, unless the call says otherwise. Default null: not at all. */
  readonly truncation?: TruncationOptions | null;
  /** How encodings are padded, unless the call says otherwise. Default null: not at all. */
  readonly padding?: PaddingOptions | null;
}

/** A text, or one that was cut into words: then no token crosses a word, and offsets count in each. */
export type TextInput = string | readonly string[];

export interface EncodeOptions {
  /** A second text. */
  readonly pair?: TextInput;
  /** Whether the post-processor adds its tokens. Default true. */
  readonly addSpecialTokens?: boolean;
  /** In place of the tokenizer's own; null: none. */
  readonly truncation?: TruncationOptions | null;
  /** In place of the tokenizer's own; null: none. */
  readonly padding?: PaddingOptions | null;
}

export interface DecodeOptions {
  /** Leave special tokens out. Default true. */
  readonly skipSpecialTokens?: boolean;
  /** What an id that is no token becomes: an error, or the unknown token. Default 'error'. */
  readonly onUnknownId?: 'error' | 'unknown';
}

/**
 * Text ↔ ids: a normalizer, a pre-tokenizer, a model, a post-processor and a decoder, with tokens added by hand.
 *
 * What it gives — ids, tokens, offsets — is what the Rust library `tokenizers` gives for the same parts. Immutable.
 */
export class Tokenizer {
  readonly model: Model;
  readonly normalizer: Normalizer | null;
  readonly preTokenizer: PreTokenizer | null;
  readonly postProcessor: PostProcessor | null;
  readonly decoder: Decoder | null;
  readonly truncation: TruncationOptions | null;
  readonly padding: PaddingOptions | null;
  private readonly added: AddedTokens;
  private readonly sink = new TokenSink();
  private words = new Int32Array(256);
  /** What the model writes comes first: an added token of the same id may be written otherwise where it was found. */
  private readonly nameOf = (id: number): string => this.model.idToToken(id) ?? this.added.idToToken(id) ?? '';

  /** @throws TokenizerError if parts do not fit together. */
  constructor(parts: TokenizerParts) {
    this.model = parts.model;
    this.normalizer = parts.normalizer ?? null;
    this.preTokenizer = parts.preTokenizer ?? null;
    this.postProcessor = parts.postProcessor ?? null;
    this.decoder = parts.decoder ?? null;
    this.truncation = checkTruncation(parts.truncation ?? null);
    this.padding = checkPadding(parts.padding ?? null);
    this.added = new AddedTokens(parts.addedTokens ?? [], this.model, this.normalizer);
  }

  /** The same tokenizer with some parts replaced. */
  with(parts: Partial<TokenizerParts>): Tokenizer {
    return new Tokenizer({ ...this, addedTokens: this.addedTokens, ...parts });
  }

  /** The tokens that were added, in the order of their ids. */
  get addedTokens(): readonly Required<AddedToken>[] {
    return this.added.entries;
  }

  /** Ids run from 0 to below this: the rows that an embedding needs. */
  get idBound(): number {
    return Math.max(this.model.idBound, this.added.idBound);
  }

  /** Tokens in all, the added ones included. */
  get size(): number {
    let size = this.model.size;
    for (const { content } of this.added.entries) if (this.model.tokenToId(content) === undefined) size++;
    return size;
  }

  tokenToId(token: string): number | undefined {
    return this.added.tokenToId(token) ?? this.model.tokenToId(token);
  }

  idToToken(id: number): string | undefined {
    return this.added.idToToken(id) ?? this.model.idToToken(id);
  }

  /**
   * Text → tokens. A lone surrogate counts as U+FFFD.
   *
   * @throws TokenizerError for an option that does not fit; where a character is not in a vocabulary without an unknown token.
   */
  encode(text: TextInput, options: EncodeOptions = {}): Encoding {
    const encoding = this.encodeUnpadded(text, options);
    const padding = options.padding === undefined ? this.padding : checkPadding(options.padding);
    return padding === null ? encoding : encoding.pad(paddedLength([encoding], padding), padding);
  }

  /** Several texts, or pairs, padded to a common length if there is padding. */
  encodeBatch(
    texts: readonly (TextInput | { readonly text: TextInput; readonly pair?: TextInput })[],
    options: Omit<EncodeOptions, 'pair'> = {},
  ): Encoding[] {
    if (typeof texts === 'string') {
      throw new TokenizerError('invalid-option', 'encodeBatch: expected several texts, got one; put it in an array');
    }
    const encodings = texts.map((item) =>
      typeof item !== 'object' || item === null || !('text' in item)
        ? this.encodeUnpadded(item, options)
        : this.encodeUnpadded(item.text, { ...options, pair: item.pair }),
    );
    const padding = options.padding === undefined ? this.padding : checkPadding(options.padding);
    if (padding === null) return encodings;
    const length = paddedLength(encodings, padding);
    return encodings.map((encoding) => encoding.pad(length, padding));
  }

  /**
   * Tokens → text.
   *
   * @throws TokenizerError for an id that is no token, unless `onUnknownId` is 'unknown'.
   */
  decode(ids: Iterable<number>, options: DecodeOptions = {}): string {
    const tokens = this.tokensOf(ids, options);
    return this.decoder === null ? tokens.join(' ') : this.decoder.decode(tokens).join('');
  }

  private tokensOf(
    ids: Iterable<number>,
    { skipSpecialTokens = true, onUnknownId = 'error' }: DecodeOptions,
  ): string[] {
    if (typeof ids !== 'object') throw new TokenizerError('invalid-option', `decode: expected ids, got ${typeof ids}`);
    const tokens: string[] = [];
    let at = 0;
    for (const id of ids) {
      let token = this.idToToken(id);
      if (token === undefined) {
        if (onUnknownId === 'error') {
          throw new TokenizerError(
            'invalid-id',
            `decode: id ${id} at position ${at} is no token; ids run from 0 to ${this.idBound - 1}` +
              `, or decode with onUnknownId: 'unknown'`,
          );
        }
        token = this.model.unkToken ?? '\ufffd';
      }
      if (!skipSpecialTokens || !this.added.isSpecial(id)) tokens.push(token);
      at++;
    }
    return tokens;
  }

  private encodeUnpadded(text: TextInput, options: EncodeOptions): Encoding {
    const { pair, addSpecialTokens = true } = options;
    const truncation = options.truncation === undefined ? this.truncation : checkTruncation(options.truncation);
    const texts: (string | readonly string[])[] = [text];
    if (pair !== undefined) texts.push(pair);
    const source: EncodingSource = { texts, nameOf: this.nameOf };
    let encodings = texts.map((given, i) => this.encodeOne(given, source, i));
    if (truncation !== null) {
      const added = addSpecialTokens ? (this.postProcessor?.addedTokens(pair !== undefined) ?? 0) : 0;
      encodings = truncate(encodings, truncation, added).map((encoding, i) => {
        if (encoding === encodings[i]) return encoding;
        const change = { sequence: i, typeId: i };
        return encoding.with({ ...change, overflowing: encoding.mapOverflowing((part) => part.with(change)) });
      });
    }
    return joinEncodings(this.postProcessor?.process(encodings, addSpecialTokens) ?? encodings, source);
  }

  private encodeOne(text: TextInput, source: EncodingSource, sequence: number): Encoding {
    const { sink } = this;
    sink.clear();
    try {
      if (typeof text === 'string') this.run(text, -1);
      else if (Array.isArray(text)) text.forEach((word, i) => this.run(word, i));
      else throw notText(text);
    } catch (error) {
      // The engine's regular expressions have a stack, and arrays have a length.
      if ((error as Error).name !== 'RangeError') throw error;
      throw new TokenizerError('unsupported', 'encode: the text is too long without a break; cut it into parts');
    }
    const n = sink.length;
    const { ids, starts, ends } = sink;
    const { words } = this;
    const columns = newColumns(n);
    for (let i = 0; i < n; i++) {
      columns[i] = ids[i];
      columns[n + i] = starts[i];
      columns[2 * n + i] = ends[i];
      columns[3 * n + i] = words[i];
    }
    const written = sink.texts.size === 0 ? undefined : new Map(sink.texts);
    const rare = sequence === 0 ? {} : { typeIds: new Int32Array(n).fill(sequence) };
    return new Encoding(columns, source, written, [[sequence, 0, n]], rare);
  }

  /** Puts the tokens of a text into the sink. They are of word `word`, or of their pieces if that is -1. */
  private run(given: string, word: number): void {
    if (typeof given !== 'string') throw notText(given);
    const { sink, model } = this;
    let piece = 0;
    for (const part of this.partsOf(given.toWellFormed(), 0)) {
      const from = sink.length;
      if (typeof part === 'number') {
        const { start, end, text } = this.found;
        // As it stands in the text: with the spaces it took in, and normalised.
        if (text === this.nameOf(part)) sink.push(part, start, end);
        else sink.pushText(part, start, end, text);
        this.setWords(from, word < 0 ? piece++ : word);
        continue;
      }
      let pieces = this.cut(part);
      if (pieces.byteLevel && model.readsBytes !== true) pieces = materializeBytes(pieces);
      const { text, bounds, byteLevel } = pieces;
      for (let i = 0; i < bounds.length; i += 2) {
        const before = sink.length;
        if (byteLevel && model.readsBytes === true) model.tokenizeBytes!(text.text, bounds[i], bounds[i + 1], sink);
        else model.tokenize(text.text, bounds[i], bounds[i + 1], sink);
        this.setWords(before, word < 0 ? piece++ : word);
      }
      text.toOriginal(sink.starts, sink.ends, from, sink.length);
    }
  }

  private setWords(from: number, word: number): void {
    const { length } = this.sink;
    if (length > this.words.length) {
      const larger = new Int32Array(Math.max(length, 2 * this.words.length));
      larger.set(this.words);
      this.words = larger;
    }
    for (let i = from; i < length; i++) this.words[i] = word;
  }

  /** @internal The pieces of a part. */
  cut(text: AlignedText): Pieces {
    const whole = onePiece(text);
    return this.preTokenizer === null ? whole : this.preTokenizer.split(whole);
  }

  /** Where the added token is that `partsOf` has just given, and how it is written there. */
  private found = { start: 0, end: 0, text: '' };

  /** @internal The parts of a text in order: normalised text, or the id of an added token. */
  *partsOf(text: string, base: number): Generator<AlignedText | number> {
    const parts = this.added.split(text, false);
    if (parts === null) {
      yield* this.normalizedParts(AlignedText.of(text, base));
      return;
    }
    for (const { start, end, id } of parts) {
      if (id < 0) {
        yield* this.normalizedParts(AlignedText.of(text.slice(start, end), base + start));
      } else {
        this.found = { start: base + start, end: base + end, text: text.slice(start, end) };
        yield id;
      }
    }
  }

  private *normalizedParts(given: AlignedText): Generator<AlignedText | number> {
    const text = this.normalizer === null ? given : this.normalizer.normalize(given);
    const parts = this.added.split(text.text, true);
    if (parts === null) {
      if (text.text !== '') yield text;
      return;
    }
    for (const { start, end, id } of parts) {
      if (start === end) continue;
      if (id < 0) {
        yield text.slice(start, end);
      } else {
        this.found = { start: text.startOf(start), end: text.endOf(end - 1), text: text.text.slice(start, end) };
        yield id;
      }
    }
  }

  /** What a `tokenizer.json` holds. */
  toJSON(): TokenizerJSON {
    const { truncation, padding } = this;
    const json = {
      version: '1.0',
      truncation: truncation && {
        direction: truncation.direction === 'left' ? 'Left' : 'Right',
        max_length: truncation.maxLength,
        strategy: STRATEGIES[truncation.strategy ?? 'longestFirst'],
        stride: truncation.stride ?? 0,
      },
      padding: padding && {
        strategy: typeof padding.length === 'number' ? { Fixed: padding.length } : 'BatchLongest',
        direction: padding.direction === 'left' ? 'Left' : 'Right',
        pad_to_multiple_of: padding.multipleOf ?? null,
        pad_id: padding.id,
        pad_type_id: padding.typeId ?? 0,
        pad_token: padding.token,
      },
      added_tokens: this.added.entries.map(({ id, content, singleWord, lstrip, rstrip, normalized, special }) => ({
        id,
        content,
        single_word: singleWord,
        lstrip,
        rstrip,
        normalized,
        special,
      })),
      normalizer: this.normalizer?.toJSON() ?? null,
      pre_tokenizer: this.preTokenizer?.toJSON() ?? null,
      post_processor: this.postProcessor?.toJSON() ?? null,
      decoder: this.decoder?.toJSON() ?? null,
      model: this.model.toJSON(),
    };
    // Parts of one's own making may be anything that has a type.
    return json as unknown as TokenizerJSON;
  }
}

const STRATEGIES = { longestFirst: 'LongestFirst', onlyFirst: 'OnlyFirst', onlySecond: 'OnlySecond' } as const;

function notText(given: unknown): TokenizerError {
  const shown = given === null ? 'null' : typeof given === 'string' ? show(given) : typeof given;
  return new TokenizerError('invalid-option', `encode: expected a text or an array of words, got ${shown}`);
}
