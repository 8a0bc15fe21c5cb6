import type { VocabularyDecodeOptions, VocabularyEncodeOptions, VocabularyEncoding } from './vocabulary-encoding';
import { codePoint, show, TokenizerError, type UnknownToken } from './error';
import { compareCodePoints, units, type Unit } from './unit';

/** The ids that every vocabulary begins with. PAD is 0, so that a fresh array is padding. */
export const specialIds = { pad: 0, start: 1, end: 2, unknown: 3 } as const;

// How they are written when decoded. Text that spells one of these is ordinary text, never the special token.
const specialTokens: readonly string[] = ['<pad>', '<start>', '<end>', '<unknown>'];

const FORMAT = 'qkv.vocabulary';
const VERSION = 1;
const MAX_SIZE = 2 ** 31; // ids are int32

export interface TrainOptions {
  readonly unit: Unit;
  /** Leave out tokens that occur less often. Default 1: keep all. */
  readonly minFrequency?: number;
  /** Ids in all, the four special ones included; the most frequent tokens stay. Default: no limit. */
  readonly maxSize?: number;
}

/** The saved form of a vocabulary, ready for JSON. */
export interface VocabularyJSON {
  readonly format: typeof FORMAT;
  readonly version: typeof VERSION;
  readonly unit: Unit;
  /** The token of id 4, of id 5, … */
  readonly tokens: readonly string[];
}

/** Text ↔ ids by table: one id for each character or each word. Immutable. */
export class Vocabulary {
  readonly unit: Unit;
  /** Id → token, the special ones included. */
  readonly tokens: readonly string[];
  private readonly ids: ReadonlyMap<string, number>;

  /**
   * A vocabulary of the given tokens: the first gets id 4, and so on, after PAD 0, START 1, END 2 and UNKNOWN 3.
   *
   * @throws TokenizerError if a token is not one character, or not one word, or stands twice.
   */
  constructor(unit: Unit, tokens: Iterable<string>) {
    if (unit !== 'character' && unit !== 'word') {
      throw invalid(`unit ${quoted(unit)} is neither "character" nor "word"`);
    }
    const ids = new Map<string, number>();
    for (const token of tokens) {
      const id = ids.size + specialTokens.length;
      if (typeof token !== 'string' || !units[unit].holds(token)) {
        throw invalid(`token ${id}, ${quoted(token)}, is not one ${unit}; split it or choose the other unit`);
      }
      if (ids.has(token)) throw invalid(`tokens ${ids.get(token)} and ${id} are both ${quoted(token)}; remove one`);
      if (id >= MAX_SIZE) throw invalid(`more than ${MAX_SIZE} tokens; set maxSize`);
      ids.set(token, id);
    }
    this.unit = unit;
    this.ids = ids;
    this.tokens = Object.freeze([...specialTokens, ...ids.keys()]);
  }

  /** A vocabulary of the tokens found in texts, the most frequent first, equally frequent ones by code point. */
  static train(texts: Iterable<string>, options: TrainOptions): Vocabulary {
    const { unit, minFrequency = 1, maxSize = MAX_SIZE } = options;
    if (!Object.hasOwn(units, unit)) return new Vocabulary(unit, []); // its error is the one to give
    checkOption('minFrequency', minFrequency, 1);
    checkOption('maxSize', maxSize, specialTokens.length);
    if (typeof texts === 'string') {
      throw new TokenizerError(
        'invalid-option',
        'Vocabulary.train: expected several texts, got one; put it in an array',
      );
    }
    const frequencies = new Map<string, number>();
    for (const text of texts) {
      for (const { token } of units[unit].split(text)) frequencies.set(token, (frequencies.get(token) ?? 0) + 1);
    }
    const kept = [...frequencies]
      .filter(([, frequency]) => frequency >= minFrequency)
      .sort(([a, x], [b, y]) => y - x || compareCodePoints(a, b))
      .slice(0, maxSize - specialTokens.length);
    return new Vocabulary(
      unit,
      kept.map(([token]) => token),
    );
  }

  /** Reads what {@link Vocabulary.toJSON} gave, and nothing else. */
  static fromJSON(json: unknown): Vocabulary {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw invalid(`expected an object with format ${quoted(FORMAT)}; parse the JSON text first`);
    }
    const { format, version, unit, tokens, ...rest } = json as Partial<VocabularyJSON>;
    if (format !== FORMAT) throw invalid(`format is ${quoted(format)}, expected ${quoted(FORMAT)}`);
    if (version !== VERSION) {
      throw invalid(`version is ${quoted(version)}, this release of @qkv/tokenizers reads ${VERSION}; update it`);
    }
    if (!Array.isArray(tokens)) throw invalid('tokens is not an array of strings');
    const [surplus] = Object.keys(rest);
    if (surplus !== undefined) throw invalid(`unknown field ${quoted(surplus)}; remove it`);
    return new Vocabulary(unit as Unit, tokens as string[]);
  }

  /** For JSON.stringify. */
  toJSON(): VocabularyJSON {
    return { format: FORMAT, version: VERSION, unit: this.unit, tokens: this.tokens.slice(specialTokens.length) };
  }

  /** How many ids there are, the four special ones included: the size of an embedding or of the logits. */
  get size(): number {
    return this.tokens.length;
  }

  /** The id of a character or word, undefined if it is not known. Never a special id. */
  idOf(token: string): number | undefined {
    return this.ids.get(token);
  }

  /**
   * Text → ids, with the tokens and their places in the text.
   *
   * @throws TokenizerError that names every unknown token and its place, unless `onUnknown` is 'token'.
   */
  encode(text: string, options: VocabularyEncodeOptions = {}): VocabularyEncoding {
    const { addStart = false, addEnd = false, onUnknown = 'error' } = options;
    const ids: number[] = [];
    const tokens: string[] = [];
    const offsets: [number, number][] = [];
    const unknown: UnknownToken[] = [];
    const add = (id: number, token: string, start: number, end: number): void => {
      ids.push(id);
      tokens.push(token);
      offsets.push([start, end]);
    };

    if (addStart) add(specialIds.start, specialTokens[specialIds.start], 0, 0);
    for (const { token, start, end } of units[this.unit].split(text)) {
      const id = this.ids.get(token);
      if (id === undefined) unknown.push({ token, start, end });
      add(id ?? specialIds.unknown, token, start, end);
    }
    if (addEnd) add(specialIds.end, specialTokens[specialIds.end], text.length, text.length);

    if (unknown.length > 0 && onUnknown === 'error') throw this.unknownError(text, unknown);
    return { ids: Int32Array.from(ids), tokens, offsets };
  }

  /**
   * Ids → text. Of characters exactly the text that was encoded; words are joined with single spaces.
   *
   * @throws TokenizerError if an id is not a whole number from 0 to size - 1.
   */
  decode(ids: Iterable<number>, options: VocabularyDecodeOptions = {}): string {
    const { skipSpecial = true } = options;
    const tokens: string[] = [];
    let position = 0;
    for (const id of ids) {
      const token = this.tokens[id];
      if (token === undefined) {
        throw new TokenizerError(
          'invalid-id',
          `Vocabulary: id ${String(id)} at position ${position} is not a whole number from 0 to ${this.size - 1}; was it made with another vocabulary?`,
        );
      }
      if (!skipSpecial || id >= specialIds.unknown) tokens.push(token);
      position++;
    }
    return units[this.unit].join(tokens);
  }

  private unknownError(text: string, unknown: readonly UnknownToken[]): TokenizerError {
    const many = (count: number): string => `${count} ${this.unit}${count === 1 ? '' : 's'}`;
    const listed = unknown.slice(0, 8).map(({ token, start }) => {
      const name = this.unit === 'character' && show(token) === token ? ` (${codePoint(token)})` : '';
      return `${quoted(token)}${name} at ${start}`;
    });
    if (unknown.length > listed.length) listed.push(`and ${unknown.length - listed.length} more`);
    const known = [...this.ids.keys()].sort(compareCodePoints);
    const examples = `${known.slice(0, 60).map(show).join(' ')}${known.length > 60 ? ' …' : ''}`;
    return new TokenizerError(
      'unknown-token',
      `Vocabulary: ${quoted(text)} has ${many(unknown.length)} that ${unknown.length === 1 ? 'is' : 'are'} not known: ` +
        `${listed.join(', ')}; known are ${many(known.length)}${known.length > 0 ? `: ${examples}` : ''}; ` +
        `change the text, or encode with onUnknown: 'token'`,
      unknown,
    );
  }
}

const quoted = (value: unknown): string => (typeof value === 'string' ? `"${show(value)}"` : String(value));

const invalid = (what: string): TokenizerError => new TokenizerError('invalid-vocabulary', `Vocabulary: ${what}`);

function checkOption(name: string, value: number, minimum: number): void {
  if (Number.isSafeInteger(value) && value >= minimum) return;
  throw new TokenizerError(
    'invalid-option',
    `Vocabulary.train: ${name} is ${String(value)}, expected a whole number of at least ${minimum}`,
  );
}
