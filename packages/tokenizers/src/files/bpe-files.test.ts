import { describe, expect, it } from 'vitest';

import { fileFailure, golden, seeded, succeeds, throughText } from '../../test/files';
import { TokenizerError } from '../error';
import { bpeFilesToTokenizerJson, readBpeFiles, writeBpeFiles } from './bpe-files';

const { vocab, merges } = golden.bpeFiles;
const small = { vocab: '{"a": 0, "b": 1, "ab": 2, "c": 3, "abc": 4}', merges: '#version: 0.2\na b\nab c\n' };

describe('vocab.json and merges.txt', () => {
  it('are read and written', () => {
    const files = readBpeFiles(small.vocab, small.merges);
    expect([...files.vocab]).toEqual([
      ['a', 0],
      ['b', 1],
      ['ab', 2],
      ['c', 3],
      ['abc', 4],
    ]);
    expect(files.merges).toEqual([
      ['a', 'b'],
      ['ab', 'c'],
    ]);
    const written = writeBpeFiles(readBpeFiles(vocab, merges));
    expect(written.merges).toBe(merges);
    expect(JSON.parse(written.vocab)).toEqual(JSON.parse(vocab));
  });

  it('may have other ends of lines, a mark at the start, no version, no merges', () => {
    const files = readBpeFiles(small.vocab, small.merges);
    const windows = (text: string): string => `\ufeff${text.replaceAll('\n', '\r\n')}\r\n`;
    expect(readBpeFiles(windows(small.vocab), windows(small.merges))).toEqual(files);
    expect(readBpeFiles(small.vocab, 'a b\nab c').merges).toEqual(files.merges);
    expect(readBpeFiles(small.vocab, '').merges).toEqual([]);
    expect(readBpeFiles('{"#": 0, "##": 1, "__proto__": 2}', '# #').vocab.get('__proto__')).toBe(2);
  });

  it('become the tokenizer.json that transformers makes of them', () => {
    const files = readBpeFiles(vocab, merges);
    expect(throughText(bpeFilesToTokenizerJson(files, { style: 'gpt2' }))).toEqual(golden.bpeFiles.gpt2);
    const roberta = bpeFilesToTokenizerJson(files, { style: 'roberta', addPrefixSpace: true });
    expect(throughText(roberta)).toEqual(golden.bpeFiles.roberta);
  });
});

describe('bad files', () => {
  it.each<[string, string, string, RegExp]>([
    ['nothing', '', '', /^vocab\.json: the file is empty/u],
    ['a page', '<html>', '', /^vocab\.json: this is a page of HTML/u],
    [
      'a Git LFS pointer',
      small.vocab,
      'version https://git-lfs.github.com/spec/v1\n',
      /^merges\.txt: this is a Git LFS pointer/u,
    ],
    ['gzip', small.vocab, '\x1f\ufffd', /^merges\.txt: this is compressed/u],
    ['what is cut off', '{"a": 0,\n"b"', '', /^vocab\.json, line 2: this is not JSON, or it was cut off/u],
    ['an array', '["a"]', '', /expected an object of tokens and their ids/u],
    ['null', 'null', '', /expected an object of tokens/u],
    ['no tokens', '{}', '', /there are no tokens/u],
    [
      'another JSON file',
      '{"model": {"type": "BPE"}}',
      '',
      /the id of "model" is of type object.*another JSON file\?/u,
    ],
    ['half an id', '{"a": 0.5}', '', /the id of "a" is 0\.5, expected a whole number from 0 to 2147483647/u],
    ['a negative id', '{"a": -1}', '', /the id of "a" is -1/u],
    ['an id of 4e9', '{"a": 4e9}', '', /the id of "a" is 4000000000/u],
    ['an id as text', '{"a": "0"}', '', /the id of "a" is of type string/u],
    ['an id twice', '{"a": 1, "b": 1}', '', /tokens "a" and "b" both have id 1/u],
    [
      'three tokens',
      small.vocab,
      '#version: 0.2\na b\na b c\n',
      /^merges\.txt, line 3: expected two tokens with one space/u,
    ],
    ['two spaces', small.vocab, 'a  b', /line 1: expected two tokens with one space between, got "aU\+0020U\+0020b"/u],
    ['a line that is empty', small.vocab, 'a b\n\nab c', /line 2: expected two tokens with one space between, got ""/u],
    ['one token', small.vocab, 'a', /line 1: expected two tokens/u],
    [
      'a token that is not there',
      small.vocab,
      'a b\nb x',
      /line 2: the merge "bU\+0020x" needs the token "x", which vocab/u,
    ],
    [
      'a result that is not there',
      small.vocab,
      'b c',
      /line 1: .* needs the token "bc", which vocab\.json does not hold/u,
    ],
    ['a merge twice', small.vocab, 'a b\nab c\na b', /line 3: "aU\+0020b" stands on line 1 as well/u],
  ])('say what is wrong: %s', (_, vocabText, mergesText, message) => {
    expect(fileFailure(() => readBpeFiles(vocabText, mergesText))).toMatch(message);
  });

  it('are refused where they cannot be of the style', () => {
    const files = readBpeFiles(small.vocab, small.merges);
    expect(fileFailure(() => bpeFilesToTokenizerJson(files, { style: 'roberta' }))).toMatch(/there is no <\/s>/u);
    expect(() => bpeFilesToTokenizerJson(files, { style: 'bert' as 'gpt2' })).toThrow(TokenizerError);
    expect(fileFailure(() => writeBpeFiles({ ...files, merges: [['a', ' b']] }))).toMatch(
      /merge 0: "a" and "U\+0020b" cannot be/u,
    );
  });

  it('are read or refused, whatever was changed in them', () => {
    const random = seeded(4);
    const below = (n: number): number => Math.floor(random() * n);
    const odd = [
      '\n',
      ' ',
      '"',
      ':',
      ',',
      '{',
      '}',
      '0',
      '9',
      'a',
      'b',
      'c',
      '\r',
      '\ufeff',
      '\0',
      '😀',
      '-',
      '.',
      'e9',
      '\\',
    ];
    const change = (text: string): string => {
      const at = below(text.length);
      return text.slice(0, at) + (below(3) === 0 ? '' : odd[below(odd.length)]) + text.slice(at + below(3));
    };
    let read = 0;
    for (let run = 0; run < 20_000; run++) {
      const files = run % 2 === 0 ? [change(small.vocab), small.merges] : [small.vocab, change(change(small.merges))];
      if (!succeeds(() => readBpeFiles(files[0], files[1]))) continue;
      read++;
      const result = readBpeFiles(files[0], files[1]);
      const written = writeBpeFiles(result);
      expect(readBpeFiles(written.vocab, written.merges).merges).toEqual(result.merges);
    }
    expect(read).toBeGreaterThan(100);
  }, 30_000);
});
