import { show, TokenizerError } from '../error';
import { asBoolean, asNumber, asString, type JsonValue } from '../json';
import type { Model, PartJSON } from '../parts';
import { uniform } from '../random';
import { widthAt } from '../text/aligned-text';
import type { TokenSink } from '../token-sink';
import { byteToChar } from '../bytes';
import { MergeTable } from './merge-table';
import { Merger } from './merger';
import { readVocab, TokenTable, type Vocab } from './vocab';
import { WordCache } from './word-cache';

export interface BpeOptions {
  /** Token → id. */
  readonly vocab: Vocab;
  /** Pairs of tokens that become one, the first to be applied first. */
  readonly merges: readonly (readonly [left: string, right: string])[];
  /** Probability that a merge is left out, from 0 to 1. Default null: none is. */
  readonly dropout?: number | null;
  /** Stands for characters that are not in the vocabulary. Default null: they are left out. */
  readonly unkToken?: string | null;
  /** Marks a token that does not begin a word, such as `##`. */
  readonly continuingSubwordPrefix?: string | null;
  /** Marks a token that ends a word, such as `</w>`. */
  readonly endOfWordSuffix?: string | null;
  /** One unknown token for several unknown characters in a row. Default false. */
  readonly fuseUnk?: boolean;
  /** Write unknown characters as their bytes in UTF-8, `<0xE2>`, as SentencePiece does. Default false. */
  readonly byteFallback?: boolean;
  /** A piece that is a token as a whole is that token, whatever the merges say. Default false. */
  readonly ignoreMerges?: boolean;
  /** Numbers from 0 to below 1, for dropout. Default: those of a fixed seed, so that a run can be repeated. */
  readonly random?: () => number;
}

const LETTERS = 0x3000; // code points whose ids are looked up once; beyond are mostly ideographs, each rare

/**
 * Byte-pair encoding (Sennrich et al. 2016, https://aclanthology.org/P16-1162): a piece begins as its characters, or its
 * bytes, and pairs are merged in the order in which they were learned.
 */
export class BPE implements Model {
  readonly idBound: number;
  readonly size: number;
  /** If the vocabulary has all 256 bytes, and no marks at the ends of words. */
  readonly readsBytes: boolean;
  readonly unkToken: string | null;
  private readonly table: TokenTable;
  private readonly merges: MergeTable;
  private readonly mergeList: BpeOptions['merges'];
  private readonly options: Required<Omit<BpeOptions, 'vocab' | 'merges' | 'random'>>;
  private readonly random: () => number;
  private readonly unk: number;
  /** Ids of the 256 bytes: as GPT-2 writes them, and as SentencePiece does (`<0x0A>`); -1 where there is none. */
  private readonly byteIds: Int32Array;
  private readonly fallbackIds: Int32Array;
  /** Id of each common character on its own; -1: not in the vocabulary. */
  private readonly letterIds: Int32Array;
  /** The character that tokens have at their beginning only, so that a text may be cut before it; '' if none is sure. */
  private readonly marker: string;
  private readonly merger = new Merger();
  private readonly words = new WordCache();
  private readonly byteWords = new WordCache();

  /** @throws TokenizerError if a merge names a token that is missing, or an option is out of range. */
  constructor(options: BpeOptions) {
    const { vocab, merges, random = uniform(0) } = options;
    this.options = {
      dropout: options.dropout ?? null,
      unkToken: options.unkToken ?? null,
      continuingSubwordPrefix: options.continuingSubwordPrefix ?? null,
      endOfWordSuffix: options.endOfWordSuffix ?? null,
      fuseUnk: options.fuseUnk ?? false,
      byteFallback: options.byteFallback ?? false,
      ignoreMerges: options.ignoreMerges ?? false,
    };
    const { dropout, unkToken, continuingSubwordPrefix: prefix } = this.options;
    this.unkToken = unkToken;
    if (dropout !== null && !(dropout >= 0 && dropout <= 1)) {
      throw new TokenizerError('invalid-option', `BPE: dropout is ${dropout}, expected a number from 0 to 1`);
    }
    this.table = new TokenTable(vocab);
    this.idBound = this.table.tokens.length;
    this.size = this.table.size;
    this.random = random;
    this.mergeList = merges;
    this.merges = new MergeTable(merges.length);
    const { ids } = this.table;
    for (let rank = 0; rank < merges.length; rank++) {
      const [left, right] = merges[rank];
      const l = ids.get(left);
      const r = ids.get(right);
      const merged = ids.get(left + (prefix === null ? right : right.slice(prefix.length)));
      if (l === undefined || r === undefined || merged === undefined) {
        const missing = l === undefined ? left : r === undefined ? right : left + right.slice(prefix?.length ?? 0);
        throw new TokenizerError(
          'invalid-vocabulary',
          `BPE: merge ${rank}, "${show(left)}" "${show(right)}", needs the token "${show(missing)}", which is not in the vocabulary`,
        );
      }
      this.merges.set(l, r, rank, merged);
    }
    this.unk = unkToken === null ? -1 : (ids.get(unkToken) ?? -2);
    this.byteIds = Int32Array.from(byteToChar, (character) => ids.get(character) ?? -1);
    this.readsBytes = this.byteIds.every((id) => id >= 0) && prefix === null && this.options.endOfWordSuffix === null;
    this.fallbackIds = Int32Array.from({ length: 256 }, (_, byte) => ids.get(byteToken(byte)) ?? -1);
    this.letterIds = Int32Array.from({ length: LETTERS }, (_, code) => ids.get(String.fromCharCode(code)) ?? -1);
    this.marker = this.findMarker();
  }

  tokenToId(token: string): number | undefined {
    return this.table.ids.get(token);
  }

  idToToken(id: number): string | undefined {
    return this.table.tokens[id];
  }

  tokenize(text: string, start: number, end: number, sink: TokenSink): void {
    if (this.marker === '') {
      this.word(text, start, end, sink);
      return;
    }
    // No merge reaches over the beginning of a run of markers: the parts are words that recur.
    let from = start;
    while (from < end) {
      let at = from;
      while (at < end && text[at] === this.marker) at++;
      const next = text.indexOf(this.marker, at);
      const stop = next < 0 || next > end ? end : next;
      this.word(text, from, stop, sink);
      from = stop;
    }
  }

  private word(text: string, start: number, end: number, sink: TokenSink): void {
    const { dropout, ignoreMerges } = this.options;
    const piece = text.slice(start, end);
    if (!dropout && this.words.replay(piece, start, end, sink)) return;
    const from = sink.length;
    const whole = ignoreMerges && !dropout ? this.table.ids.get(piece) : undefined;
    if (whole === undefined) {
      this.addCharacters(piece, start);
      this.emit(sink);
    } else {
      sink.push(whole, start, end);
    }
    if (!dropout) this.words.remember(piece, start, sink, from);
  }

  tokenizeBytes(text: string, start: number, end: number, sink: TokenSink): void {
    const { dropout, ignoreMerges } = this.options;
    const piece = text.slice(start, end);
    if (!dropout && this.byteWords.replay(piece, start, end, sink)) return;
    const from = sink.length;
    const whole = ignoreMerges && !dropout ? this.table.ids.get(bytesOf(piece)) : undefined;
    if (whole === undefined) {
      this.addBytes(piece, start);
      this.emit(sink);
    } else {
      sink.push(whole, start, end);
    }
    if (!dropout) this.byteWords.remember(piece, start, sink, from);
  }

  toJSON(): PartJSON {
    const { dropout, unkToken, continuingSubwordPrefix, endOfWordSuffix, fuseUnk, byteFallback, ignoreMerges } =
      this.options;
    return {
      type: 'BPE',
      dropout,
      unk_token: unkToken,
      continuing_subword_prefix: continuingSubwordPrefix,
      end_of_word_suffix: endOfWordSuffix,
      fuse_unk: fuseUnk,
      byte_fallback: byteFallback,
      ignore_merges: ignoreMerges,
      vocab: this.table.toJSON(),
      merges: this.mergeList.map(([left, right]) => [left, right]),
    };
  }

  /** Merges what was added, and puts out what it became. */
  private emit(sink: TokenSink): void {
    const { dropout } = this.options;
    if (dropout) this.merger.mergeWithDropout(this.merges, dropout, this.random);
    else this.merger.merge(this.merges);
    const { ids, starts, ends, count } = this.merger;
    for (let i = 0; i < count; i++) sink.push(ids[i], starts[i], ends[i]);
  }

  private addCharacters(piece: string, start: number): void {
    const { merger, letterIds } = this;
    const { continuingSubwordPrefix: prefix, endOfWordSuffix: suffix, byteFallback, fuseUnk } = this.options;
    const plain = prefix === null && suffix === null;
    merger.clear();
    // An unknown character waits, so that the next can join it.
    let waitingStart = -1;
    let waitingEnd = -1;
    for (let at = 0; at < piece.length;) {
      const width = widthAt(piece, at);
      const stop = at + width;
      const code = piece.charCodeAt(at);
      let id = -1;
      let written = '';
      if (plain && code < LETTERS) {
        id = letterIds[code];
      } else {
        written = piece.slice(at, stop);
        if (at > 0 && prefix !== null) written = prefix + written;
        if (stop === piece.length && suffix !== null) written += suffix;
        id = this.table.ids.get(written) ?? -1;
      }
      if (id >= 0) {
        if (waitingStart >= 0) merger.add(this.requireUnk(), waitingStart, waitingEnd);
        waitingStart = -1;
        merger.add(id, start + at, start + stop);
      } else if (!byteFallback || !this.addFallback(written || piece.slice(at, stop), start + at, start + stop)) {
        if (this.unk !== -1) {
          if (waitingStart >= 0 && !fuseUnk) merger.add(this.requireUnk(), waitingStart, waitingEnd);
          if (waitingStart < 0 || !fuseUnk) waitingStart = start + at;
          waitingEnd = start + stop;
        }
      }
      at = stop;
    }
    if (waitingStart >= 0) merger.add(this.requireUnk(), waitingStart, waitingEnd);
  }

  /** Adds a character as its bytes; false if one of them is not in the vocabulary. */
  private addFallback(written: string, start: number, end: number): boolean {
    const bytes = new TextEncoder().encode(written);
    for (const byte of bytes) if (this.fallbackIds[byte] < 0) return false;
    for (const byte of bytes) this.merger.add(this.fallbackIds[byte], start, end);
    return true;
  }

  private addBytes(piece: string, start: number): void {
    const { merger, byteIds } = this;
    merger.clear();
    for (let at = 0; at < piece.length;) {
      const width = widthAt(piece, at);
      const begin = start + at;
      const end = begin + width;
      const code = width === 1 ? piece.charCodeAt(at) : piece.codePointAt(at)!;
      at += width;
      if (code < 0x80) {
        merger.add(byteIds[code], begin, end);
      } else if (code < 0x800) {
        merger.add(byteIds[0xc0 | (code >> 6)], begin, end);
        merger.add(byteIds[0x80 | (code & 63)], begin, end);
      } else if (code < 0x10000) {
        merger.add(byteIds[0xe0 | (code >> 12)], begin, end);
        merger.add(byteIds[0x80 | ((code >> 6) & 63)], begin, end);
        merger.add(byteIds[0x80 | (code & 63)], begin, end);
      } else {
        merger.add(byteIds[0xf0 | (code >> 18)], begin, end);
        merger.add(byteIds[0x80 | ((code >> 12) & 63)], begin, end);
        merger.add(byteIds[0x80 | ((code >> 6) & 63)], begin, end);
        merger.add(byteIds[0x80 | (code & 63)], begin, end);
      }
    }
  }

  private requireUnk(): number {
    if (this.unk >= 0) return this.unk;
    throw new TokenizerError(
      'invalid-vocabulary',
      `BPE: the unknown token "${show(this.options.unkToken!)}" is not in the vocabulary; add it`,
    );
  }

  /**
   * SentencePiece begins words with ▁ and has it nowhere else in a token. Where no merge joins another character and a
   * ▁, the parts of a text before and after stay apart, and each can be looked up on its own.
   */
  private findMarker(): string {
    const marker = '▁';
    const { dropout, continuingSubwordPrefix: prefix, endOfWordSuffix: suffix, ignoreMerges } = this.options;
    if (dropout || prefix !== null || suffix !== null || ignoreMerges || !this.table.ids.has(marker)) return '';
    for (const [left, right] of this.mergeList) if (!left.endsWith(marker) && right.startsWith(marker)) return '';
    return marker;
  }
}

const byteToken = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;

/** A piece in GPT-2's alphabet. */
function bytesOf(piece: string): string {
  let written = '';
  for (const byte of new TextEncoder().encode(piece)) written += byteToChar[byte];
  return written;
}

export function readBPE(json: JsonValue): BPE {
  const merges = json
    .get('merges')
    .items()
    .map((merge): [string, string] => {
      // Older files hold a merge as one string, which cannot tell a space of a token from the one between them.
      const parts =
        typeof merge.value === 'string' ? merge.value.split(' ') : merge.items().map((part) => part.string());
      if (parts.length !== 2) throw merge.error(`expected two tokens, got ${parts.length}`);
      return [parts[0], parts[1]];
    });
  return new BPE({
    vocab: readVocab(json.get('vocab')),
    merges,
    dropout: json.get('dropout').or(asNumber, null),
    unkToken: json.get('unk_token').or(asString, null),
    continuingSubwordPrefix: json.get('continuing_subword_prefix').or(asString, null),
    endOfWordSuffix: json.get('end_of_word_suffix').or(asString, null),
    fuseUnk: json.get('fuse_unk').or(asBoolean, false),
    byteFallback: json.get('byte_fallback').or(asBoolean, false),
    ignoreMerges: json.get('ignore_merges').or(asBoolean, false),
  });
}
