import { show, TokenizerError } from '../error';
import { asString, type JsonValue } from '../json';
import type { Model, PartJSON } from '../parts';
import type { TokenSink } from '../token-sink';
import { readVocab, TokenTable, type Vocab } from './vocab';

export interface WordLevelOptions {
  /** Token → id. */
  readonly vocab: Vocab;
  /** Stands for pieces that are not in the vocabulary. Default '<unk>'. */
  readonly unkToken?: string;
}

/** Each piece is one token: words or characters, as the pre-tokenizer cuts them. */
export class WordLevel implements Model {
  readonly idBound: number;
  readonly size: number;
  private readonly table: TokenTable;
  readonly unkToken: string;

  constructor({ vocab, unkToken = '<unk>' }: WordLevelOptions) {
    this.table = new TokenTable(vocab);
    this.idBound = this.table.tokens.length;
    this.size = this.table.size;
    this.unkToken = unkToken;
  }

  tokenToId(token: string): number | undefined {
    return this.table.ids.get(token);
  }

  idToToken(id: number): string | undefined {
    return this.table.tokens[id];
  }

  /** @throws TokenizerError for an unknown piece, if the vocabulary has no unknown token. */
  tokenize(text: string, start: number, end: number, sink: TokenSink): void {
    const { ids } = this.table;
    const id = ids.get(text.slice(start, end)) ?? ids.get(this.unkToken);
    if (id === undefined) {
      const piece = show(text.slice(start, end));
      throw new TokenizerError(
        'unknown-token',
        `WordLevel: "${piece}" is not in the vocabulary, and neither is the unknown token "${show(this.unkToken)}"; add one of them`,
      );
    }
    sink.push(id, start, end);
  }

  toJSON(): PartJSON {
    return { type: 'WordLevel', vocab: this.table.toJSON(), unk_token: this.unkToken };
  }
}

export function readWordLevel(json: JsonValue): WordLevel {
  return new WordLevel({
    vocab: readVocab(json.get('vocab')),
    unkToken: json.get('unk_token').or(asString, '<unk>'),
  });
}
