import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { DataFormatError, parseColumns, parseLabelledLines } from './index';

describe('parseColumns', () => {
  test('reads sentences of tokens and labels, parted by tabs or spaces, documents and blank lines', () => {
    const text = '-DOCSTART- O\n\nEU B-ORG\nNew York\tB-LOC\n\n\n \nlamb  O\r\n-DOCSTART- -X- O O\nx O';
    expect(parseColumns(text)).toEqual([
      { tokens: ['EU', 'New York'], labels: ['B-ORG', 'B-LOC'], line: 3 },
      { tokens: ['lamb'], labels: ['O'], line: 8 },
      { tokens: ['x'], labels: ['O'], line: 10 },
    ]);
  });

  test('a token with many spaces is read at once', () => {
    const token = `a${' '.repeat(500_000)}b`;
    expect(parseColumns(` ${token} \t O `)).toEqual([{ tokens: [token], labels: ['O'], line: 1 }]);
  });

  test('only the first line may begin with a byte order mark: in bytes as in a string', () => {
    const text = '\uFEFFa O\n\uFEFFb O\n';
    for (const form of [text, new TextEncoder().encode(text)]) {
      expect(parseColumns(form)[0].tokens).toEqual(['a', '\uFEFFb']);
    }
  });

  test('what is written is read', () => {
    const cell = fc.string({ unit: 'grapheme', minLength: 1 }).filter((s) => !/[\t\n\r\0 \uFEFF]|^-DOCSTART-$/.test(s));
    const sentence = fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(sentence, { minLength: 1, maxLength: 5 }), fc.constantFrom('\t', ' '), (sentences, sign) => {
        const text = sentences.map((rows) => rows.map((row) => `${row.join(sign)}\n`).join('')).join('\n');
        expect(
          parseColumns(new TextEncoder().encode(text)).map(({ tokens, labels }) =>
            tokens.map((t, i) => [t, labels[i]]),
          ),
        ).toEqual(sentences);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test.each<[string, string | Uint8Array, string]>([
    ['nothing', '\n', 'there are no sentences in it'],
    ['one column', 'a O\nb\n', 'line 2: expected token<TAB>label or token label, got 1 column'],
    [
      'four columns',
      'EU NNP B-NP B-ORG\n',
      'line 1: expected token<TAB>label or token label, got 4 columns; keep the token',
    ],
    ['a label without a token', '\tO\n', 'line 1: its token is empty; fill it in or remove the line'],
    ['a token without a label', 'a\t\n', 'line 1: its label is empty; fill it in or remove the line'],
    ['Latin-1', Uint8Array.of(0xe4, 9, 0x4f), 'line 1: it is not UTF-8; convert the file (such as with iconv'],
    ['UTF-16', Uint8Array.of(0xff, 0xfe, 9, 0), 'it is encoded in UTF-16; convert it to UTF-8'],
  ])('says which line is wrong: %s', (_, text, message) => {
    expect(() => parseColumns(text)).toThrow(DataFormatError);
    expect(() => parseColumns(text, { name: 'dev.tsv' })).toThrow(`dev.tsv: ${message}`);
  });
});

describe('parseLabelledLines', () => {
  test('reads a label and a text, parted by a tab or by the first space', () => {
    expect(parseLabelledLines('pos\t a b \r\nneg\tc')).toEqual([
      { label: 'pos', text: 'a b', line: 1 },
      { label: 'neg', text: 'c', line: 2 },
    ]);
    expect(parseLabelledLines('0 Who was Galileo ?\n1 a\tb\n', { separator: 'space' })).toEqual([
      { label: '0', text: 'Who was Galileo ?', line: 1 },
      { label: '1', text: 'a\tb', line: 2 },
    ]);
  });

  test('reads Latin-1 if told so', () => {
    const bytes = Uint8Array.of(0x31, 0x20, 0x53, 0xe3, 0x6f, 0x0a);
    expect(parseLabelledLines(bytes, { separator: 'space', encoding: 'latin1' })[0].text).toBe('São');
    expect(() => parseLabelledLines(bytes, { separator: 'space' })).toThrow('line 1: it is not UTF-8');
  });

  test.each<[string, string, 'tab' | 'space', string]>([
    ['nothing', '', 'tab', 'there are no examples in it'],
    [
      'no tab',
      'a\tb\n1 text',
      'tab',
      "line 2: expected label<TAB>text, got no tab; if a space ends the label, say separator: 'space'",
    ],
    ['no space', '1', 'space', 'line 1: expected label text, got no space'],
    ['three columns', '1\ta\tb', 'tab', 'line 1: expected label<TAB>text, got 3 columns; keep two (cut -f 1,2)'],
    ['an empty line', '1\ta\n\n2\tb', 'tab', 'line 2: expected label<TAB>text, got an empty line; remove it'],
    ['an empty label', '\ta', 'tab', 'line 1: its label is empty; fill it in or remove the line'],
    ['an empty text', '1\t ', 'tab', 'line 1: its text is empty; fill it in or remove the line'],
  ])('says which line is wrong: %s', (_, text, separator, message) => {
    expect(() => parseLabelledLines(text, { separator })).toThrow(DataFormatError);
    expect(() => parseLabelledLines(text, { separator, name: 'a.txt' })).toThrow(`a.txt: ${message}`);
  });
});
