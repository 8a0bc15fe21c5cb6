import { TokenizerError } from './error';
import { positions } from './text/positions';

/** Units of text in which offsets count: JavaScript's, Unicode's, or the bytes of UTF-8. */
export type OffsetUnit = 'utf16' | 'codePoint' | 'byte';

/** `[start, end)` */
export type OffsetRange = readonly [start: number, end: number];

export interface TruncationOptions {
  /** Tokens in all, special ones included. */
  readonly maxLength: number;
  /** Tokens that one overflowing part has in common with the one before. Default 0. */
  readonly stride?: number;
  /** Which text of a pair is cut. Default 'longestFirst'. */
  readonly strategy?: 'longestFirst' | 'onlyFirst' | 'onlySecond';
  /** Which end is cut off. Default 'right'. */
  readonly direction?: 'left' | 'right';
}

export interface PaddingOptions {
  /** Tokens in all: a number, or the longest of the batch. Default 'longest'. */
  readonly length?: number | 'longest';
  /** Round the length up to a multiple of this. Default 1. */
  readonly multipleOf?: number;
  readonly direction?: 'left' | 'right';
  readonly id: number;
  readonly typeId?: number;
  readonly token: string;
}

interface Columns {
  ids: Int32Array;
  starts: Int32Array;
  ends: Int32Array;
  /** -1: no word. */
  wordIds: Int32Array;
  typeIds?: Int32Array;
  specialTokensMask?: Uint8Array;
  attentionMask?: Uint8Array;
}

/** What an encoding must know to name its tokens and convert its offsets. */
export interface EncodingSource {
  /** The texts that offsets refer to, by sequence: one, a pair, or the words of a text given as words. */
  readonly texts: readonly (string | readonly string[])[];
  readonly nameOf: (id: number) => string;
}

const NO_TEXTS: ReadonlyMap<number, string> = new Map();

/** Tokens `[start, end)` are from text `sequence`. */
type SequenceRange = readonly [sequence: number, start: number, end: number];

/** Overflowing parts, or what makes them: of a pair there are as many as the product of both texts'. */
type Overflow = readonly Encoding[] | (() => readonly Encoding[]);

const MAX_PARTS = 100_000;

/**
 * What a text became: entry i of each column describes token i. Immutable.
 *
 * Columns that few read are made when first asked for.
 */
export class Encoding {
  readonly ids: Int32Array;
  /** Where token i begins in its text, in UTF-16 units; 0 for tokens that were added. */
  readonly starts: Int32Array;
  /** Where token i ends. */
  readonly ends: Int32Array;
  /** The piece of its text, or the word given, that token i belongs to; -1 for tokens that were added. */
  readonly wordIds: Int32Array;
  /** @internal */
  constructor(
    private readonly columns: Columns,
    private readonly source: EncodingSource,
    private readonly texts: ReadonlyMap<number, string> = NO_TEXTS,
    private readonly ranges: readonly SequenceRange[] = [],
    private overflow: Overflow = [],
    private readonly padding?: { readonly start: number; readonly end: number; readonly token: string },
  ) {
    this.ids = columns.ids;
    this.starts = columns.starts;
    this.ends = columns.ends;
    this.wordIds = columns.wordIds;
  }

  /**
   * Parts that were cut off by truncation, each of the length asked for; of a pair, each of one text with each of the other.
   *
   * @throws TokenizerError if there are more than 100,000.
   */
  get overflowing(): readonly Encoding[] {
    if (typeof this.overflow === 'function') this.overflow = this.overflow();
    return this.overflow;
  }

  /** @internal */
  get overflows(): boolean {
    return typeof this.overflow === 'function' || this.overflow.length > 0;
  }

  /** @internal Each overflowing part changed in the same way, when they are asked for. */
  mapOverflowing(change: (part: Encoding) => Encoding): Overflow {
    return this.overflows ? () => this.overflowing.map(change) : [];
  }

  get length(): number {
    return this.ids.length;
  }

  /** How tokens are written in the vocabulary. */
  get tokens(): readonly string[] {
    return (this.cachedTokens ??= Array.from(this.ids, (id, i) => this.tokenAt(i) ?? this.source.nameOf(id)));
  }
  private cachedTokens?: readonly string[];

  /** The written form of token i, where it is not that of its id. */
  private tokenAt(i: number): string | undefined {
    const { padding } = this;
    return padding !== undefined && i >= padding.start && i < padding.end ? padding.token : this.texts.get(i);
  }

  /** `[start, end)` of each token in UTF-16 units, as `text.slice` counts; `[0, 0]` for tokens that were added. */
  get offsets(): readonly OffsetRange[] {
    return (this.cachedOffsets ??= Array.from(this.starts, (start, i): OffsetRange => [start, this.ends[i]]));
  }
  private cachedOffsets?: readonly OffsetRange[];

  /** Which part of a pair token i belongs to, for models that were trained with that: mostly 0 and 1. */
  get typeIds(): Int32Array {
    return (this.columns.typeIds ??= new Int32Array(this.length));
  }

  /** 1 for tokens that were added: by the post-processor, or as padding. */
  get specialTokensMask(): Uint8Array {
    return (this.columns.specialTokensMask ??= new Uint8Array(this.length));
  }

  /** 1 for tokens to attend to, 0 for padding. */
  get attentionMask(): Uint8Array {
    return (this.columns.attentionMask ??= new Uint8Array(this.length).fill(1));
  }

  /** 0 for tokens of the first text, 1 for those of the second, -1 for those added. */
  get sequenceIds(): Int32Array {
    return (this.cachedSequenceIds ??= this.makeSequenceIds());
  }
  private cachedSequenceIds?: Int32Array;

  private makeSequenceIds(): Int32Array {
    const ids = new Int32Array(this.length);
    if (this.ranges.length > 0) ids.fill(-1);
    for (const [sequence, start, end] of this.ranges) ids.fill(sequence, start, end);
    return ids;
  }

  /**
   * The offsets of all tokens in another unit: in code points, as Python and the Rust library's bindings count, or in
   * bytes of UTF-8, a lone surrogate as the three of U+FFFD.
   */
  offsetsIn(unit: OffsetUnit): readonly OffsetRange[] {
    if (unit !== 'utf16' && unit !== 'codePoint' && unit !== 'byte') {
      throw new TokenizerError('invalid-option', `offsetsIn: "${String(unit)}", expected utf16, codePoint or byte`);
    }
    if (unit === 'utf16') return this.offsets;
    const tables = new Map<string, Int32Array>();
    const texts = this.textsOfTokens();
    return this.offsets.map(([start, end], i): OffsetRange => {
      const text = texts[i];
      let table = tables.get(text);
      if (table === undefined) tables.set(text, (table = positions(text, unit)));
      return [table[start], table[end]];
    });
  }

  /** @internal The text, or the word, that each token is from; empty for tokens that were added. */
  textsOfTokens(): string[] {
    return Array.from(this.sequenceIds, (sequence, i) => {
      const given = this.source.texts[sequence] ?? '';
      return typeof given === 'string' ? given : (given[this.wordIds[i]] ?? '');
    });
  }

  /** Tokens `[start, end)`, without what was known of sequences. */
  private part(start: number, end: number): Encoding {
    const { typeIds, specialTokensMask, attentionMask } = this.columns;
    return new Encoding(
      {
        ids: this.ids.slice(start, end),
        starts: this.starts.slice(start, end),
        ends: this.ends.slice(start, end),
        wordIds: this.wordIds.slice(start, end),
        typeIds: typeIds?.slice(start, end),
        specialTokensMask: specialTokensMask?.slice(start, end),
        attentionMask: attentionMask?.slice(start, end),
      },
      this.source,
      shiftKeys(this.texts, -start, end - start),
    );
  }

  /** @internal At most `maxLength` tokens; the rest becomes overflowing parts. */
  truncate(maxLength: number, stride: number, direction: 'left' | 'right'): Encoding {
    const n = this.length;
    if (maxLength >= n) return this;
    if (maxLength === 0) return new Encoding(emptyColumns(), this.source, NO_TEXTS, [], [this]);
    const step = maxLength - stride;
    const parts: Encoding[] = [];
    if (direction === 'right') {
      for (let start = 0; start < n; start += step) {
        const end = Math.min(start + maxLength, n);
        parts.push(this.part(start, end));
        if (end === n) break;
      }
    } else {
      for (let end = n; end > 0; end -= step) {
        const start = Math.max(0, end - maxLength);
        parts.push(this.part(start, end));
        if (start === 0) break;
      }
    }
    const [first, ...rest] = parts;
    return new Encoding(first.columns, this.source, first.texts, [], rest);
  }

  /** @internal */
  with(change: { sequence?: number; typeId?: number; overflowing?: Overflow }): Encoding {
    const columns = { ...this.columns };
    if (change.typeId !== undefined) {
      columns.typeIds = change.typeId === 0 ? undefined : new Int32Array(this.length).fill(change.typeId);
    }
    const ranges: readonly SequenceRange[] =
      change.sequence === undefined ? this.ranges : [[change.sequence, 0, this.length]];
    return new Encoding(columns, this.source, this.texts, ranges, change.overflowing ?? this.overflow);
  }

  /** @internal The same tokens with other offsets. */
  withRanges(starts: Int32Array, ends: Int32Array): Encoding {
    return new Encoding({ ...this.columns, starts, ends }, this.source, this.texts, this.ranges, this.overflow);
  }

  /** @internal Padded on one side to `length`, the overflowing parts as well. */
  pad(length: number, { direction = 'right', id, typeId = 0, token }: PaddingOptions): Encoding {
    const overflowing = this.mapOverflowing((part) => part.pad(length, { direction, id, typeId, token }));
    const missing = Math.max(0, length - this.length);
    if (missing === 0) return this.overflows ? this.with({ overflowing }) : this;
    const at = direction === 'left' ? missing : 0;
    const from = direction === 'left' ? 0 : this.length;
    const place = <A extends Int32Array | Uint8Array>(column: A, padding: number, room: A): A => {
      room.fill(padding, from, from + missing);
      room.set(column, at);
      return room;
    };
    const ranges: readonly SequenceRange[] = this.ranges.length === 0 ? [[0, 0, this.length]] : this.ranges;
    return new Encoding(
      {
        ids: place(this.ids, id, new Int32Array(length)),
        starts: place(this.starts, 0, new Int32Array(length)),
        ends: place(this.ends, 0, new Int32Array(length)),
        wordIds: place(this.wordIds, -1, new Int32Array(length)),
        typeIds: place(this.typeIds, typeId, new Int32Array(length)),
        specialTokensMask: place(this.specialTokensMask, 1, new Uint8Array(length)),
        attentionMask: place(this.attentionMask, 0, new Uint8Array(length)),
      },
      this.source,
      shiftKeys(this.texts, at, length),
      ranges.map(([sequence, start, end]) => [sequence, start + at, end + at]),
      overflowing,
      { start: from, end: from + missing, token },
    );
  }

  /** @internal Added tokens, which come from no text. */
  static added(ids: readonly number[], tokens: readonly string[], typeId: number, source: EncodingSource): Encoding {
    const n = ids.length;
    return new Encoding(
      {
        ids: Int32Array.from(ids),
        starts: new Int32Array(n),
        ends: new Int32Array(n),
        wordIds: new Int32Array(n).fill(-1),
        typeIds: new Int32Array(n).fill(typeId),
        specialTokensMask: new Uint8Array(n).fill(1),
      },
      source,
      new Map(tokens.entries()),
    );
  }

  /**
   * @internal One encoding of several, in order. Each overflowing part of one is joined to the whole and to each
   * overflowing part of the others, as the Rust library does it.
   */
  static join(encodings: readonly Encoding[], source: EncodingSource): Encoding {
    if (encodings.length === 1) return encodings[0];
    let joined = encodings[0] ?? new Encoding(emptyColumns(), source);
    if (encodings.every(({ overflows }) => !overflows)) return concatenate(encodings, source, []);
    for (const next of encodings.slice(1)) joined = joinTwo(joined, next, source);
    return joined;
  }

  /** @internal */
  get origin(): EncodingSource {
    return this.source;
  }

  /** @internal */
  static parts(encoding: Encoding): {
    columns: Columns;
    texts: ReadonlyMap<number, string>;
    ranges: readonly SequenceRange[];
  } {
    return { columns: encoding.columns, texts: encoding.texts, ranges: encoding.ranges };
  }
}

function joinTwo(left: Encoding, right: Encoding, source: EncodingSource): Encoding {
  return concatenate(
    [left, right],
    source,
    left.overflows || right.overflows ? () => combine(left, right, source) : [],
  );
}

function combine(left: Encoding, right: Encoding, source: EncodingSource): Encoding[] {
  if ((1 + left.overflowing.length) * (1 + right.overflowing.length) > MAX_PARTS) {
    throw new TokenizerError(
      'invalid-option',
      `truncation: the pair has more than ${MAX_PARTS} overflowing parts; make maxLength larger, or cut one text only`,
    );
  }
  const parts: Encoding[] = [];
  for (const part of left.overflowing) {
    parts.push(joinTwo(part, right, source));
    for (const other of right.overflowing) parts.push(joinTwo(part, other, source));
  }
  for (const other of right.overflowing) parts.push(joinTwo(left, other, source));
  return parts;
}

function concatenate(encodings: readonly Encoding[], source: EncodingSource, overflowing: Overflow): Encoding {
  let n = 0;
  for (const encoding of encodings) n += encoding.length;
  const columns = {
    ids: new Int32Array(n),
    starts: new Int32Array(n),
    ends: new Int32Array(n),
    wordIds: new Int32Array(n),
    typeIds: new Int32Array(n),
    specialTokensMask: new Uint8Array(n),
    attentionMask: new Uint8Array(n).fill(1),
  };
  const texts = new Map<number, string>();
  const ranges: SequenceRange[] = [];
  let at = 0;
  for (const encoding of encodings) {
    const parts = Encoding.parts(encoding);
    columns.ids.set(encoding.ids, at);
    columns.starts.set(encoding.starts, at);
    columns.ends.set(encoding.ends, at);
    columns.wordIds.set(encoding.wordIds, at);
    if (parts.columns.typeIds !== undefined) columns.typeIds.set(parts.columns.typeIds, at);
    if (parts.columns.specialTokensMask !== undefined)
      columns.specialTokensMask.set(parts.columns.specialTokensMask, at);
    if (parts.columns.attentionMask !== undefined) columns.attentionMask.set(parts.columns.attentionMask, at);
    for (const [i, text] of parts.texts) texts.set(at + i, text);
    for (const [sequence, start, end] of parts.ranges) ranges.push([sequence, at + start, at + end]);
    at += encoding.length;
  }
  return new Encoding(columns, source, texts, ranges, overflowing);
}

const emptyColumns = (): Columns => ({
  ids: new Int32Array(0),
  starts: new Int32Array(0),
  ends: new Int32Array(0),
  wordIds: new Int32Array(0),
});

/** The entries whose keys are from 0 to below `n` after `by` was added to them. */
function shiftKeys(texts: ReadonlyMap<number, string>, by: number, n: number): ReadonlyMap<number, string> {
  if (texts.size === 0) return texts;
  const shifted = new Map<number, string>();
  for (const [i, text] of texts) if (i + by >= 0 && i + by < n) shifted.set(i + by, text);
  return shifted;
}
