import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { failure } from '../test/failure';
import { specialIds, Vocabulary, type Unit, type VocabularyJSON } from './index';

// Any UTF-16 at all, half pairs included.
const anyUtf16 = fc
  .array(fc.oneof(fc.constantFrom(0x41, 0x20, 0x0a, 0xd83d, 0xde00, 0xde01, 0xe000, 0xffff), fc.nat(0xffff)), {
    maxLength: 20,
  })
  .map((codes) => String.fromCharCode(...codes));
const anyUnit = fc.constantFrom<Unit>('character', 'word');

const words = ['HELLO', 'HALLO', 'OH'];
const spelling = Vocabulary.train(words, { unit: 'character' });
const phones = Vocabulary.train(['HH AH L OW', 'OW L'], { unit: 'word' });

describe('Vocabulary.train', () => {
  it('puts the special tokens first, then the most frequent, equals by code point', () => {
    expect(spelling.tokens).toEqual(['<pad>', '<start>', '<end>', '<unknown>', 'L', 'H', 'O', 'A', 'E']);
    expect(phones.tokens.slice(4)).toEqual(['L', 'OW', 'AH', 'HH']);
    expect(Vocabulary.train(['\u{1f600}\uffff'], { unit: 'character' }).tokens.slice(4)).toEqual([
      '\uffff',
      '\u{1f600}',
    ]);
    expect(specialIds).toEqual({ pad: 0, start: 1, end: 2, unknown: 3 });
  });

  it('does not depend on the order of the texts', () => {
    fc.assert(
      fc.property(fc.array(anyUtf16), anyUnit, (texts, unit) => {
        const reversed = [...texts].reverse();
        expect(Vocabulary.train(reversed, { unit }).tokens).toEqual(Vocabulary.train(texts, { unit }).tokens);
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it('leaves out rare tokens, and the rarest beyond the size', () => {
    expect(Vocabulary.train(words, { unit: 'character', minFrequency: 3 }).tokens.slice(4)).toEqual(['L', 'H', 'O']);
    expect(Vocabulary.train(words, { unit: 'character', maxSize: 6 }).tokens.slice(4)).toEqual(['L', 'H']);
    expect(Vocabulary.train(words, { unit: 'character', maxSize: 4 }).size).toBe(4);
    expect(Vocabulary.train([], { unit: 'word' }).size).toBe(4);
  });

  it.each([
    [{ unit: 'character', maxSize: 3 }, /maxSize is 3, expected a whole number of at least 4/],
    [{ unit: 'character', minFrequency: 0 }, /minFrequency is 0/],
    [{ unit: 'character', minFrequency: 1.5 }, /minFrequency is 1.5/],
    [{ unit: 'toString' as Unit }, /"toString" is neither "character" nor "word"/],
  ] as const)('refuses %j', (options, message) => {
    expect(failure(() => Vocabulary.train([], options)).message).toMatch(message);
  });

  it('refuses one text in place of several, which would be taken as many short ones', () => {
    expect(failure(() => Vocabulary.train('HELLO', { unit: 'word' })).message).toMatch(/put it in an array/);
  });
});

describe('encode and decode', () => {
  it('give back any text, character by character', () => {
    fc.assert(
      fc.property(anyUtf16, fc.boolean(), fc.boolean(), (text, addStart, addEnd) => {
        const vocabulary = Vocabulary.train([text], { unit: 'character' });
        expect(vocabulary.decode(vocabulary.encode(text, { addStart, addEnd }).ids)).toBe(text);
      }),
      { seed: 2, numRuns: 500 },
    );
  });

  it('give back the words of any text, with single spaces', () => {
    fc.assert(
      fc.property(anyUtf16, (text) => {
        const vocabulary = Vocabulary.train([text], { unit: 'word' });
        expect(vocabulary.decode(vocabulary.encode(text).ids)).toBe(text.split(/\s+/u).filter(Boolean).join(' '));
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  it('describe every token: id, text and place agree', () => {
    fc.assert(
      fc.property(anyUtf16, anyUtf16, anyUnit, fc.boolean(), fc.boolean(), (known, text, unit, addStart, addEnd) => {
        const vocabulary = Vocabulary.train([known], { unit });
        const { ids, tokens, offsets } = vocabulary.encode(text, { addStart, addEnd, onUnknown: 'token' });
        expect(tokens.length).toBe(ids.length);
        const described = offsets.map(([start, end], i) => {
          if (ids[i] === specialIds.start) return [0, 0, '<start>'];
          if (ids[i] === specialIds.end) return [text.length, text.length, '<end>'];
          expect(ids[i]).toBe(vocabulary.idOf(tokens[i]) ?? specialIds.unknown);
          return [start, end, text.slice(start, end)];
        });
        expect(offsets.map(([start, end], i) => [start, end, tokens[i]])).toEqual(described);
        expect([ids[0] === specialIds.start, ids.at(-1) === specialIds.end]).toEqual([addStart, addEnd]);
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  it('never split a surrogate pair', () => {
    const vocabulary = Vocabulary.train(['a😀👍🏽'], { unit: 'character' });
    expect(vocabulary.encode('😀a👍🏽')).toEqual({
      ids: Int32Array.from(['😀', 'a', '👍', '🏽'], (character) => vocabulary.idOf(character)!),
      tokens: ['😀', 'a', '👍', '🏽'],
      offsets: [
        [0, 2],
        [2, 3],
        [3, 5],
        [5, 7],
      ],
    });
    expect(vocabulary.encode('\ud83d', { onUnknown: 'token' }).ids).toEqual(Int32Array.of(3));
  });

  it('take empty text', () => {
    expect(spelling.encode('')).toEqual({ ids: new Int32Array(0), tokens: [], offsets: [] });
    expect([...spelling.encode('', { addStart: true, addEnd: true }).ids]).toEqual([1, 2]);
    expect(spelling.decode([])).toBe('');
  });

  it('show special tokens on request, and UNKNOWN always', () => {
    const ids = [specialIds.start, spelling.idOf('O')!, specialIds.unknown, specialIds.end, specialIds.pad];
    expect(spelling.decode(ids)).toBe('O<unknown>');
    expect(spelling.decode(ids, { skipSpecial: false })).toBe('<start>O<unknown><end><pad>');
  });

  it('never read a special token out of text', () => {
    const vocabulary = Vocabulary.train(['<pad> <end>'], { unit: 'word' });
    expect([...vocabulary.encode('<end> <pad>').ids]).toEqual([4, 5]);
    expect([...vocabulary.encode('<start>', { onUnknown: 'token' }).ids]).toEqual([3]);
    expect(phones.idOf('<pad>')).toBeUndefined();
  });

  it.each([-1, 9, 1.5, NaN])('refuse the id %d', (id) => {
    const error = failure(() => spelling.decode([4, id]));
    expect(error.code).toBe('invalid-id');
    expect(error.message).toMatch(`id ${id} at position 1 is not a whole number from 0 to 8`);
  });
});

describe('the error for unknown tokens', () => {
  it('names them, their places and what is known', () => {
    const error = failure(() => spelling.encode('HÉL 😀'));
    expect(error.code).toBe('unknown-token');
    expect(error.message).toBe(
      'Vocabulary: "HÉLU+0020😀" has 3 characters that are not known: "É" (U+00C9) at 1, "U+0020" at 3, "😀" (U+1F600) at 4; ' +
        "known are 5 characters: A E H L O; change the text, or encode with onUnknown: 'token'",
    );
    expect(error.unknown).toEqual([
      { token: 'É', start: 1, end: 2 },
      { token: ' ', start: 3, end: 4 },
      { token: '😀', start: 4, end: 6 },
    ]);
  });

  it('does so for words', () => {
    expect(failure(() => phones.encode('HH  AX')).message).toMatch(
      /has 1 word that is not known: "AX" at 4; known are 4 words: AH HH L OW;/,
    );
    expect(failure(() => new Vocabulary('word', []).encode('a')).message).toMatch(/known are 0 words; change/);
  });

  it('stays one short line whatever the text', () => {
    fc.assert(
      fc.property(anyUtf16, fc.nat(3), (text, times) => {
        const long = `?${text.repeat(10 ** times)}`;
        const error = failure(() => spelling.encode(long));
        expect(error.message).toMatch(/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]*$/u);
        expect(error.message.length).toBeLessThan(1000);
        expect(error.unknown[0]).toEqual({ token: '?', start: 0, end: 1 });
      }),
      { seed: 5, numRuns: 100 },
    );
  });
});

describe('toJSON and fromJSON', () => {
  it('keep a vocabulary through JSON text, half pairs included', () => {
    fc.assert(
      fc.property(fc.array(anyUtf16, { maxLength: 3 }), anyUnit, (texts, unit) => {
        const vocabulary = Vocabulary.train(texts, { unit });
        const again = Vocabulary.fromJSON(JSON.parse(JSON.stringify(vocabulary)));
        expect([again.unit, again.tokens]).toEqual([vocabulary.unit, vocabulary.tokens]);
      }),
      { seed: 6, numRuns: 100 },
    );
  });

  it.each<[string, unknown, RegExp]>([
    ['null', null, /expected an object/],
    ['text that was not parsed', JSON.stringify(spelling), /parse the JSON text first/],
    ['an array', [], /expected an object/],
    ['another format', { ...spelling.toJSON(), format: 'x' }, /format is "x", expected "qkv.vocabulary"/],
    ['a later version', { ...spelling.toJSON(), version: 2 }, /version is 2, .* reads 1; update it/],
    ['another unit', { ...spelling.toJSON(), unit: 'byte' }, /unit "byte" is neither/],
    ['no tokens', { ...spelling.toJSON(), tokens: undefined }, /tokens is not an array/],
    ['a number as token', { ...spelling.toJSON(), tokens: ['a', 1] }, /token 5, 1, is not one character/],
    ['an empty token', { ...spelling.toJSON(), tokens: [''] }, /token 4, "", is not one character/],
    ['two characters', { ...spelling.toJSON(), tokens: ['ab'] }, /token 4, "ab", is not one character; split it/],
    ['two words', { ...phones.toJSON(), tokens: ['a b'] }, /is not one word/],
    ['a token twice', { ...spelling.toJSON(), tokens: ['a', 'b', 'a'] }, /tokens 4 and 6 are both "a"; remove one/],
    ['an unknown field', { ...spelling.toJSON(), lowercase: true }, /unknown field "lowercase"/],
  ])('refuse %s', (_, json, message) => {
    const error = failure(() => Vocabulary.fromJSON(json));
    expect(error.code).toBe('invalid-vocabulary');
    expect(error.message).toMatch(message);
  });

  it('are of this form, which is on disk', () => {
    expect(phones.toJSON()).toEqual({
      format: 'qkv.vocabulary',
      version: 1,
      unit: 'word',
      tokens: ['L', 'OW', 'AH', 'HH'],
    } satisfies VocabularyJSON);
  });
});
