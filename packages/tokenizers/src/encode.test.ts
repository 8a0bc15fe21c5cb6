import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import goldens from '../test/goldens/encodings.json';
import * as encode from './encode';
import { fullKit } from './full-kit';
import { readTokenizer } from './index';
import { JsonValue } from './json';
import { compilePattern } from './regex';
import { compileKnownPattern, knownPatterns } from './regex/known-patterns';

const shapes = goldens.goldens as unknown as {
  name: string;
  tokenizer: { model: { type: string } };
  cases: { text?: string | string[] }[];
}[];
const kits = { BPE: encode.bpe, Unigram: encode.unigram, WordLevel: encode.wordLevel, WordPiece: encode.wordPiece };

const special: Record<string, typeof encode.bpe> = { roberta: encode.roberta, llama: encode.sentencePieceBpe };

describe('the entry that only encodes', () => {
  // Words between white space are no pieces of the BPE models in use.
  const usual = shapes.filter(({ name }) => !name.startsWith('affixes'));

  it.each(usual)('reads $name, and encodes as the whole library', ({ name, tokenizer: json, cases }) => {
    const kit = special[name] ?? kits[json.model.type as keyof typeof kits];
    const small = encode.readTokenizer(json, kit);
    const whole = readTokenizer(json);
    const texts = cases.map(({ text }) => text).filter((text) => text !== undefined);
    expect(texts.map((text) => small.encode(text).tokens)).toEqual(texts.map((text) => whole.encode(text).tokens));
    expect(JSON.parse(JSON.stringify(small))).toEqual(json);
  });

  it('says what it has not', () => {
    const { tokenizer: json } = shapes[0];
    expect(() => encode.readTokenizer(json, encode.unigram)).toThrow(
      /^tokenizer\.json\.pre_tokenizer\.type: "ByteLevel" is not known; known are .*, or import readTokenizer from @qkv\/tokenizers$|^tokenizer\.json\.model\.type: "BPE" is not known; known are Unigram, or import/,
    );
    expect(() => encode.readTokenizer(json, encode.bpe).decode([1])).toThrow(
      /does not decode, or import readTokenizer/,
    );
    const split = { type: 'Split', pattern: { Regex: 'a|b' }, behavior: 'Isolated', invert: false };
    expect(() => encode.readTokenizer({ ...json, pre_tokenizer: split }, encode.bpe)).toThrow(
      /pattern\.Regex: this pattern is not known here/,
    );
  });

  const pattern = (value: object) => new JsonValue(value, 'pattern', fullKit);
  const matches = (regex: RegExp, text: string) =>
    Array.from(text.matchAll(regex), ({ 0: match, index }) => [index, match]);

  it.each(knownPatterns)('matches %s as the parser of any pattern does', (source) => {
    const known = compileKnownPattern(pattern({ Regex: source }));
    const parsed = compilePattern(pattern({ Regex: source }));
    const anyText = fc
      .array(
        fc.oneof(
          fc.constantFrom(
            "'s",
            "'LL",
            "'ſ",
            "I'm",
            ' ',
            '  ',
            '\n',
            '\r\n',
            '/',
            '123',
            'Ab',
            'é',
            '书',
            '\u0085',
            '\ufeff',
            '\u088f',
          ),
          fc.string({ unit: 'binary', minLength: 1, maxLength: 2 }),
        ),
        { maxLength: 12 },
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(anyText, (text) => {
        expect(matches(known, text)).toEqual(matches(parsed, text));
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('takes any literal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (literal) => {
        expect(matches(compileKnownPattern(pattern({ String: literal })), `a${literal}b`)).toEqual(
          matches(compilePattern(pattern({ String: literal })), `a${literal}b`),
        );
      }),
      { seed: 2, numRuns: 300 },
    );
  });
});
