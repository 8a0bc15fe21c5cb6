import { describe, expect, it } from 'vitest';

import { fileFailure, golden, seeded, succeeds, throughText } from '../../test/files';
import { readWordPieceFile, wordPieceToTokenizerJson, writeWordPieceFile } from './wordpiece-file';

const { vocab, uncased, cased } = golden.wordPiece;

describe('vocab.txt', () => {
  it('is read and written', () => {
    const read = readWordPieceFile(vocab);
    expect([...read.keys()].slice(0, 5)).toEqual(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']);
    expect(writeWordPieceFile(read)).toBe(vocab);
    expect(readWordPieceFile(`\ufeff${vocab.replaceAll('\n', '\r\n')}\r\n`)).toEqual(read);
    expect([...readWordPieceFile('a\n__proto__\n\u2028\n b')]).toEqual([
      ['a', 0],
      ['__proto__', 1],
      ['\u2028', 2],
      [' b', 3],
    ]);
  });

  it('becomes the tokenizer.json that transformers makes of it', () => {
    const read = readWordPieceFile(vocab);
    expect(throughText(wordPieceToTokenizerJson(read))).toEqual(uncased);
    const options = { lowercase: false, stripAccents: false, handleChineseChars: false };
    expect(throughText(wordPieceToTokenizerJson(read, options))).toEqual(cased);
  });

  it.each<[string, string, RegExp]>([
    ['nothing', '', /the file is empty/u],
    ['only lines', '\n\n', /there are no tokens/u],
    ['gzip', '\x1f\ufffd', /compressed/u],
    ['a page', '<!DOCTYPE html>\n<html>', /a page of HTML/u],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid', /Git LFS pointer/u],
    ['a token twice', 'a\nb\na\n', /^vocab\.txt, line 3: "a" stands on line 1 as well; rename one/u],
    ['an empty line', 'a\n\nb\n', /^vocab\.txt, line 2: the line is empty/u],
  ])('is refused with its line: %s', (_, text, message) => {
    expect(fileFailure(() => readWordPieceFile(text))).toMatch(message);
  });

  it('is refused where BERT cannot be made of it, or it cannot be written', () => {
    const without = readWordPieceFile('[UNK]\n[CLS]\na');
    expect(fileFailure(() => wordPieceToTokenizerJson(without))).toMatch(/there is no \[SEP\]/u);
    expect(fileFailure(() => writeWordPieceFile(new Map([['a', 1]])))).toMatch(
      /ids must run from 0 to 0, but "a" has 1/u,
    );
    expect(fileFailure(() => writeWordPieceFile(new Map([['a\n', 0]])))).toMatch(
      /line 1: token "aU\+000A" is not one line/u,
    );
  });

  it('is read or refused, whatever was changed in it', () => {
    const random = seeded(5);
    const below = (n: number): number => Math.floor(random() * n);
    const odd = ['\n', ' ', '#', 'a', '\r', '\ufeff', '\0', '😀', '\ud800'];
    let read = 0;
    for (let run = 0; run < 20_000; run++) {
      let text = '[UNK]\na\nb\n##a\n[CLS]\n[SEP]\n';
      for (let changes = 1 + below(3); changes > 0; changes--) {
        const at = below(text.length);
        text = text.slice(0, at) + (below(3) === 0 ? '' : odd[below(odd.length)]) + text.slice(at + below(3));
      }
      if (!succeeds(() => readWordPieceFile(text))) continue;
      read++;
      const result = readWordPieceFile(text);
      // What a line cannot hold, and what is left out at the start of a file.
      if ([...result.keys()].some((token) => /[\r\ufeff]/u.test(token))) continue;
      expect(readWordPieceFile(writeWordPieceFile(result))).toEqual(result);
    }
    expect(read).toBeGreaterThan(1000);
  }, 30_000);
});
