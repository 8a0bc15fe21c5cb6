import { TokenizerError } from '@qkv/tokenizers';
import { afterAll, describe, expect, it } from 'vitest';

import { Comparison, ourTokenizer } from '../src/compare';
import { ADDED, FITS } from '../src/compositions/added';
import type { Composition } from '../src/compositions/composition';
import { bertJson, MODELS } from '../src/compositions/models';
import { OPTIONS, PROBES } from '../src/compositions/probes';
import { universalDependencies } from '../src/data';
import { INTENDED } from '../src/differences';
import { everyCodePoint, mixtures, realTexts, strangeTexts } from '../src/texts';

/** Real texts, strange ones and mixtures of each composition, times its weight. */
const TEXTS = 165;
/** Where texts are cut: each part of one text is joined to each of the other. */
const [SHORT, SHORT_PAIRED] = [50, 22];

const strange = strangeTexts(3 * TEXTS);
const everything = everyCodePoint();
let compared = 0;
let checked = 0;

afterAll(() => {
  if (universalDependencies() === null) console.log('skipped: ud-english-ewt, which is not beside the repository');
  console.log(`${compared} texts and pairs compared with the Rust library, in ${checked} compositions`);
  for (const { what, why } of INTENDED) console.log(`intended difference: ${what}. ${why}`);
});

async function check(composition: Composition, seed: number, short = false): Promise<void> {
  const { weight = 1, pairs = false, tokens } = composition;
  const n = Math.ceil(TEXTS * weight);
  const given = [...realTexts(n, seed), ...strange.slice(0, n), ...mixtures(tokens(), n, seed)];
  const texts = short ? given.map((text) => text.slice(0, SHORT)) : given;
  const comparison = new Comparison(composition);
  await comparison.encode(texts);
  await comparison.encode(texts.slice(0, n >> 1), false);
  if (pairs) {
    const paired = short ? texts.map((text) => text.slice(0, SHORT_PAIRED)) : texts;
    const other = (i: number): string => paired[(i * 7919) % paired.length];
    await comparison.encode(paired.slice(0, n).map((text, i) => [text, other(i)] as const));
    await comparison.encode(
      paired.slice(-n >> 1).map((text, i) => [other(i), text] as const),
      false,
    );
  }
  compared += comparison.compared;
  checked++;
  expect(comparison.reports.join('\n')).toBe('');
}

describe('ids, tokens, offsets, words, types, masks and sequences are those of the Rust library', () => {
  it.each(MODELS.map((one, i) => [one.name, one, i] as const))('%s', (_, one, i) => check(one, i));
  it.each(OPTIONS.map((one, i) => [one.name, one, i] as const))('%s', (_, one, i) => check(one, i));
  it.each(ADDED.map((one, i) => [one.name, one, i] as const))('%s', (_, one, i) => check(one, i));
  it.each(FITS.map((one, i) => [one.name, one, i] as const))('%s', (_, one, i) => check(one, i, true));
  it.each(PROBES.map((one, i) => [one.name, one, i] as const))('%s', (_, one, i) => check(one, i));
});

describe('every assigned code point', () => {
  const named = (name: string): Composition => [...MODELS, ...PROBES].find((one) => one.name === name)!;
  it.each([
    'GPT-2',
    'BERT uncased',
    'T5',
    'normalizer NFC',
    'normalizer NFKD',
    'normalizer Lowercase',
    'normalizer Nmt',
    'normalizer StripAccents',
    'normalizer Precompiled',
    'normalizer BertNormalizer',
    'pre-tokenizer Whitespace',
    'pre-tokenizer UnicodeScripts',
    'pre-tokenizer BertPreTokenizer',
    'pre-tokenizer digits alone',
  ])('%s', async (name) => {
    const comparison = new Comparison(named(name));
    await comparison.encode(everything);
    compared += comparison.compared;
    expect(comparison.reports.join('\n')).toBe('');
  });
});

it('a stride as long as a part is an error', () => {
  const truncation = { direction: 'Right', max_length: 4, strategy: 'LongestFirst', stride: 2 };
  expect(() => ourTokenizer({ ...bertJson(), truncation }).encode('the quick brown fox')).toThrow(TokenizerError);
});

it('at least 100,000 texts were compared', () => {
  expect(compared).toBeGreaterThanOrEqual(100_000);
});
