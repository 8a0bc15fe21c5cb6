import { TokenizerError } from '../error';
import type { JsonValue } from '../json';
import type { PreTokenizer } from '../parts';
import { widthAt } from '../text/aligned-text';
import type { Pieces } from '../text/pieces';
import { splitAtKind, splitAtString } from './character-delimiters';
import { codeAt, kindsOf, NUMERIC, PUNCTUATION, SPACE, WORD } from './characters';
import { readBehavior, type DelimiterBehavior } from './delimiters';

/** Runs of characters that `classify` puts into the same class above 0; class 0 is left out, class 1 stays single. */
function splitRuns(pieces: Pieces, classify: (kinds: number) => number): Pieces {
  const { text } = pieces.text;
  const bounds: number[] = [];
  for (let i = 0; i < pieces.bounds.length; i += 2) {
    const end = pieces.bounds[i + 1];
    let last = 0;
    for (let at = pieces.bounds[i]; at < end;) {
      const code = codeAt(text, at);
      const next = at + (code > 0xffff ? 2 : 1);
      const current = classify(kindsOf(code));
      if (current !== 0) {
        if (current === last && current !== SINGLE) bounds[bounds.length - 1] = next;
        else bounds.push(at, next);
      }
      last = current;
      at = next;
    }
  }
  return { ...pieces, bounds };
}

const OUT = 0;
const SINGLE = 1;
const RUN = 2;
const OTHER_RUN = 3;

const wordOrSymbols = (kinds: number): number => ((kinds & WORD) !== 0 ? RUN : (kinds & SPACE) !== 0 ? OUT : OTHER_RUN);
const wordOrPunctuation = (kinds: number): number =>
  (kinds & SPACE) !== 0 ? OUT : (kinds & PUNCTUATION) !== 0 ? SINGLE : RUN;

/** Runs of word characters, and runs of what is neither that nor white space: `\w+|[^\w\s]+`. */
export class Whitespace implements PreTokenizer {
  split(pieces: Pieces): Pieces {
    return splitRuns(pieces, wordOrSymbols);
  }

  toJSON() {
    return { type: 'Whitespace' };
  }
}

/** Cuts at white space, which is left out. */
export class WhitespaceSplit implements PreTokenizer {
  split(pieces: Pieces): Pieces {
    return splitAtKind(pieces, SPACE, 'Removed');
  }

  toJSON() {
    return { type: 'WhitespaceSplit' };
  }
}

/** Cuts at white space, which is left out, and around each mark of punctuation. */
export class BertPreTokenizer implements PreTokenizer {
  split(pieces: Pieces): Pieces {
    return splitRuns(pieces, wordOrPunctuation);
  }

  toJSON() {
    return { type: 'BertPreTokenizer' };
  }
}

/** Cuts at punctuation, as BERT defines it. */
export class Punctuation implements PreTokenizer {
  constructor(readonly behavior: DelimiterBehavior = 'Isolated') {}

  static read(json: JsonValue): Punctuation {
    return new Punctuation(json.get('behavior').or(readBehavior, 'Isolated'));
  }

  split(pieces: Pieces): Pieces {
    return splitAtKind(pieces, PUNCTUATION, this.behavior);
  }

  toJSON() {
    return { type: 'Punctuation', behavior: this.behavior };
  }
}

/** Cuts around numbers, or around each digit. */
export class Digits implements PreTokenizer {
  constructor(readonly individualDigits = false) {}

  static read(json: JsonValue): Digits {
    return new Digits(json.get('individual_digits').boolean());
  }

  split(pieces: Pieces): Pieces {
    return splitAtKind(pieces, NUMERIC, this.individualDigits ? 'Isolated' : 'Contiguous');
  }

  toJSON() {
    return { type: 'Digits', individual_digits: this.individualDigits };
  }
}

/** Cuts at one character, which is left out. */
export class CharDelimiterSplit implements PreTokenizer {
  constructor(readonly delimiter: string) {
    checkCharacter('CharDelimiterSplit: delimiter', delimiter);
  }

  static read(json: JsonValue): CharDelimiterSplit {
    return new CharDelimiterSplit(readCharacter(json.get('delimiter')));
  }

  split(pieces: Pieces): Pieces {
    return splitAtString(pieces, this.delimiter, 'Removed', false);
  }

  toJSON() {
    return { type: 'CharDelimiterSplit', delimiter: this.delimiter };
  }
}

/** Pieces of so many characters; the last may be shorter. */
export class FixedLength implements PreTokenizer {
  constructor(readonly length = 5) {}

  static read(json: JsonValue): FixedLength {
    return new FixedLength(json.get('length').or((length) => length.integer(1), 5));
  }

  split(pieces: Pieces): Pieces {
    const { text } = pieces.text;
    const bounds: number[] = [];
    for (let i = 0; i < pieces.bounds.length; i += 2) {
      const end = pieces.bounds[i + 1];
      let count = 0;
      let start = pieces.bounds[i];
      for (let at = start; at < end;) {
        at += codeAt(text, at) > 0xffff ? 2 : 1;
        if (++count < this.length && at < end) continue;
        bounds.push(start, at);
        start = at;
        count = 0;
      }
    }
    return { ...pieces, bounds };
  }

  toJSON() {
    return { type: 'FixedLength', length: this.length };
  }
}

/** A string of one character. */
export function readCharacter(json: JsonValue): string {
  const text = json.string();
  if (!isCharacter(text)) throw json.error(`expected one character, got ${JSON.stringify(text.slice(0, 20))}`);
  return text;
}

const isCharacter = (text: string): boolean => text !== '' && text.length === widthAt(text, 0);

/** @throws TokenizerError unless `text` is one character. */
export function checkCharacter(what: string, text: string): string {
  if (isCharacter(text)) return text;
  throw new TokenizerError('invalid-option', `${what} is ${JSON.stringify(text)}, expected one character`);
}
