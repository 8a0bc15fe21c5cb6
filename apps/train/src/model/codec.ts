import { createHash } from 'node:crypto';

import { specialIds, type Tokenizer, type Vocabulary } from '@qkv/tokenizers';

/** What some ids mean. */
export interface Codec {
  /** Ids run from 0 to below this. */
  readonly size: number;
  /** What a run's config holds of it. */
  toJSON(): unknown;
}

/** Text ↔ ids, for one side of a model. PAD is 0. */
export interface TextCodec extends Codec {
  /** Id that every target begins with, and id that ends it. */
  readonly start: number;
  readonly end: number;
  /** Id of what is not known; undefined where everything is. */
  readonly unknown: number | undefined;
  /** The ids of a text, without START and END; none of them is special, whatever the text spells. */
  encode(text: string): Int32Array;
  /** Whether the text has something that is not known. */
  hasUnknown(text: string): boolean;
  /** Ids → text; PAD, START and END are left out. */
  decode(ids: Iterable<number>): string;
  /** What error rates compare: the tokens of a text, and those of ids that a model gave. */
  tokens(text: string): readonly string[];
  tokensOf(ids: Iterable<number>): readonly string[];
  /** How an id is shown. */
  nameOf(id: number): string;
}

/** An id for each character, or for each word. */
export class VocabularyCodec implements TextCodec {
  readonly start = specialIds.start;
  readonly end = specialIds.end;
  readonly unknown = specialIds.unknown;

  constructor(readonly vocabulary: Vocabulary) {}

  get size(): number {
    return this.vocabulary.size;
  }

  encode(text: string): Int32Array {
    return this.vocabulary.encode(text, { onUnknown: 'token' }).ids;
  }

  hasUnknown(text: string): boolean {
    return this.encode(text).includes(specialIds.unknown);
  }

  decode(ids: Iterable<number>): string {
    return this.vocabulary.decode(ids);
  }

  tokens(text: string): readonly string[] {
    return this.vocabulary.encode(text, { onUnknown: 'token' }).tokens;
  }

  tokensOf(ids: Iterable<number>): readonly string[] {
    return Array.from(ids, (id) => this.nameOf(id));
  }

  nameOf(id: number): string {
    return this.vocabulary.tokens[id];
  }

  toJSON(): unknown {
    return this.vocabulary.toJSON();
  }
}

/** The special tokens of a tokenizer that is trained here: with the ids that a {@link Vocabulary} has for them. */
export const specialTokens = ['<pad>', '<start>', '<end>', '<unknown>'] as const;
const [PAD, START, END, UNKNOWN] = specialTokens;
/** How a config names a tokenizer, whose file lies beside it. */
export const TOKENIZER_FORMAT = 'qkv.tokenizer';

/**
 * Sub-words. `<pad>`, `<start>` and `<end>` are added to a tokenizer that lacks them, after its ids. Where `<pad>` is not
 * 0, the model has it there all the same: it and the token of id 0 change places.
 */
export class TokenizerCodec implements TextCodec {
  readonly size: number;
  readonly start: number;
  readonly end: number;
  /** Byte-level BPE has none, as it knows every text. */
  readonly unknown: number | undefined;
  /** The content of its tokenizer.json. */
  readonly text: string;
  /** SHA-256 of the text. */
  readonly digest: string;
  readonly #tokenizer: Tokenizer;
  /** Takes text that spells a special token of ours for ordinary text. */
  readonly #plain: Tokenizer;
  readonly #pad: number;

  /** `text` is the tokenizer.json that the tokenizer was read from, if it was one of a run's. */
  constructor(given: Tokenizer, text?: string) {
    const ours: readonly string[] = [PAD, START, END];
    const missing = ours.filter((token) => given.tokenToId(token) === undefined);
    const tokenizer = given.with({
      addedTokens: [...given.addedTokens, ...missing.map((content) => ({ content, special: true }))],
      truncation: null, // too long is a matter of the run's settings
      padding: null,
    });
    this.#tokenizer = tokenizer;
    this.#plain = tokenizer.with({
      addedTokens: tokenizer.addedTokens.filter(({ content }) => content !== UNKNOWN && !ours.includes(content)),
    });
    this.#pad = tokenizer.tokenToId(PAD)!;
    this.start = this.#swap(tokenizer.tokenToId(START)!);
    this.end = this.#swap(tokenizer.tokenToId(END)!);
    const unknown = tokenizer.tokenToId(tokenizer.model.unkToken ?? UNKNOWN);
    this.unknown = unknown === undefined ? undefined : this.#swap(unknown);
    this.size = tokenizer.idBound;
    this.text = text ?? `${JSON.stringify(tokenizer, null, 2)}\n`;
    this.digest = createHash('sha256').update(this.text).digest('hex');
  }

  encode(text: string): Int32Array {
    const { ids } = this.#plain.encode(text, { addSpecialTokens: false });
    return Int32Array.from(Array.from(ids).flatMap((id) => this.#own(id)));
  }

  /** The ids of a text that was cut into words, and for each word where its first sub-word is; -1 if it has none. */
  encodeWords(words: readonly string[]): { readonly ids: Int32Array; readonly first: Int32Array } {
    // The space tells byte-level BPE and its like that a word begins, as it does within a text.
    const spaced = words.map((word, i) => (i === 0 ? word : ` ${word}`));
    const encoding = this.#plain.encode(spaced, { addSpecialTokens: false });
    const first = new Int32Array(words.length).fill(-1);
    const ids: number[] = [];
    encoding.ids.forEach((id, token) => {
      const word = encoding.wordIds[token];
      const isSpaceAlone = encoding.ends[token] <= (word > 0 ? 1 : 0);
      if (first[word] < 0 && !isSpaceAlone) first[word] = ids.length;
      ids.push(...this.#own(id));
    });
    return { ids: Int32Array.from(ids), first };
  }

  hasUnknown(text: string): boolean {
    return this.unknown !== undefined && this.encode(text).includes(this.unknown);
  }

  decode(ids: Iterable<number>): string {
    const own = Array.from(ids).filter((id) => !this.#isSpecial(id));
    return this.#tokenizer.decode(
      own.map((id) => this.#swap(id)),
      { onUnknownId: 'unknown' }, // ids may have gaps, and a model may say anything
    );
  }

  tokens(text: string): readonly string[] {
    return this.#plain.encode(text, { addSpecialTokens: false }).tokens;
  }

  /** Of the text that the ids spell: a model may cut it in another way than the tokenizer does, and be right. */
  tokensOf(ids: Iterable<number>): readonly string[] {
    return this.tokens(this.decode(ids));
  }

  nameOf(id: number): string {
    return this.#tokenizer.idToToken(this.#swap(id)) ?? `#${id}`;
  }

  toJSON(): unknown {
    return { format: TOKENIZER_FORMAT, digest: this.digest };
  }

  /** The model's id of one that was found in text: Unigram has our tokens in its vocabulary, and finds them all the same. */
  #own(found: number): readonly number[] {
    const id = this.#swap(found);
    if (!this.#isSpecial(id)) return [id];
    return this.unknown === undefined ? [] : [this.unknown];
  }

  /** The model's id of the tokenizer's, and back. */
  #swap(id: number): number {
    return id === this.#pad ? specialIds.pad : id === specialIds.pad ? this.#pad : id;
  }

  #isSpecial(id: number): boolean {
    return id === specialIds.pad || id === this.start || id === this.end;
  }
}
