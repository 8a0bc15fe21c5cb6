import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { PairsError, parsePairs } from './parse-pairs';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

test('reads pairs with their lines, with either line end, a byte order mark and no last line end', () => {
  expect(parsePairs(utf8('\uFEFFa b\tc\r\n ä \t你好\r\nx\ty'))).toEqual([
    { source: 'a b', target: 'c', line: 1 },
    { source: 'ä', target: '你好', line: 2 },
    { source: 'x', target: 'y', line: 3 },
  ]);
});

test('what is written is read', () => {
  const side = fc
    .string({ unit: 'grapheme', minLength: 1 })
    .filter((s) => s.trim() === s && !/[\t\n\r\0\uFEFF]/.test(s) && s !== '');
  fc.assert(
    fc.property(fc.array(fc.tuple(side, side), { minLength: 1 }), (pairs) => {
      const text = pairs.map((pair) => `${pair.join('\t')}\n`).join('');
      expect(parsePairs(utf8(text)).map(({ source, target }) => [source, target])).toEqual(pairs);
    }),
  );
});

describe('says which line is wrong', () => {
  test.each<[string, string | Uint8Array, string]>([
    ['nothing', '', 'there are no pairs in it'],
    ['one column', 'a\tb\nword\n', 'line 2: expected source<TAB>target, got 1 column'],
    ['three columns', 'a\tb\tc\n', 'line 1: expected source<TAB>target, got 3 columns; keep two (cut -f 1,2)'],
    ['an empty line', 'a\tb\n\nc\td\n', 'line 2: expected source<TAB>target, got an empty line'],
    ['an empty source', 'a\tb\n \td\n', 'line 2: its source is empty; fill it in or remove the line'],
    ['an empty target', 'a\t\n', 'line 1: its target is empty; fill it in or remove the line'],
    [
      'Latin-1',
      Uint8Array.of(0x61, 9, 0x62, 10, 0xe4, 9, 0x62, 10),
      'line 2: it is not UTF-8; convert the file (such as with iconv -f LATIN1 -t UTF-8)',
    ],
    [
      'half a character at the end',
      Uint8Array.of(0x61, 9, 0xe4),
      'line 1: it is not UTF-8; convert the file (such as with iconv -f LATIN1 -t UTF-8)',
    ],
    [
      'UTF-16',
      Uint8Array.of(0xff, 0xfe, 0x61, 0),
      'it is encoded in UTF-16; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)',
    ],
    ['a zero byte', 'a\tb\0\n', 'line 1: it has a zero byte: this is not a text file'],
  ])('%s', (_, content, message) => {
    const bytes = typeof content === 'string' ? utf8(content) : content;
    expect(() => parsePairs(bytes)).toThrow(PairsError);
    expect(() => parsePairs(bytes)).toThrow(message);
  });

  test('any bytes give pairs or one such line', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        let error: unknown;
        try {
          if (parsePairs(bytes).length === 0) error = 'no pairs';
        } catch (thrown) {
          error = thrown;
        }
        const isFine = error === undefined || (error instanceof PairsError && !error.message.includes('\n'));
        expect(isFine, String(error)).toBe(true);
      }),
    );
  });
});
