import { readTokenizer, trainTokenizer, Vocabulary } from '@qkv/tokenizers';
import { expect, test } from 'vitest';

import { specialTokens, TokenizerCodec, VocabularyCodec } from './codec';

const texts = ['the cat sat on the mat', 'the dog sat on the cat', 'a dog and a cat, on a mat'];
const trained = (preset: 'bpe' | 'wordpiece' | 'unigram' | 'sentencepiece-bpe') =>
  new TokenizerCodec(
    trainTokenizer(texts, { preset, vocabSize: preset === 'unigram' ? 40 : 300, specialTokens, unkToken: '<unknown>' }),
  );

const words = (vocab: Record<string, number>, added: readonly object[] = []) =>
  readTokenizer({
    version: '1.0',
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: { type: 'WhitespaceSplit' },
    post_processor: null,
    decoder: null,
    truncation: { direction: 'Right', max_length: 1, strategy: 'LongestFirst', stride: 0 },
    model: { type: 'WordLevel', vocab, unk_token: '[UNK]' },
  });

test.each(['bpe', 'wordpiece', 'unigram', 'sentencepiece-bpe'] as const)(
  '%s: special ids as those of a vocabulary, text and back, the same again from its file',
  (preset) => {
    const codec = trained(preset);
    expect([0, 1, 2, 3].map((id) => codec.nameOf(id))).toEqual([...specialTokens]);
    expect([codec.start, codec.end]).toEqual([1, 2]);
    for (const text of texts) {
      const ids = codec.encode(text);
      expect(Math.min(...ids)).toBeGreaterThan(3);
      expect(Math.max(...ids)).toBeLessThan(codec.size);
      expect(codec.decode([codec.start, ...ids, codec.end, 0])).toBe(text);
      expect(codec.tokensOf(ids)).toEqual(codec.tokens(text));
    }
    const again = new TokenizerCodec(readTokenizer(codec.text), codec.text);
    expect(again.digest).toBe(codec.digest);
    expect(new TokenizerCodec(readTokenizer(codec.text)).text).toBe(codec.text);
    expect(again.encode(texts[2])).toEqual(codec.encode(texts[2]));
  },
);

test.each(['bpe', 'wordpiece', 'unigram', 'sentencepiece-bpe'] as const)(
  '%s: text that spells a special token is ordinary text',
  (preset) => {
    const codec = trained(preset);
    for (const text of ['<end>', 'a <pad> b', '<start><end><unknown>']) {
      const ids = [...codec.encode(text)];
      expect(ids.filter((id) => id < 3)).toEqual([]);
    }
    expect([...codec.encode('the cat<end>')]).not.toEqual([...codec.encode('the cat')]);
  },
);

test.each(['bpe', 'sentencepiece-bpe'] as const)('%s: with bytes to fall back on, such a text comes back', (preset) => {
  const codec = trained(preset);
  expect(codec.decode(codec.encode('a cat<end>'))).toBe('a cat<end>');
});

test('a model may cut a text in its own way: what it spells counts', () => {
  const codec = trained('bpe');
  const letters = [...'the cat'].map((letter) => codec.encode(letter)[0]);
  expect(letters.length).toBeGreaterThan(codec.encode('the cat').length);
  expect(codec.tokensOf(letters)).toEqual(codec.tokens('the cat'));
});

test('a tokenizer without our tokens gets them after its ids; PAD changes places with 0', () => {
  const codec = new TokenizerCodec(words({ cat: 0, dog: 1, '[UNK]': 2 }));
  expect([codec.size, codec.start, codec.end]).toEqual([6, 4, 5]);
  expect([0, 1, 2, 3, 4, 5].map((id) => codec.nameOf(id))).toEqual([
    '<pad>',
    'dog',
    '[UNK]',
    'cat',
    '<start>',
    '<end>',
  ]);
  expect([...codec.encode('cat dog cow cat')]).toEqual([3, 1, 2, 3]); // and nothing is cut off
  expect(codec.decode([4, 3, 1, 5, 0])).toBe('cat dog');
  expect(codec.hasUnknown('cat dog')).toBe(false);
  expect(codec.hasUnknown('cat cow')).toBe(true);
  const again = new TokenizerCodec(readTokenizer(codec.text), codec.text);
  expect([again.size, again.start, again.end]).toEqual([6, 4, 5]);
  expect([...again.encode('cat dog')]).toEqual([3, 1]);
});

test('ids may have gaps, and a model may say them', () => {
  const codec = new TokenizerCodec(words({ cat: 0, dog: 7, '[UNK]': 2 }));
  expect(codec.size).toBe(11);
  expect(codec.nameOf(5)).toBe('#5');
  expect(codec.decode([5])).toBe('[UNK]');
  expect(codec.tokensOf([7, 5])).not.toEqual(['dog']);
});

test('characters and words are what their vocabulary says', () => {
  const codec = new VocabularyCodec(new Vocabulary('word', ['cat', 'dog']));
  expect(codec.size).toBe(6);
  expect([...codec.encode('dog cow cat')]).toEqual([5, 3, 4]);
  expect(codec.hasUnknown('dog cow')).toBe(true);
  expect(codec.tokens('dog cow')).toEqual(['dog', 'cow']);
  expect(codec.tokensOf([5, 3])).toEqual(['dog', '<unknown>']);
  expect(codec.decode([1, 5, 4, 2])).toBe('dog cat');
  expect(JSON.stringify(codec)).toBe(JSON.stringify(codec.vocabulary));
});
