import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import golden from '../../test/goldens/pieces.json';
import { TokenizerError } from '../error';
import { JsonValue } from '../json';
import { AlignedText } from '../text/aligned-text';
import { onePiece, type Pieces } from '../text/pieces';
import { fullKit } from '../full-kit';
import { ByteLevel, materializeBytes, splitAsGpt2 } from './byte-level';
import { readPreTokenizer } from './read';

const read = (json: unknown) => readPreTokenizer(new JsonValue(json, 'pre_tokenizer', fullKit));

/** Entry i: code points before UTF-16 unit i. */
function codePoints(text: string): number[] {
  const counts: number[] = [];
  let count = 0;
  for (const character of text) {
    for (let i = 0; i < character.length; i++) counts.push(count);
    count++;
  }
  return [...counts, count];
}

/** Pieces as the golden file has them: offsets in code points, and texts where they are not those of the original. */
function written(original: string, pieces: Pieces): string {
  const { text, bounds } = materializeBytes(pieces);
  const counts = codePoints(original);
  const offsets: number[] = [];
  const texts: string[] = [];
  let plain = true;
  for (let i = 0; i < bounds.length; i += 2) {
    const [start, end] = [text.startOf(bounds[i]), text.endOf(bounds[i + 1] - 1)];
    offsets.push(counts[start], counts[end]);
    texts.push(text.text.slice(bounds[i], bounds[i + 1]));
    if (texts.at(-1) !== original.slice(start, end)) plain = false;
  }
  return plain ? offsets.join(' ') : [offsets.join(' '), ...texts].join('\u241e');
}

describe('pre-tokenizers', () => {
  it.each(golden.cases.map(({ json, pieces }) => [JSON.stringify(json).slice(0, 150), json, pieces] as const))(
    'cut as those of the Rust library: %s',
    (_, json, pieces) => {
      const preTokenizer = read(json);
      expect(JSON.stringify(preTokenizer)).toBe(JSON.stringify(json));
      for (const [i, text] of golden.texts.entries()) {
        expect(written(text, preTokenizer.split(onePiece(AlignedText.of(text)))), text).toBe(pieces[i]);
      }
    },
  );

  it('give pieces in order that are not empty and cut no character', () => {
    const preTokenizers = golden.cases.map(({ json }) => read(json));
    const characters = fc.oneof(
      fc.constantFrom(' ', '\n', "'", 's', '1', 'é', '😀', '▁', 'ー', '\u200d'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    );
    fc.assert(
      fc.property(fc.array(characters, { maxLength: 30 }), fc.constantFrom(...preTokenizers), (parts, preTokenizer) => {
        const text = parts.join('');
        const { text: aligned, bounds } = preTokenizer.split(onePiece(AlignedText.of(text)));
        let last = 0;
        for (let i = 0; i < bounds.length; i += 2) {
          expect(bounds[i]).toBeGreaterThanOrEqual(last);
          expect(bounds[i + 1]).toBeGreaterThan(bounds[i]);
          expect(aligned.text.slice(bounds[i], bounds[i + 1])).not.toMatch(/\p{Cs}/u);
          last = bounds[i + 1];
        }
        expect(last).toBeLessThanOrEqual(aligned.text.length);
      }),
      { seed: 1, numRuns: 3000 },
    );
  });

  it('leave a text whole that none cuts', () => {
    expect(read({ type: 'Sequence', pretokenizers: [] }).split(onePiece(AlignedText.of('a b'))).bounds).toEqual([0, 3]);
  });

  it('read what old files hold', () => {
    const metaspace = (options: object) => read({ type: 'Metaspace', replacement: '▁', ...options }).toJSON();
    expect(metaspace({ str_rep: '▁', add_prefix_space: true })).toMatchObject({
      prepend_scheme: 'always',
      split: true,
    });
    expect(metaspace({ add_prefix_space: false })).toMatchObject({ prepend_scheme: 'never' });
    expect(read({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true }).toJSON()).toMatchObject({
      use_regex: true,
    });
    expect(read({ type: 'Punctuation' }).toJSON()).toEqual({ type: 'Punctuation', behavior: 'Isolated' });
  });

  it.each([
    [{ type: 'toString' }, /^pre_tokenizer.type: "toString" is not known; known are BertPreTokenizer, ByteLevel, /],
    [{}, /pre_tokenizer.type: expected a string, got nothing/],
    [null, /pre_tokenizer: expected an object/],
    [{ type: 'ByteLevel' }, /add_prefix_space: expected true or false/],
    [{ type: 'Digits', individual_digits: 1 }, /individual_digits: expected true or false, got 1/],
    [{ type: 'Metaspace', replacement: 'ab' }, /replacement: expected one character, got "ab"/],
    [{ type: 'Metaspace', replacement: '_', prepend_scheme: 'first', add_prefix_space: false }, /does not go with/],
    [{ type: 'CharDelimiterSplit', delimiter: '' }, /delimiter: expected one character/],
    [{ type: 'FixedLength', length: 0 }, /length: expected a whole number from 1/],
    [{ type: 'Split', pattern: { Regex: '(' }, behavior: 'Isolated', invert: false }, /pattern.Regex: at 0: /],
    [{ type: 'Split', pattern: 'a', behavior: 'Isolated', invert: false }, /pattern: expected an object/],
    [{ type: 'Split', pattern: { String: 'a' }, behavior: 'Kept', invert: false }, /behavior: expected one of Removed/],
    [{ type: 'Sequence', pretokenizers: [{ type: 'Digit' }] }, /pretokenizers\[0\].type: "Digit" is not known/],
  ])('refuse %j', (json, message) => {
    expect(() => read(json)).toThrow(TokenizerError);
    expect(() => read(json)).toThrow(message);
  });

  it('refuse sequences in sequences without end', () => {
    let json: unknown = { type: 'Whitespace' };
    for (let i = 0; i < 10_000; i++) json = { type: 'Sequence', pretokenizers: [json] };
    expect(() => read(json)).toThrow(/nested too deep/);
  });
});

describe('ByteLevel', () => {
  const pattern = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
  const split = read({ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false });

  it('cuts as the pattern of GPT-2 does', () => {
    const parts = fc.oneof(
      fc.constantFrom(
        "'",
        "'ll",
        "'re",
        "'s",
        ' ',
        '  ',
        '\n',
        '\u00a0',
        '\u0085',
        '\ufeff',
        'a',
        '1',
        '²',
        '.',
        '😀',
        '𝔾',
      ),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 2 }),
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 20 }), (texts) => {
        const text = texts.join('');
        const bounds: number[] = [];
        splitAsGpt2(text, 0, text.length, bounds);
        expect(bounds).toEqual(split.split(onePiece(AlignedText.of(text))).bounds);
      }),
      { seed: 2, numRuns: 5000 },
    );
  });

  it('keeps the text and asks for bytes', () => {
    const pieces = new ByteLevel({ addPrefixSpace: false }).split(onePiece(AlignedText.of('é b')));
    expect(pieces).toMatchObject({ text: { text: 'é b' }, byteLevel: true, bounds: [0, 1, 1, 3] });
    expect(materializeBytes(pieces)).toMatchObject({ text: { text: 'Ã©Ġb' }, byteLevel: false, bounds: [0, 2, 2, 4] });
  });
});
