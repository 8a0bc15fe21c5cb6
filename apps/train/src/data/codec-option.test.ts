import { expect, test } from 'vitest';

import { parseCodecOption } from './codec-option';

test.each([
  ['bpe:8000', 'bpe:8000'],
  ['sentencepiece-bpe:16', 'sentencepiece-bpe:16'],
  ['word', 'word'],
  ['character', 'character'],
  ['own/tokenizer.json', { path: 'own/tokenizer.json' }],
  ['bpee:8000', { path: 'bpee:8000' }],
])('%s', (text, option) => expect(parseCodecOption(text)).toEqual({ option }));

test.each([
  ['bpe', 'Expected a vocabulary size from 16 to 1,000,000, as in bpe:8000.'],
  ['bpe:', 'Expected a vocabulary size from 16 to 1,000,000, as in bpe:8000.'],
  ['bpe:abc', 'Expected a vocabulary size from 16 to 1,000,000, as in bpe:8000.'],
  ['unigram:0', 'Expected a vocabulary size from 16 to 1,000,000, as in unigram:8000.'],
  ['wordpiece:-9', 'Expected a vocabulary size from 16 to 1,000,000, as in wordpiece:8000.'],
  ['bpe:100000000', 'Expected a vocabulary size from 16 to 1,000,000, as in bpe:8000.'],
  ['bpe:1e3', 'Expected a vocabulary size from 16 to 1,000,000, as in bpe:8000.'],
  ['word:300', 'Expected word alone: it takes all words.'],
])('%s is refused', (text, problem) => expect(parseCodecOption(text)).toEqual({ problem }));

test('nothing is refused', () => expect(parseCodecOption('')).toHaveProperty('problem'));
