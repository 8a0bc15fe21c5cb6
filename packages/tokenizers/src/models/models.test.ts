import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { failure } from '../../test/failure';
import { TokenSink } from '../token-sink';
import { BPE, type BpeOptions } from './bpe';
import { nBest, sampling } from './lattice';
import { MergeTable } from './merge-table';
import { Trie } from './trie';
import { Unigram, type UnigramOptions } from './unigram';
import { WordLevel } from './word-level';
import { WordPiece } from './word-piece';
import type { Model } from '../parts';

function tokens(model: Model, text: string): string[] {
  const sink = new TokenSink();
  if (text !== '') model.tokenize(text, 0, text.length, sink);
  return Array.from(sink.ids.subarray(0, sink.length), (id, i) => sink.texts.get(i) ?? model.idToToken(id)!);
}

/** A vocabulary in which the pairs of a random list are merged one after the other. */
const anyMerges = fc
  .array(fc.tuple(fc.nat(40), fc.nat(40)), { minLength: 1, maxLength: 25 })
  .map((pairs): BpeOptions => {
    const vocab = new Map(Array.from('abcd', (letter, id): [string, number] => [letter, id]));
    const merges: [string, string][] = [];
    for (const [l, r] of pairs) {
      const known = [...vocab.keys()];
      const [left, right] = [known[l % known.length], known[r % known.length]];
      if (vocab.has(left + right) || left.length + right.length > 12) continue;
      vocab.set(left + right, vocab.size);
      merges.push([left, right]);
    }
    return { vocab, merges };
  });
const anyWord = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), minLength: 1, maxLength: 80 });

/** The definition: while there is one, apply the first merge of the list that occurs, at its leftmost place. */
function mergedByDefinition(word: string, merges: BpeOptions['merges']): string[] {
  const symbols = [...word];
  for (;;) {
    let best = Infinity;
    let at = -1;
    for (let i = 0; i + 1 < symbols.length; i++) {
      const rank = merges.findIndex(([left, right]) => left === symbols[i] && right === symbols[i + 1]);
      if (rank >= 0 && rank < best) [best, at] = [rank, i];
    }
    if (at < 0) return symbols;
    symbols.splice(at, 2, symbols[at] + symbols[at + 1]);
  }
}

describe('BPE', () => {
  it('merges as the definition says, short words and long ones', () => {
    fc.assert(
      fc.property(anyMerges, anyWord, (options, word) => {
        expect(tokens(new BPE(options), word)).toEqual(mergedByDefinition(word, options.merges));
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  it('merges the leftmost of equal pairs first in long words, too', () => {
    // A run of an odd number of letters shows from which end it was merged.
    const run = fc
      .tuple(fc.constantFrom('a', 'b'), fc.integer({ min: 1, max: 9 }))
      .map(([letter, n]) => letter.repeat(n));
    const longWord = fc.array(run, { minLength: 8, maxLength: 14 }).map((runs) => `aaa${runs.join('c')}aaabbbaaaaabbb`);
    const vocab = Object.fromEntries(['a', 'b', 'c', 'aa', 'bb', 'aab'].map((token, id) => [token, id]));
    const merges: [string, string][] = [
      ['a', 'a'],
      ['b', 'b'],
      ['aa', 'b'],
    ];
    fc.assert(
      fc.property(longWord, (word) => {
        expect(tokens(new BPE({ vocab, merges }), word)).toEqual(mergedByDefinition(word, merges));
      }),
      { seed: 5, numRuns: 300 },
    );
  });

  it('gives the same a second time, out of its memory', () => {
    fc.assert(
      fc.property(anyMerges, anyWord, (options, word) => {
        const model = new BPE(options);
        expect(tokens(model, word)).toEqual(tokens(model, word));
      }),
      { seed: 2, numRuns: 200 },
    );
  });

  it('may cut before ▁ only if no merge reaches over it', () => {
    const vocab = Object.fromEntries(['▁', 'a', 'b', '▁a', 'b▁', '▁▁', 'b▁a'].map((token, id) => [token, id]));
    const text = '▁ab▁a▁▁ab▁';
    for (const merges of [
      [
        ['▁', '▁'],
        ['▁', 'a'],
      ],
      [
        ['b', '▁'],
        ['▁', 'a'],
      ],
      [
        ['▁', 'a'],
        ['b', '▁a'],
      ],
    ] as [string, string][][]) {
      expect(tokens(new BPE({ vocab, merges }), text)).toEqual(mergedByDefinition(text, merges));
    }
  });

  it('with dropout 1 merges nothing, with 0 all, and between them something', () => {
    const vocab = { a: 0, b: 1, ab: 2, abab: 3 };
    const merges: [string, string][] = [
      ['a', 'b'],
      ['ab', 'ab'],
    ];
    expect(tokens(new BPE({ vocab, merges, dropout: 1 }), 'abab')).toEqual(['a', 'b', 'a', 'b']);
    expect(tokens(new BPE({ vocab, merges, dropout: 0 }), 'abab')).toEqual(['abab']);
    let state = 1;
    const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
    const model = new BPE({ vocab, merges, dropout: 0.5, random });
    const seen = new Map<string, number>();
    for (let i = 0; i < 4000; i++) {
      const key = tokens(model, 'abab').join(' ');
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    expect([...seen.keys()].sort()).toEqual(['a b a b', 'a b ab', 'ab a b', 'ab ab', 'abab']);
    // Both pairs come up, each left out half of the time; one left out comes up again after the other was merged.
    expect(seen.get('a b a b')! / 4000).toBeCloseTo(0.25, 1);
  });

  it('writes unknown characters as bytes, as the unknown token, fused or not, or not at all', () => {
    const vocab = { a: 0, '<unk>': 1, '<0xC3>': 2, '<0xA9>': 3 };
    expect(tokens(new BPE({ vocab, merges: [], unkToken: '<unk>' }), 'aéxa')).toEqual(['a', '<unk>', '<unk>', 'a']);
    expect(tokens(new BPE({ vocab, merges: [], unkToken: '<unk>', fuseUnk: true }), 'aéxa')).toEqual([
      'a',
      '<unk>',
      'a',
    ]);
    expect(tokens(new BPE({ vocab, merges: [], unkToken: '<unk>', byteFallback: true }), 'aéxa')).toEqual([
      'a',
      '<0xC3>',
      '<0xA9>',
      '<unk>',
      'a',
    ]);
    expect(tokens(new BPE({ vocab, merges: [] }), 'aéxa')).toEqual(['a', 'a']);
    expect(failure(() => tokens(new BPE({ vocab, merges: [], unkToken: '?' }), 'é')).message).toMatch(
      /the unknown token "\?" is not in the vocabulary; add it/,
    );
  });

  it('refuses what does not fit', () => {
    expect(failure(() => new BPE({ vocab: { a: 0, b: 1 }, merges: [['a', 'b']] })).message).toBe(
      'BPE: merge 0, "a" "b", needs the token "ab", which is not in the vocabulary',
    );
    expect(failure(() => new BPE({ vocab: { a: 0, ab: 1 }, merges: [['a', 'b']] })).message).toMatch(
      /needs the token "b"/,
    );
    expect(failure(() => new BPE({ vocab: {}, merges: [], dropout: 2 })).message).toMatch(/dropout is 2/);
    expect(failure(() => new BPE({ vocab: { a: 0, b: 0 }, merges: [] })).message).toMatch(
      /"a" and "b" both have the id 0/,
    );
    for (const id of [-1, 0.5, NaN, 4e9]) {
      expect(failure(() => new BPE({ vocab: { a: id }, merges: [] })).message).toMatch(
        /the id of "a" is .*, expected a whole number/,
      );
    }
  });
});

describe('Unigram', () => {
  const vocab: UnigramOptions['vocab'] = [
    ['<unk>', 0],
    ['a', -2],
    ['b', -2.5],
    ['ab', -3.2],
    ['ba', -3],
    ['aba', -4.1],
    ['bb', -4.4],
    ['😀', -5],
  ];
  const model = new Unigram({ vocab, unkId: 0 });
  const anyText = fc.string({ unit: fc.constantFrom('a', 'b', 'a', 'b', '😀', 'x'), minLength: 1, maxLength: 9 });

  /** All ways to cut a text, by trying. */
  function segmentations(text: string): { tokens: string[]; score: number }[] {
    if (text === '') return [{ tokens: [], score: 0 }];
    const first = String.fromCodePoint(text.codePointAt(0)!);
    const candidates = vocab.filter(([piece]) => text.startsWith(piece));
    if (!candidates.some(([piece]) => piece === first)) candidates.push([first, -15]);
    return candidates.flatMap(([piece, score]) =>
      segmentations(text.slice(piece.length)).map((rest) => ({
        tokens: [piece, ...rest.tokens],
        score: score + rest.score,
      })),
    );
  }

  it('finds the best way to cut a text, and the n best', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 8 }), (text, n) => {
        const all = segmentations(text).sort((a, b) => b.score - a.score);
        const best = nBest(model, text, n);
        expect(best.length).toBe(Math.min(n, all.length));
        best.forEach(({ tokens: found, score }, i) => {
          expect(score).toBeCloseTo(all[i].score, 9);
          expect(found.join('')).toBe(text);
        });
        const cut = tokens(model, text);
        expect(cut.join('')).toBe(text);
        const score = segmentations(text).find(
          ({ tokens: way }) => way.join('|').replaceAll(/x(\|x)+/g, (run) => run.replaceAll('|', '')) === cut.join('|'),
        )?.score;
        expect(score).toBeCloseTo(all[0].score, 9);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('draws ways to cut a text by their probabilities', () => {
    let state = 7;
    const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
    const alpha = 0.7;
    const sampler = new Unigram({ vocab, unkId: 0, chooser: sampling(alpha, random) });
    const text = 'ababb';
    const ways = new Map(segmentations(text).map(({ tokens: way, score }) => [way.join(' '), Math.exp(alpha * score)]));
    const total = [...ways.values()].reduce((sum, weight) => sum + weight, 0);
    const draws = 20_000;
    const seen = new Map<string, number>();
    for (let i = 0; i < draws; i++) {
      const key = tokens(sampler, text).join(' ');
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    let chiSquared = 0;
    for (const [way, weight] of ways) {
      const expected = (draws * weight) / total;
      chiSquared += ((seen.get(way) ?? 0) - expected) ** 2 / expected;
    }
    expect([...seen.keys()].every((way) => ways.has(way))).toBe(true);
    expect(chiSquared).toBeLessThan(ways.size * 3);
  });

  it('takes of two equally good ways the one that the Rust library takes', () => {
    const pieces: UnigramOptions['vocab'] = [
      ['<unk>', 0],
      ['a', -1],
      ['b', -1],
      ['c', -1],
      ['ab', -1.5],
      ['bc', -1.5],
    ];
    expect(tokens(new Unigram({ vocab: pieces, unkId: 0 }), 'abcabc')).toEqual(['a', 'bc', 'a', 'bc']);
  });

  it('names an unknown character if there is no unknown piece', () => {
    expect(failure(() => tokens(new Unigram({ vocab: [['a', -1]] }), 'ab')).message).toBe(
      'Unigram: "b" is in no piece, and there is no unknown piece; set unkId',
    );
  });

  it('refuses what does not fit', () => {
    expect(failure(() => new Unigram({ vocab, unkId: 8 })).message).toMatch(
      /unkId is 8, expected an index of one of the 8 pieces/,
    );
    expect(failure(() => new Unigram({ vocab: [['a', NaN]] })).message).toMatch(/the score of piece 0, "a", is NaN/);
    expect(failure(() => nBest(model, 'a', 0)).message).toMatch(/n is 0/);
    expect(failure(() => sampling(-1)).message).toMatch(/alpha is -1/);
  });
});

describe('WordPiece and WordLevel', () => {
  it('take the longest token first; a word that cannot be made is unknown as a whole', () => {
    const model = new WordPiece({
      vocab: { '[UNK]': 0, un: 1, '##aff': 2, '##able': 3, '##a': 4 },
      maxInputCharsPerWord: 9,
    });
    expect(tokens(model, 'unaffable')).toEqual(['un', '##aff', '##able']);
    expect(tokens(model, 'unaffx')).toEqual(['[UNK]']);
    expect(tokens(model, 'unaffablea')).toEqual(['[UNK]']);
    expect(failure(() => tokens(new WordPiece({ vocab: {} }), 'a')).message).toMatch(
      /the unknown token "\[UNK\]" is not in the vocabulary/,
    );
  });

  it('know words, or not', () => {
    const model = new WordLevel({ vocab: { a: 0, '<unk>': 1 } });
    expect(tokens(model, 'a')).toEqual(['a']);
    expect(tokens(model, 'b')).toEqual(['<unk>']);
    expect(failure(() => tokens(new WordLevel({ vocab: {} }), 'b')).message).toMatch(
      /"b" is not in the vocabulary, and neither is/,
    );
  });
});

describe('tables', () => {
  it('hold what was entered', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(50), fc.nat(50), fc.nat(1000), fc.nat(1000))), (entries) => {
        const table = new MergeTable(entries.length);
        const expected = new Map<string, [number, number]>();
        for (const [left, right, rank, merged] of entries) {
          table.set(left, right, rank, merged);
          expected.set(`${left} ${right}`, [rank, merged]);
        }
        for (let left = 0; left <= 50; left += 7) {
          for (let right = 0; right <= 50; right++) {
            const at = table.find(left, right);
            expect(at < 0 ? undefined : [table.rankAt(at), table.mergedAt(at)]).toEqual(
              expected.get(`${left} ${right}`),
            );
          }
        }
      }),
      { seed: 3, numRuns: 100 },
    );
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { maxLength: 300 }), (keys) => {
        const trie = new Trie();
        keys.forEach((key, i) => trie.set(key, i));
        for (const key of keys) {
          let node = 0;
          for (let i = 0; i < key.length; i++) node = trie.child(node, key.charCodeAt(i));
          expect(trie.valueAt(node)).toBe(keys.lastIndexOf(key));
        }
      }),
      { seed: 4, numRuns: 100 },
    );
  });
});
