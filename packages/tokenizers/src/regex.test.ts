import { describe, expect, it } from 'vitest';

import golden from '../test/goldens/pieces.json';
import { TokenizerError } from './error';
import { JsonValue } from './json';
import { compilePattern } from './regex';

const compile = (pattern: unknown) => compilePattern(new JsonValue(pattern, 'pattern'));
const matches = (regex: string, text: string) =>
  Array.from(text.matchAll(compile({ Regex: regex })), ([match]) => match);

// Patterns of tokenizers that people use, which matched the Rust library's pieces in the test of Split.
const real = golden.cases.flatMap(({ json }) => (json.pattern?.Regex === undefined ? [] : [json.pattern.Regex]));

const evil = [
  '(a|a)*b',
  '(a|aa)+$',
  '(a|ab|b)*c',
  '(a?){30}a{30}',
  String.raw`(\s*\w+)*:`,
  '(x+x+)+y',
  '(.*a){12}',
  '^(([a-z])+.)+[A-Z]([a-z])+$',
  '(a+){10}b',
  'a*a*a*a*b',
  '.*.*=.*',
  String.raw`(?:\w|\d)+!`,
  String.raw`(\w+\s?)+$`,
  String.raw`\s*\s*\s*x`,
  '(?:a{0,10}){0,10}b',
  String.raw`(?:\r\n|\r|\n)+x`,
  '(?:a|b|[ab])+c',
  '(a+b?)+c',
  '(([a-c]|b)+d?)+e',
  '(?i:(s|ſ)*)x',
  'a?'.repeat(30) + 'a'.repeat(30),
  '(a|a)'.repeat(30) + 'b',
  '(?:(?=a+b)a)+c',
  '(?:(?>a+b|a))+c',
  '(?=(a|a)+b)c',
  '(?>(a|a)+b)c',
  '((a{2,3}){2,3}){2,30}b',
  '(?:(?:a|b)*c?)*d',
  '(a*?)+?b|(a|a)+?b',
];

describe('compilePattern', () => {
  it('takes a literal text as it is', () => {
    expect('a.*[b]\\😀-'.match(compile({ String: '.*[b]\\😀-' }))).toEqual(['.*[b]\\😀-']);
    expect(compile({ String: '' }).test('')).toBe(true);
  });

  it('reads the syntax of Oniguruma', () => {
    expect(matches('a{,2}', 'aaa').filter(Boolean)).toEqual(['aa', 'a']);
    expect(matches('a{1,2}+b', 'aaaab')).toEqual(['aaaab']);
    expect(matches('a?+a', 'aa')).toEqual(['aa']);
    expect(matches('a*+a', 'aa')).toEqual([]);
    expect(matches('a(?i)b|c', 'abC aC aB b c')).toEqual(['ab', 'aC', 'aB']);
    expect(matches("(?i:'s|k)", "'S 'ſ \u212a")).toEqual(["'S", "'ſ", '\u212a']);
    expect(matches('[]a]+[&&a]?', 'a]')).toEqual(['a]']);
    expect(matches(String.raw`[[:alpha:]&&[^a-y]]`, 'az')).toEqual(['z']);
    expect(matches(String.raw`^b$`, 'a\nb\nc')).toEqual(['b']);
  });

  it('matches in time what repeats a thousand times, with any of the real patterns', () => {
    expect(real.length).toBeGreaterThan(20);
    const texts = [' ', '\n', 'a', 'A', '1', '.', "'", ' a', 'aA', ' \n', 'ー', '😀'].map((text) => text.repeat(5000));
    for (const regex of real) {
      const pattern = compile({ Regex: regex });
      // What backtracks without a bound ends with none of these.
      for (const text of texts) expect(text.replace(pattern, '').length, regex).toBeLessThanOrEqual(text.length);
    }
  });

  it.each(evil)('refuses what could take forever: %s', (regex) => {
    expect(() => compile({ Regex: regex })).toThrow(TokenizerError);
    expect(() => compile({ Regex: regex })).toThrow(/can take forever; /);
  });

  it('takes repetitions of which only one can match', () => {
    for (const regex of [
      '(?:a+b)+c',
      '(?:ab|cd?)*e',
      '(a+)+$',
      '(a*)*b',
      String.raw`(?:\r?\n)+x`,
      'a++a*b',
      '(?:ab|ac)+d',
    ]) {
      const pattern = compile({ Regex: regex });
      for (const text of ['a', 'ab', 'abab', 'ac', 'cd', '\r\n']) {
        expect(text.repeat(1000).replace(pattern, '').length, regex).toBeLessThanOrEqual(1000 * text.length);
      }
    }
  });

  it.each([
    ['(', /^pattern.Regex: at 0: group without end; add "\)"$/],
    ['a)', /at 1: "\)" without "\("/],
    ['[a', /at 0: class without end/],
    ['[]', /at 0: empty class/],
    ['a|*', /at 2: nothing to repeat before "\*"/],
    [String.raw`\Ga`, /at 0: \\G is not supported; /],
    [String.raw`(a)\1`, /at 3: \\1 is not supported; write out the text/],
    [String.raw`\p{Foo}`, /at 0: unknown property \\p{Foo}/],
    [String.raw`\xe9`, /at 0: \\xe9 is half a character in UTF-8; write \\x{e9}/],
    [String.raw`\x{110000}`, /is not a character/],
    ['(?P<n>a)', /at 0: group .* is not supported/],
    ['(?W:a)', /at 0: unknown option "W"/],
    ['[z-a]', /a range runs backwards/],
    [String.raw`[\d-a]`, /a hyphen after a class/],
    [String.raw`[a-\d]`, /a range ends in a class/],
    ['[[:foo:]]', /unknown bracket \[:foo:\]/],
    ['a{3,2}', /counts down/],
    ['a{100000}', /repeats too often/],
    ['(?:(?:abc{500}){50}){50}', /too large/],
    ['a\\', /ends too early/],
    ['^*', /a place between characters cannot be repeated/],
    ['('.repeat(5000), /nested too deep/],
    ['['.repeat(5000), /nested too deep/],
  ])('refuses %.40s', (regex, message) => {
    expect(() => compile({ Regex: regex })).toThrow(TokenizerError);
    expect(() => compile({ Regex: regex })).toThrow(message);
  });

  it.each([[null], ['a'], [{}], [{ Regex: 1 }], [{ String: null }]])('refuses %j', (pattern) => {
    expect(() => compile(pattern)).toThrow(TokenizerError);
  });
});
