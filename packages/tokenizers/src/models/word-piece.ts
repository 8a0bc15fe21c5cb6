import { TokenizerError } from '../error';
import { asInteger, asString, type JsonValue } from '../json';
import type { Model, PartJSON } from '../parts';
import type { TokenSink } from '../token-sink';
import { Trie } from './trie';
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
  /** Tokens that can begin a word, and those that can go on, without their mark. */
  private readonly first = new Trie();
  private readonly next: Trie;
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
    this.next = continuingSubwordPrefix === '' ? this.first : new Trie();
    for (const [token, id] of this.table.ids) {
      if (token !== '') this.first.set(token, id);
      if (this.next !== this.first && token.length > this.prefix.length && token.startsWith(this.prefix)) {
        this.next.set(token.slice(this.prefix.length), id);
      }
    }
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
    for (let at = 0; at < word.length;) {
      const trie = at === 0 ? this.first : this.next;
      let id = -1;
      let stop = at;
      for (let i = at, node = 0; i < word.length;) {
        node = trie.child(node, word.charCodeAt(i++));
        if (node < 0) break;
        if (trie.valueAt(node) >= 0) {
          id = trie.valueAt(node);
          stop = i;
        }
      }
      if (id < 0) return false;
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
