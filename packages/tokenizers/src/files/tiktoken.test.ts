import { describe, expect, it } from 'vitest';

import { fileFailure, golden, seeded, succeeds, throughText } from '../../test/files';
import { byteToChar } from '../bytes';
import { fromBinary } from './byte-alphabet';
import { readTiktoken, tiktokenToTokenizerJson, writeTiktoken } from './tiktoken';
import { tiktokenPresets } from './tiktoken-presets';
import type { BpeJSON } from './tokenizer-json';

const { file, pattern } = golden.tiktoken;
const bytes = new Map(byteToChar.map((character, byte) => [character, byte]));

describe('a tiktoken file', () => {
  it('is read and written', () => {
    const ranks = readTiktoken(file);
    expect(ranks.get('Ġthe')).toBe(
      Buffer.from(file)
        .toString()
        .split('\n')
        .indexOf(`${btoa(' the')} ${ranks.get('Ġthe')}`),
    );
    expect(writeTiktoken(ranks)).toBe(file);
    expect(readTiktoken(`\ufeff${file.replaceAll('\n', '\r\n')}\r\n\r\n`)).toEqual(ranks);
  });

  it('becomes the tokenizer.json that transformers makes of it', () => {
    expect(throughText(tiktokenToTokenizerJson(readTiktoken(file), { pattern }))).toEqual(golden.tiktoken.json);
  });

  it('has special tokens, in the vocabulary as well', () => {
    const json = tiktokenToTokenizerJson(bytes, { pattern, specialTokens: { '<b>': 300, '<a>': 256 } });
    expect(json.added_tokens.map(({ id, content, special }) => [id, content, special])).toEqual([
      [256, '<a>', true],
      [300, '<b>', true],
    ]);
    expect((json.model as BpeJSON).vocab).toMatchObject({ '!': 33, '<a>': 256, '<b>': 300 });
  });

  it('may leave out ranks that are special tokens, as p50k_base does', () => {
    const ranks = new Map([...bytes, ['ab', 257]]);
    const json = tiktokenToTokenizerJson(ranks, { pattern, specialTokens: { '<e>': 256 } });
    expect((json.model as BpeJSON).merges).toEqual([['a', 'b']]);
    expect(fileFailure(() => tiktokenToTokenizerJson(ranks, { pattern }))).toMatch(
      /id 256 has no token: a line is missing/u,
    );
  });

  it('keeps a token that is a name of objects', () => {
    const ranks = new Map([...bytes, ['__proto__', 256]]);
    expect(JSON.stringify(tiktokenToTokenizerJson(ranks, { pattern }))).toContain('"__proto__":256');
  });

  it('of 200,000 tokens is read in about a second', () => {
    const random = seeded(2);
    const ranks = new Map(bytes);
    while (ranks.size < 200_000) {
      const length = 2 + Math.floor(random() * 8);
      const token = fromBinary(String.fromCharCode(...Array.from({ length }, () => Math.floor(97 + random() * 8))));
      if (!ranks.has(token)) ranks.set(token, ranks.size);
    }
    const text = writeTiktoken(ranks);
    // With a step that is quadratic this takes minutes, longer than the test may.
    expect(Object.keys(tiktokenToTokenizerJson(readTiktoken(text), { pattern }).model.vocab).length).toBe(ranks.size);
  }, 60_000);

  it.each(Object.entries(tiktokenPresets))('has a pattern that cuts as %s does', (name, preset) => {
    const pieces = (text: string): string[] => {
      // JavaScript has no flags in a group.
      const source = preset.pattern.replace(
        /\(\?i:([^)]*)\)/gu,
        (_, group: string) => `(?:${group.replace(/[a-z]/gu, (c) => `[${c}${c.toUpperCase()}]`)})`,
      );
      return text.match(new RegExp(source, 'gu')) ?? [];
    };
    const text = "I'LL see  12345 caféS\n\n ok";
    expect(pieces(text).join('')).toBe(text);
    expect(pieces(text)).toEqual(
      name.startsWith('o200k')
        ? ["I'LL", ' see', ' ', ' ', '123', '45', ' café', 'S', '\n\n', ' ok']
        : name.startsWith('cl100k')
          ? ['I', "'LL", ' see', ' ', ' ', '123', '45', ' caféS', '\n\n', ' ok']
          : ['I', "'", 'LL', ' see', ' ', ' 12345', ' caféS', '\n\n', ' ok'],
    );
  });
});

describe('a bad tiktoken file', () => {
  it.each<[string, string, RegExp]>([
    ['nothing', '', /the file is empty/u],
    ['only lines', '\n\n', /there are no tokens/u],
    ['gzip', '\x1f\ufffd\x08', /compressed/u],
    ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\n', /Git LFS pointer/u],
    ['a page', '<!doctype html>', /a page of HTML/u],
    ['no rank', 'YQ== 0\nYg==\n', /line 2: expected a token in base64, a space and its rank, got "Yg=="/u],
    ['no token', ' 0', /line 1: expected a token/u],
    ['what is not base64', 'YQ== 0\nY!== 1', /line 2: expected a token in base64/u],
    ['base64 of a wrong length', 'YQ= 0', /line 1: expected a token in base64/u],
    ['two spaces', 'YQ==  0', /line 1: the rank is "U\+00200", expected a whole number/u],
    ['half a rank', 'YQ== 0.5', /the rank is "0\.5", expected a whole number from 0 to 2147483647/u],
    ['a negative rank', 'YQ== -1', /the rank is "-1"/u],
    ['a rank of 4e9', 'YQ== 4000000000', /the rank is "4000000000"/u],
    ['a rank twice', 'YQ== 0\nYg== 0', /line 2: rank 0 stands on line 1 as well/u],
    ['a token twice', 'YQ== 0\n\nYQ== 1', /line 3: token "a" stands on line 1 as well/u],
  ])('says what is wrong: %s', (_, text, message) => {
    expect(fileFailure(() => readTiktoken(text))).toMatch(message);
  });

  it.each<[string, [string, number][], Record<string, number>, RegExp]>([
    ['a missing byte', [...bytes].slice(1), {}, /byte 0 has no token/u],
    ['a gap', [...bytes, ['ab', 2 ** 31 - 1]], {}, /id 256 has no token/u],
    ['an id twice', [...bytes], { '<a>': 5 }, /tokens "ą" and "<a>" both have id 5/u],
    ['half an id', [...bytes], { '<a>': 300.5 }, /token "<a>" has the id 300\.5/u],
    ['an id of 4e9', [...bytes], { '<a>': 4e9 }, /token "<a>" has the id 4000000000/u],
    ['a special token that is ordinary', [...bytes], { a: 256 }, /the special token "a" is an ordinary token too/u],
    ['an empty special token', [...bytes], { '': 256 }, /is empty; rename it/u],
  ])('cannot become a tokenizer.json: %s', (_, ranks, specialTokens, message) => {
    expect(fileFailure(() => tiktokenToTokenizerJson(new Map(ranks), { pattern, specialTokens }))).toMatch(message);
  });

  it('cannot be written of tokens that are not bytes', () => {
    expect(fileFailure(() => writeTiktoken(new Map([['中', 0]])))).toMatch(/token "中" is not in GPT-2's alphabet/u);
  });

  it('is read or refused with its line, whatever was changed in it', () => {
    const random = seeded(3);
    const below = (n: number): number => Math.floor(random() * n);
    const lines = file.split('\n').slice(0, 12).join('\n');
    const odd = ['\n', ' ', '=', '0', '9', 'A', '\r', '\ufeff', '\0', 'é', '😀', '-', '.', '<', '999999999999'];
    let read = 0;
    for (let run = 0; run < 20_000; run++) {
      let text = lines;
      for (let changes = 1 + below(3); changes > 0; changes--) {
        const at = below(text.length);
        text = text.slice(0, at) + (below(3) === 0 ? '' : odd[below(odd.length)]) + text.slice(at + below(3));
      }
      if (!succeeds(() => readTiktoken(text))) continue;
      read++;
      const ranks = readTiktoken(text);
      expect(new Map([...readTiktoken(writeTiktoken(ranks))].sort())).toEqual(new Map([...ranks].sort()));
    }
    expect(read).toBeGreaterThan(100);
  }, 30_000);
});
