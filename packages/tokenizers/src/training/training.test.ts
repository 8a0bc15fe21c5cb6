import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { failure } from '../../test/failure';
import { trainBpe } from './bpe';
import type { TrainingProgress } from './options';
import { trainUnigram } from './unigram';
import { trainWordLevel } from './word-level';
import { trainWordPiece } from './word-piece';

const words = new Map([
  ['low', 5],
  ['lower', 2],
  ['newest', 6],
  ['widest', 3],
]);

// Few letters, so that pairs and pieces come up again and again and many are equally frequent.
const anyWords = fc
  .array(fc.tuple(fc.stringMatching(/^[ab#😀é]{1,9}$/u), fc.integer({ min: 1, max: 9 })), { maxLength: 30 })
  .map((entries) => new Map(entries));

describe('trainBpe', () => {
  it('merges as the paper shows it (Sennrich et al. 2016, section 3.2)', () => {
    const { merges } = trainBpe(words, { endOfWordSuffix: '</w>' });
    expect(merges.slice(0, 3)).toEqual([
      ['e', 's'],
      ['es', 't</w>'],
      ['l', 'o'],
    ]);
  });

  it('finds the same whatever the order of the words', () => {
    const affix = fc.constantFrom('', '#', '</w>', 'a');
    fc.assert(
      fc.property(anyWords, affix, affix, fc.integer({ min: 1, max: 9 }), (counts, prefix, suffix, maxTokenLength) => {
        const options = { continuingSubwordPrefix: prefix, endOfWordSuffix: suffix, maxTokenLength, limitAlphabet: 3 };
        const trained = trainBpe(counts, options);
        expect(trainBpe(new Map([...counts].reverse()), options).vocab).toEqual(trained.vocab);
        expect([...trained.vocab.values()]).toEqual([...trained.vocab.keys()].map((_, id) => id));
        expect(new Set(trained.merges.map((pair) => pair.join(' '))).size).toBe(trained.merges.length);
        const known = trained.merges.flat().every((token) => trained.vocab.has(token));
        expect(known).toBe(true);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it('merges every word into one token if nothing stops it', () => {
    fc.assert(
      fc.property(anyWords, (counts) => {
        const { vocab } = trainBpe(counts);
        expect([...counts.keys()].filter((word) => !vocab.has(word))).toEqual([]);
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  it('stops at the size and at rare pairs', () => {
    expect(trainBpe(words, { vocabSize: 12 }).vocab.size).toBe(12);
    expect(trainBpe(words, { vocabSize: 3 }).merges).toEqual([]);
    expect(trainBpe(words, { minFrequency: 10 }).merges).toEqual([]);
    expect(trainBpe(words, { minFrequency: 9 }).merges).toEqual([
      ['e', 's'],
      ['es', 't'],
    ]);
  });

  it('puts special tokens first, then the alphabet', () => {
    const { vocab } = trainBpe(new Map([['ba', 2]]), { specialTokens: ['<s>', 'b', '<s>'], initialAlphabet: ['😀'] });
    expect([...vocab.keys()]).toEqual(['<s>', 'b', 'a', '😀', 'ba']);
  });

  it('limits the alphabet to the most frequent characters, equals by code point', () => {
    const counts = new Map([
      ['abc', 2],
      ['c', 1],
    ]);
    expect([...trainBpe(counts, { limitAlphabet: 2 }).vocab.keys()]).toEqual(['a', 'c', 'ac']);
    expect([...trainBpe(counts, { limitAlphabet: 1, initialAlphabet: ['z'] }).vocab.keys()]).toEqual(['z']);
    expect(trainBpe(counts, { limitAlphabet: 0 }).vocab.size).toBe(0);
  });

  it('is not slowed down by one very long word', () => {
    const long = 'abcdefgh'.repeat(20_000);
    expect(trainBpe(new Map([[long, 1]]), { vocabSize: 30 }).vocab.size).toBe(30);
  });
});

describe('trainWordPiece', () => {
  it('marks what continues a word, with ## if nothing else is asked for', () => {
    const { vocab } = trainWordPiece(words, { vocabSize: 25, specialTokens: ['[UNK]'] });
    expect([...vocab.keys()].slice(0, 14)).toEqual('[UNK] d e i l n o r s t w ##d ##e ##i'.split(' '));
    expect(vocab.has('##est')).toBe(true);
    expect(trainWordPiece(words, { continuingSubwordPrefix: '@' }).vocab.has('@est')).toBe(true);
  });
});

describe('trainWordLevel', () => {
  it('takes the most frequent words, equals by code point', () => {
    const counts = new Map([
      ['😀', 2],
      ['\uffff', 2],
      ['b', 3],
      ['rare', 1],
    ]);
    expect([...trainWordLevel(counts, { specialTokens: ['[UNK]'], minFrequency: 2 }).vocab]).toEqual([
      ['[UNK]', 0],
      ['b', 1],
      ['\uffff', 2],
      ['😀', 3],
    ]);
    expect(trainWordLevel(counts, { vocabSize: 1 }).vocab.size).toBe(1);
  });
});

describe('trainUnigram', () => {
  it('finds the same whatever the order of the words', () => {
    fc.assert(
      fc.property(anyWords, (counts) => {
        const options = { vocabSize: 12, unkToken: '<unk>', shrinkingFactor: 0.5 };
        const trained = trainUnigram(counts, options);
        expect(trainUnigram(new Map([...counts].reverse()), options)).toEqual(trained);
        expect(trained.vocab[0]).toEqual(['<unk>', 0]);
        expect(trained.unkId).toBe(0);
        for (const [, score] of trained.vocab.slice(1)) expect(score).toBeLessThanOrEqual(0);
        const pieces = new Set(trained.vocab.map(([piece]) => piece));
        expect([...counts.keys()].flatMap((word) => [...word]).filter((c) => !pieces.has(c))).toEqual([]);
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  it('puts special tokens first and knows the unknown one among them', () => {
    const { vocab, unkId } = trainUnigram(words, { specialTokens: ['<s>', '<unk>'], unkToken: '<unk>' });
    expect(vocab.slice(0, 2)).toEqual([
      ['<s>', 0],
      ['<unk>', 0],
    ]);
    expect(unkId).toBe(1);
    expect(trainUnigram(words).unkId).toBeNull();
  });

  it('takes text that spells the name of the unknown piece', () => {
    const counts = new Map([
      ['a<UNK>a', 50],
      ['b<UNK>b', 50],
    ]);
    const pieces = trainUnigram(counts).vocab.map(([piece]) => piece);
    expect(pieces).toEqual(expect.arrayContaining([...'ab<>KNU']));
    expect(pieces).not.toContain('<UNK>'); // Rust keeps the name for itself
  });
});

describe('all trainers', () => {
  const trainers = { trainBpe, trainWordPiece, trainWordLevel, trainUnigram };

  it.each(Object.entries(trainers))('%s takes no words at all', (_, train) => {
    expect([...train(new Map(), { specialTokens: ['<s>'] }).vocab]).toEqual([['<s>', 0]]);
    expect([...train(new Map([['', 1]])).vocab].length).toBeLessThan(2);
  });

  it.each(Object.entries(trainers))('%s tells how far it is, not too often', (_, train) => {
    const many = new Map(Array.from({ length: 3000 }, (__, i) => [`w${i * 7919}`, 1 + (i % 5)]));
    const calls: TrainingProgress[] = [];
    train(many, { vocabSize: 2000, onProgress: (progress) => calls.push(progress) });
    for (const stage of new Set(calls.map((call) => call.stage))) {
      const dones = calls.filter((call) => call.stage === stage).map((call) => call.done);
      expect(dones.length).toBeLessThan(105);
      expect(dones).toEqual([...dones].sort((a, b) => a - b));
      const last = calls.findLast((call) => call.stage === stage)!;
      expect(last.done).toBe(last.total);
    }
  });

  it.each<[keyof typeof trainers, unknown, unknown, RegExp]>([
    ['trainBpe', words, { vocabSize: 0 }, /^trainBpe: vocabSize is 0, expected a whole number of at least 1$/],
    ['trainBpe', words, { vocabSize: '9' }, /vocabSize is "9"/],
    ['trainBpe', words, { minFrequency: -1 }, /minFrequency is -1, expected a whole number of at least 0/],
    ['trainBpe', words, { maxTokenLength: 1.5 }, /maxTokenLength is 1.5/],
    ['trainBpe', words, { limitAlphabet: NaN }, /limitAlphabet is NaN/],
    ['trainBpe', words, { initialAlphabet: ['ab'] }, /initialAlphabet\[0\] is "ab", expected one character; split it/],
    ['trainBpe', words, { specialTokens: 'ab' }, /specialTokens is "ab", expected an array of strings/],
    ['trainBpe', words, { specialTokens: ['a', 1] }, /specialTokens\[1\] is 1, expected a string/],
    ['trainBpe', words, { vocab_size: 9 }, /unknown option "vocab_size"; known are vocabSize, /],
    ['trainBpe', words, { onProgress: 1 }, /onProgress is 1, expected a function/],
    ['trainBpe', words, null, /expected options, got null/],
    ['trainWordPiece', words, { endOfWordSuffix: 1 }, /^trainWordPiece: endOfWordSuffix is 1, expected a string/],
    ['trainWordLevel', words, { minFrequency: 0.5 }, /^trainWordLevel: minFrequency is 0.5/],
    ['trainUnigram', words, { shrinkingFactor: 1 }, /shrinkingFactor is 1, expected a number between 0 and 1/],
    ['trainUnigram', words, { nSubIterations: 0 }, /nSubIterations is 0/],
    ['trainUnigram', words, { vocabSize: 9 }, /vocabSize is 9, too small for the 10 characters/],
    ['trainUnigram', words, { vocabSize: 1, specialTokens: ['a', 'b'] }, /too small for 2 special tokens/],
    ['trainUnigram', ['low'], {}, /^trainUnigram: expected a Map of words and how often they occur/],
    ['trainBpe', new Map([[1, 1]]), {}, /word 1 is not a string/],
    ['trainBpe', new Map([['a\n', 0]]), {}, /the count of "aU\+000A" is 0, expected a whole number of at least 1/],
  ])('%s refuses what it cannot use', (trainer, given, options, message) => {
    const error = failure(() => trainers[trainer](given as Map<string, number>, options as object));
    expect(error.code).toBe('invalid-option');
    expect(error.message).toMatch(message);
    expect(error.message).not.toMatch(/\n/);
  });
});
