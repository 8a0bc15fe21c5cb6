import type { JsonValue } from '../json';
import type { Decoder } from '../parts';
import { checkCharacter, readCharacter } from '../pre-tokenizers/words';
import { PatternFinder } from '../regex/pattern-finder';

/** Joins all parts to one text. */
export class Fuse implements Decoder {
  decode(tokens: readonly string[]): string[] {
    return [tokens.join('')];
  }

  toJSON() {
    return { type: 'Fuse' };
  }
}

/** Takes up to so many of one character from the beginning and the end of each part. */
export class Strip implements Decoder {
  constructor(
    readonly content: string,
    readonly start: number,
    readonly stop: number,
  ) {
    checkCharacter('Strip: content', content);
  }

  static read(json: JsonValue): Strip {
    return new Strip(readCharacter(json.get('content')), json.get('start').integer(), json.get('stop').integer());
  }

  decode(tokens: readonly string[]): string[] {
    const { content } = this;
    return tokens.map((token) => {
      let start = 0;
      for (let i = 0; i < this.start && token.startsWith(content, start); i++) start += content.length;
      let stop = token.length;
      for (let i = 0; i < this.stop && stop - content.length >= start; i++) {
        if (!token.endsWith(content, stop)) break;
        stop -= content.length;
      }
      return token.slice(start, stop);
    });
  }

  toJSON() {
    return { type: 'Strip', content: this.content, start: this.start, stop: this.stop };
  }
}

/** Replaces the matches of a pattern in each part. */
export class Replace implements Decoder {
  private constructor(
    private readonly finder: PatternFinder,
    readonly content: string,
  ) {}

  static read(json: JsonValue): Replace {
    return new Replace(PatternFinder.read(json.get('pattern')), json.get('content').string());
  }

  decode(tokens: readonly string[]): string[] {
    return tokens.map((token) => {
      if (token === '') return token;
      const matches: number[] = [];
      this.finder.find(token, 0, matches);
      if (matches.length === 0) return token;
      const chunks: string[] = [];
      let at = 0;
      for (let i = 0; i < matches.length; i += 2) {
        chunks.push(token.slice(at, matches[i]), this.content);
        at = matches[i + 1];
      }
      chunks.push(token.slice(at));
      return chunks.join('');
    });
  }

  toJSON() {
    return { type: 'Replace', pattern: this.finder.pattern, content: this.content };
  }
}
