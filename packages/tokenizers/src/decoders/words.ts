import type { JsonValue } from '../json';
import type { Decoder } from '../parts';
import { readMetaspace, type MetaspaceOptions, type PrependScheme } from '../pre-tokenizers/metaspace';

/** Takes the spaces away that joining words put before punctuation and in English contractions. */
const cleanUp = (text: string): string =>
  text
    .replaceAll(' .', '.')
    .replaceAll(' ?', '?')
    .replaceAll(' !', '!')
    .replaceAll(' ,', ',')
    .replaceAll(" ' ", "'")
    .replaceAll(" n't", "n't")
    .replaceAll(" 'm", "'m")
    .replaceAll(' do not', " don't")
    .replaceAll(" 's", "'s")
    .replaceAll(" 've", "'ve")
    .replaceAll(" 're", "'re");

/** `replaceAll` that takes an empty text to stand between characters, not between halves of pairs. */
const replaceText = (text: string, search: string, replacement: string): string =>
  search === ''
    ? replacement + Array.from(text, (character) => character + replacement).join('')
    : text.replaceAll(search, replacement);

/** Joins words with spaces, and to them the tokens that begin with a prefix such as `##`. */
export class WordPieceDecoder implements Decoder {
  constructor(
    readonly prefix = '##',
    readonly cleanup = true,
  ) {}

  static read(json: JsonValue): WordPieceDecoder {
    return new WordPieceDecoder(json.get('prefix').string(), json.get('cleanup').boolean());
  }

  decode(tokens: readonly string[]): string[] {
    return tokens.map((token, i) => {
      let text = token;
      if (i > 0) text = token.startsWith(this.prefix) ? token.slice(this.prefix.length) : ` ${token}`;
      return this.cleanup ? cleanUp(text) : text;
    });
  }

  toJSON() {
    return { type: 'WordPiece', prefix: this.prefix, cleanup: this.cleanup };
  }
}

/** Turns SentencePiece's ▁ into spaces, without those in the first token if one was put before the text. */
export class MetaspaceDecoder implements Decoder {
  readonly replacement: string;
  readonly prependScheme: PrependScheme;
  private readonly cuts: boolean;

  constructor({ replacement = '▁', prependScheme = 'always', split = true }: MetaspaceOptions = {}) {
    this.replacement = replacement;
    this.prependScheme = prependScheme;
    this.cuts = split;
  }

  static read(json: JsonValue): MetaspaceDecoder {
    return new MetaspaceDecoder(readMetaspace(json));
  }

  decode(tokens: readonly string[]): string[] {
    return tokens.map((token, i) =>
      token.replaceAll(this.replacement, i === 0 && this.prependScheme !== 'never' ? '' : ' '),
    );
  }

  toJSON() {
    const { replacement, prependScheme, cuts } = this;
    return { type: 'Metaspace', replacement, prepend_scheme: prependScheme, split: cuts };
  }
}

/** Turns the suffix that ends words, such as `</w>`, into spaces; in the last token it is left out. */
export class BPEDecoder implements Decoder {
  constructor(readonly suffix = '</w>') {}

  static read(json: JsonValue): BPEDecoder {
    return new BPEDecoder(json.get('suffix').string());
  }

  decode(tokens: readonly string[]): string[] {
    return tokens.map((token, i) => replaceText(token, this.suffix, i === tokens.length - 1 ? '' : ' '));
  }

  toJSON() {
    return { type: 'BPEDecoder', suffix: this.suffix };
  }
}

/** Joins what a model with a token for each step of time gave: equal neighbours are one, padding is none. */
export class CTC implements Decoder {
  constructor(
    readonly padToken = '<pad>',
    readonly wordDelimiterToken = '|',
    readonly cleanup = true,
  ) {}

  static read(json: JsonValue): CTC {
    return new CTC(
      json.get('pad_token').string(),
      json.get('word_delimiter_token').string(),
      json.get('cleanup').boolean(),
    );
  }

  decode(tokens: readonly string[]): string[] {
    const result: string[] = [];
    for (const [i, token] of tokens.entries()) {
      if (i > 0 && token === tokens[i - 1]) continue;
      let text = token.replaceAll(this.padToken, '');
      if (this.cleanup) text = replaceText(cleanUp(text), this.wordDelimiterToken, ' ');
      if (text !== '') result.push(text);
    }
    return result;
  }

  toJSON() {
    return {
      type: 'CTC',
      pad_token: this.padToken,
      word_delimiter_token: this.wordDelimiterToken,
      cleanup: this.cleanup,
    };
  }
}
