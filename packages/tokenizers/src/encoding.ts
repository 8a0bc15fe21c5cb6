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

/** Columns that few texts need; made of their usual value when first asked for. */
export interface RareColumns {
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
const NO_SOURCE: EncodingSource = { texts: [], nameOf: () => '' };

/** Tokens `[start, end)` are from text `sequence`. */
export type SequenceRange = readonly [sequence: number, start: number, end: number];

/** Overflowing parts, or what makes them: of a pair there are as many as the product of both texts'. */
export type Overflow = readonly Encoding[] | (() => readonly Encoding[]);

const NO_RANGES: readonly SequenceRange[] = [];
const NO_PARTS: readonly Encoding[] = [];

/**
 * What a text became: entry i of each column describes token i. Immutable.
 *
 * Columns that few read are made when first asked for.
 */
export class Encoding {
  /** Like all columns a view into memory shared with others: to hand on its buffer, copy it with `slice()` first. */
  readonly ids: Int32Array;

  /** @internal `columns` holds ids, starts, ends and word ids, one after the other: one allocation for all. */
  constructor(
    private readonly columns: Int32Array,
    private readonly source: EncodingSource,
    private readonly texts: ReadonlyMap<number, string> = NO_TEXTS,
    private readonly ranges: readonly SequenceRange[] = NO_RANGES,
    private readonly rare: RareColumns = {},
    private overflow: Overflow = NO_PARTS,
    private readonly padding?: { readonly start: number; readonly end: number; readonly token: string },
  ) {
    this.ids = columns.subarray(0, columns.length / 4);
  }

  /** Where token i begins in its text, in UTF-16 units; 0 for tokens that were added. */
  get starts(): Int32Array {
    return (this.cachedStarts ??= this.column(1));
  }
  private cachedStarts?: Int32Array;

  /** Where token i ends. */
  get ends(): Int32Array {
    return (this.cachedEnds ??= this.column(2));
  }
  private cachedEnds?: Int32Array;

  /** The piece of its text, or the word given, that token i belongs to; -1 for tokens that were added. */
  get wordIds(): Int32Array {
    return (this.cachedWordIds ??= this.column(3));
  }
  private cachedWordIds?: Int32Array;

  private column(i: number): Int32Array {
    return this.columns.subarray(i * this.length, (i + 1) * this.length);
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
    return (this.rare.typeIds ??= new Int32Array(this.length));
  }

  /** 1 for tokens that were added: by the post-processor, or as padding. */
  get specialTokensMask(): Uint8Array {
    return (this.rare.specialTokensMask ??= new Uint8Array(this.length));
  }

  /** 1 for tokens to attend to, 0 for padding. */
  get attentionMask(): Uint8Array {
    return (this.rare.attentionMask ??= new Uint8Array(this.length).fill(1));
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
    const { typeIds, specialTokensMask, attentionMask } = this.rare;
    const n = end - start;
    const columns = new Int32Array(4 * n);
    for (let i = 0; i < 4; i++) columns.set(this.column(i).subarray(start, end), i * n);
    return new Encoding(columns, this.source, shiftKeys(this.texts, -start, n), NO_RANGES, {
      typeIds: typeIds?.slice(start, end),
      specialTokensMask: specialTokensMask?.slice(start, end),
      attentionMask: attentionMask?.slice(start, end),
    });
  }

  /** @internal At most `maxLength` tokens; the rest becomes overflowing parts. */
  truncate(maxLength: number, stride: number, direction: 'left' | 'right'): Encoding {
    const n = this.length;
    if (maxLength >= n) return this;
    if (maxLength === 0) return new Encoding(new Int32Array(0), this.source, NO_TEXTS, NO_RANGES, {}, [this]);
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
    return new Encoding(first.columns, this.source, first.texts, NO_RANGES, first.rare, rest);
  }

  /** @internal */
  with(change: { sequence?: number; typeId?: number; overflowing?: Overflow }): Encoding {
    const rare = { ...this.rare };
    if (change.typeId !== undefined) {
      rare.typeIds = change.typeId === 0 ? undefined : new Int32Array(this.length).fill(change.typeId);
    }
    const ranges: readonly SequenceRange[] =
      change.sequence === undefined ? this.ranges : [[change.sequence, 0, this.length]];
    return new Encoding(this.columns, this.source, this.texts, ranges, rare, change.overflowing ?? this.overflow);
  }

  /** @internal Whether this and all its parts are known to be of one type. */
  isOfType(typeId: number): boolean {
    return typeId === 0 && this.rare.typeIds === undefined && !this.overflows;
  }

  /** @internal The same tokens with other offsets. */
  withRanges(starts: Int32Array, ends: Int32Array): Encoding {
    const columns = this.columns.slice();
    columns.set(starts, this.length);
    columns.set(ends, 2 * this.length);
    return new Encoding(columns, this.source, this.texts, this.ranges, this.rare, this.overflow);
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
    const columns = new Int32Array(4 * length);
    [id, 0, 0, -1].forEach((padding, i) =>
      place(this.column(i), padding, columns.subarray(i * length, (i + 1) * length)),
    );
    const ranges: readonly SequenceRange[] = this.ranges.length === 0 ? [[0, 0, this.length]] : this.ranges;
    return new Encoding(
      columns,
      this.source,
      shiftKeys(this.texts, at, length),
      ranges.map(([sequence, start, end]) => [sequence, start + at, end + at]),
      {
        typeIds: place(this.typeIds, typeId, new Int32Array(length)),
        specialTokensMask: place(this.specialTokensMask, 1, new Uint8Array(length)),
        attentionMask: place(this.attentionMask, 0, new Uint8Array(length)),
      },
      overflowing,
      { start: from, end: from + missing, token },
    );
  }

  /** @internal Added tokens, which come from no text. */
  static added(ids: readonly number[], tokens: readonly string[], typeId: number): Encoding {
    const n = ids.length;
    const columns = new Int32Array(4 * n);
    columns.set(ids);
    columns.fill(-1, 3 * n);
    return new Encoding(columns, NO_SOURCE, new Map(tokens.entries()), NO_RANGES, {
      typeIds: typeId === 0 ? undefined : new Int32Array(n).fill(typeId),
      specialTokensMask: new Uint8Array(n).fill(1),
    });
  }

  /** @internal */
  static parts(encoding: Encoding): {
    columns: Int32Array;
    rare: RareColumns;
    texts: ReadonlyMap<number, string>;
    ranges: readonly SequenceRange[];
  } {
    return encoding as never;
  }
}

/** The entries whose keys are from 0 to below `n` after `by` was added to them. */
function shiftKeys(texts: ReadonlyMap<number, string>, by: number, n: number): ReadonlyMap<number, string> {
  if (texts.size === 0) return texts;
  const shifted = new Map<number, string>();
  for (const [i, text] of texts) if (i + by >= 0 && i + by < n) shifted.set(i + by, text);
  return shifted;
}
