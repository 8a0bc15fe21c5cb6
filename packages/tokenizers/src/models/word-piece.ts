import { TokenizerError } from '../error';
import { asInteger, asString, type JsonValue } from '../json';
import type { Model, PartJSON } from '../parts';
import type { TokenSink } from '../token-sink';
import { readVocab, TokenTable, type Vocab } from './vocab';
import { WordCache } from './word-cache';

export interface WordPieceOptions {
  /** Token → id. */
  readonly vocab: Vocab;
  /** Stands for words that cannot be made of tokens. Default '[UNK]'. */
  readonly unkToken?: string;
  /** Marks a token that does not begin a word. Default '##'. */
  readonly continuingSubwordPrefix?: string;
  /** Longer words are unknown. Default 100 code points. */
  readonly maxInputCharsPerWord?: number;
}

/**
 * The longest token that begins a word, then the longest that goes on, and so forth: BERT's model (Wu et al. 2016,
 * https://arxiv.org/abs/1609.08144, §4.1).
 */
export class WordPiece implements Model {
  readonly idBound: number;
  readonly size: number;
  private readonly table: TokenTable;
  readonly unkToken: string;
  private readonly prefix: string;
  private readonly maxCharacters: number;
  /** UTF-16 units of the longest token. */
  private readonly longest: number;
  private readonly words = new WordCache();

  constructor(options: WordPieceOptions) {
    const { vocab, unkToken = '[UNK]', continuingSubwordPrefix = '##', maxInputCharsPerWord = 100 } = options;
    if (!Number.isInteger(maxInputCharsPerWord) || maxInputCharsPerWord < 0) {
      throw new TokenizerError(
        'invalid-option',
        `WordPiece: maxInputCharsPerWord is ${maxInputCharsPerWord}, expected a whole number of at least 0`,
      );
    }
    this.table = new TokenTable(vocab);
    this.idBound = this.table.tokens.length;
    this.size = this.table.size;
    this.unkToken = unkToken;
    this.prefix = continuingSubwordPrefix;
    this.maxCharacters = maxInputCharsPerWord;
    let longest = 0;
    for (const token of this.table.ids.keys()) longest = Math.max(longest, token.length);
    this.longest = longest;
  }

  tokenToId(token: string): number | undefined {
    return this.table.ids.get(token);
  }

  idToToken(id: number): string | undefined {
    return this.table.tokens[id];
  }

  tokenize(text: string, start: number, end: number, sink: TokenSink): void {
    const word = text.slice(start, end);
    if (this.words.replay(word, start, end, sink)) return;
    const from = sink.length;
    if (!this.cut(word, start, sink)) {
      sink.length = from;
      sink.push(this.table.require(this.unkToken, 'WordPiece: the unknown token'), start, end);
    }
    this.words.remember(word, start, sink, from);
  }

  private cut(word: string, start: number, sink: TokenSink): boolean {
    if (word.length > this.maxCharacters && [...word].length > this.maxCharacters) return false;
    const { ids } = this.table;
    for (let at = 0; at < word.length;) {
      let stop = Math.min(word.length, at + this.longest);
      let id: number | undefined;
      for (; stop > at; stop--) {
        const part = word.slice(at, stop);
        id = ids.get(at === 0 ? part : this.prefix + part);
        if (id !== undefined) break;
      }
      if (id === undefined) return false;
      sink.push(id, start + at, start + stop);
      at = stop;
    }
    return true;
  }

  toJSON(): PartJSON {
    return {
      type: 'WordPiece',
      unk_token: this.unkToken,
      continuing_subword_prefix: this.prefix,
      max_input_chars_per_word: this.maxCharacters,
      vocab: this.table.toJSON(),
    };
  }
}

export function readWordPiece(json: JsonValue): WordPiece {
  return new WordPiece({
    vocab: readVocab(json.get('vocab')),
    unkToken: json.get('unk_token').or(asString, '[UNK]'),
    continuingSubwordPrefix: json.get('continuing_subword_prefix').or(asString, '##'),
    maxInputCharsPerWord: json.get('max_input_chars_per_word').or(asInteger, 100),
  });
}
