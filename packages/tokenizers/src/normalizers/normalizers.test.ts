import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { PartJSON } from '../parts';
import { fullKit } from '../full-kit';
import { JsonValue } from '../json';
import { AlignedText } from '../text/aligned-text';
import { readNormalizer } from './read';
import { classesOf, CONTROL, IDEOGRAPH, MARK, NONSPACING_MARK, WHITE_SPACE } from './characters';
import {
  bertNormalizer,
  byteLevel,
  lowercase,
  nfc,
  nfd,
  nfkc,
  nfkd,
  nmt,
  precompiled,
  prepend,
  replace,
  sequence,
  strip,
  stripAccents,
} from './index';

interface Golden {
  readonly normalizers: readonly {
    readonly json: PartJSON;
    /** Text, what became of it, and start and end of the origin of each of its characters, in code points. */
    readonly cases: readonly (readonly [string, string, string])[];
  }[];
  readonly classes: Record<string, string>;
  readonly forms: Record<'NFC' | 'NFD' | 'NFKC' | 'NFKD', string>;
}

const golden = JSON.parse(
  readFileSync(new URL('../../test/goldens/normalizers.json', import.meta.url), 'utf8'),
) as Golden;

const read = (json: unknown) => readNormalizer(new JsonValue(json, 'normalizer', fullKit));

/** Start and end of each character's origin, in code points of the text given. */
function origins(text: AlignedText, given: string): string {
  const before: number[] = [];
  for (const [i, character] of [...given].entries()) before.push(...new Array<number>(character.length).fill(i));
  before.push([...given].length);
  const found: number[] = [];
  let at = 0;
  for (const character of text.text) {
    found.push(before[text.startOf(at)], before[text.endOf(at + character.length - 1)]);
    at += character.length;
  }
  return found.join(' ');
}

describe('the text and its origins are those of the Rust library', () => {
  const brief = (json: PartJSON) => JSON.stringify(json).slice(0, 120);
  it.each(golden.normalizers.map(({ json, cases }) => [brief(json), json, cases] as const))('%s', (_, json, cases) => {
    const normalizer = read(json);
    expect(normalizer.toJSON()).toEqual(json);
    expect(JSON.stringify(normalizer)).toBe(JSON.stringify(json)); // the order of fields too
    for (const [given, text, expected] of cases) {
      const result = normalizer.normalize(AlignedText.of(given));
      expect([given, result.text, origins(result, given)]).toEqual([given, text, expected]);
    }
  });

  it.each([
    ['mark', MARK],
    ['nonspacingMark', NONSPACING_MARK],
    ['control', CONTROL],
    ['whiteSpace', WHITE_SPACE],
    ['ideograph', IDEOGRAPH],
  ] as const)('%s: the same characters in all of Unicode', (name, bit) => {
    expect(rangesOf(bit)).toBe(golden.classes[name]);
  });

  it.each([
    ['NFC', nfc()],
    ['NFD', nfd()],
    ['NFKC', nfkc()],
    ['NFKD', nfkd()],
  ] as const)('%s of every character that it may change', (name, normalizer) => {
    const blocks = [...codePoints()].filter((code) => code < 0x20000 || code >> 11 === 0x2f800 >> 11);
    const characters = blocks.map((code) => String.fromCodePoint(code)).join('\n');
    const text = normalizer.normalize(AlignedText.of(characters)).text;
    expect(createHash('sha256').update(text).digest('hex')).toBe(golden.forms[name]);
  });
});

function* codePoints(): Generator<number> {
  for (let code = 0; code < 0x110000; code++) if (code < 0xd800 || code > 0xdfff) yield code;
}

function rangesOf(bit: number): string {
  const ranges: [number, number][] = [];
  for (const code of codePoints()) {
    if ((classesOf(code) & bit) === 0) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === code - 1) last[1] = code;
    else ranges.push([code, code]);
  }
  const hex = (code: number) => code.toString(16);
  return ranges.map(([a, b]) => (a === b ? hex(a) : `${hex(a)}-${hex(b)}`)).join(' ');
}

describe('any text', () => {
  const character = fc.oneof(
    fc.constantFrom(...'aeAE \r\n\t', 'é', 'ệ', 'İ', 'Σ', '가', 'ﬁ', '我', '😀', '\u200d', '\0', '©'),
    fc.constantFrom('\u0301', '\u0323', '\u0345', '\u0f73', '\u0f71', '\u1161', '\u11a8', '\u3099', '\u1df6'),
    fc
      .integer({ min: 0, max: 0x10ffff })
      .filter((code) => code < 0xd800 || code > 0xdfff)
      .map((code) => String.fromCodePoint(code)),
  );
  const anyText = fc.array(character, { maxLength: 12 }).map((characters) => characters.join(''));
  const charsmap = golden.normalizers.find(({ json }) => json.type === 'Precompiled')!.json;
  const all = [nfc(), nfd(), nfkc(), nfkd(), lowercase(), stripAccents(), strip(), nmt(), byteLevel(), prepend('▁')];
  all.push(bertNormalizer(), replace('e', 'ee'), replace({ Regex: '[a-e]*' }, '-'), read(charsmap));

  it('keeps origins in order, within the text, on whole characters', () => {
    fc.assert(
      fc.property(anyText, fc.array(fc.constantFrom(...all), { maxLength: 3 }), (given, parts) => {
        const result = sequence(parts).normalize(AlignedText.of(given));
        const ends = new Set([0]);
        for (const part of given) ends.add(Math.max(...ends) + part.length);
        for (let i = 0; i < result.text.length; i++) {
          expect(ends).toContain(result.startOf(i));
          expect(ends).toContain(result.endOf(i));
          expect(result.startOf(i)).toBeLessThanOrEqual(result.endOf(i));
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('has the text of JavaScript where both know its characters', () => {
    const known = fc.array(fc.constantFrom(...'aéệﬁ가①\u1100\u1161\u11a8\u0301\u0323\u0345\u3099か'), { maxLength: 9 });
    fc.assert(
      fc.property(known, (characters) => {
        const given = characters.join('');
        for (const [i, form] of ['NFC', 'NFD', 'NFKC', 'NFKD'].entries()) {
          expect(all[i].normalize(AlignedText.of(given)).text).toBe(given.normalize(form));
        }
      }),
      { seed: 2, numRuns: 500 },
    );
  });

  it('that needs no change is given back as it is', () => {
    const text = AlignedText.of('plain text, nothing to do');
    for (const normalizer of [...all.slice(0, 8), bertNormalizer(), replace('\u2581', ' '), sequence([])]) {
      expect(normalizer.normalize(text)).toBe(text);
    }
  });

  // Beyond 256 marks the engine's own normalisation is left, which is quadratic.
  it('with very many marks on one letter has the same form', () => {
    const text = `e${'\u0301\u0323\u0345\u1dce'.repeat(300)} \u1100\u1161${'\u0316\u0301'.repeat(200)}\u11a8`;
    for (const [i, form] of ['NFC', 'NFD', 'NFKC', 'NFKD'].entries()) {
      expect(all[i].normalize(AlignedText.of(text)).text).toBe(text.normalize(form));
    }
  });

  it('is normalised whatever is repeated in it', () => {
    for (const part of ['가', '\u0301', '\u0323\u0301', ' ', '\r\n', '😀', '\u200d', '\u0600']) {
      for (const normalizer of all) normalizer.normalize(AlignedText.of(part.repeat(2_000)));
    }
  });

  it('with one unit for one keeps its table-free origins, beginning where the part begins', () => {
    const result = bertNormalizer().normalize(AlignedText.of('AB C', 10));
    expect([result.text, result.startOf(0), result.endOf(3)]).toEqual(['ab c', 10, 14]);
  });
});

describe('readNormalizer', () => {
  it.each([
    [{ type: 'NFX' }, /^normalizer\.type: "NFX" is not known; known are BertNormalizer, ByteLevel, .*StripAccents$/],
    [{}, /^normalizer\.type: expected a string, got nothing$/],
    [[], /^normalizer: expected an object/],
    [{ type: 'toString' }, /is not known/],
    [{ type: 'Strip', strip_left: true }, /^normalizer\.strip_right: expected true or false, got nothing$/],
    [{ type: 'Prepend', prepend: 1 }, /^normalizer\.prepend: expected a string, got 1$/],
    [{ type: 'BertNormalizer', clean_text: true, handle_chinese_chars: 'no' }, /handle_chinese_chars: expected true/],
    [{ type: 'Replace', pattern: 'a', content: '' }, /^normalizer\.pattern: expected an object, got "a"$/],
    [{ type: 'Replace', pattern: {}, content: '' }, /^normalizer\.pattern: expected an object with String or Regex$/],
    [
      { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'X' }] },
      /^normalizer\.normalizers\[1\]\.type: "X" is/,
    ],
    [{ type: 'Precompiled', precompiled_charsmap: '*' }, /precompiled_charsmap: expected bytes in base64$/],
    [
      { type: 'Precompiled', precompiled_charsmap: 'AAAA' },
      /precompiled_charsmap: 3 bytes hold no rules .* model file$/,
    ],
    [{ type: 'Precompiled', precompiled_charsmap: 'CAAAAAAAAAA=' }, /8 bytes hold no rules/],
  ])('refuses %j', (json, message) => {
    expect(() => read(json)).toThrow(message);
  });

  it('takes a missing strip_accents as null, as the library does', () => {
    const json = { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, lowercase: true };
    expect(read(json).toJSON()).toEqual({ ...json, strip_accents: null });
  });
});

describe('precompiled', () => {
  it('does not fail on broken rules', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: 'grapheme' }), (bytes, text) => {
        const rules = new Uint8Array(4 + 128 + bytes.length);
        rules.set([128, 0, 0, 0]);
        rules.set(bytes, 4);
        expect(typeof precompiled(rules).normalize(AlignedText.of(text)).text).toBe('string');
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});
