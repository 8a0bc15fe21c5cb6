import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { trainPairs } from './bpe';
import { trainUnigram } from './unigram';
import { trainWordLevel } from './word-level';

// What the Rust library trained; made by training.py and training_small.py there.
interface Golden {
  readonly kind: 'bpe' | 'wordPiece' | 'wordLevel' | 'unigram';
  readonly corpus?: 'botchan' | 'mixed';
  /** Words and counts, in place of a corpus. */
  readonly words?: string;
  readonly options: Record<string, unknown>;
  readonly vocab: string;
  readonly ids?: string;
  readonly merges?: string;
  readonly scores?: string;
  readonly unkId?: number | null;
}

const read = (name: string): string => readFileSync(new URL(`../../test/goldens/${name}`, import.meta.url), 'utf8');
const { mixed, cases } = JSON.parse(read('training.json')) as { mixed: string[]; cases: Golden[] };
const small = (JSON.parse(read('training_small.json')) as { cases: Golden[] }).cases;
const corpora = { botchan: countWords(read('botchan.txt')), mixed: countWords(mixed.join(' ')) };

function wordsOf({ corpus, words }: Golden): Map<string, number> {
  if (corpus !== undefined) return corpora[corpus];
  return new Map(Array.from(words!.matchAll(/(\S+) (\d+)/gu), ([, word, count]) => [word, Number(count)]));
}

function countWords(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of text.split(/\s+/).filter(Boolean)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/** Another order of the words must give the same. */
const reversed = (words: Map<string, number>): Map<string, number> => new Map([...words].reverse());

const named = [...cases, ...small].map((golden): [string, Golden] => [
  `${golden.kind} from ${golden.corpus ?? golden.words} with ${JSON.stringify(golden.options)}`,
  golden,
]);
const ofKinds = (...kinds: Golden['kind'][]): [string, Golden][] =>
  named.filter(([, { kind }]) => kinds.includes(kind));

describe('BPE and WordPiece', () => {
  it.each(ofKinds('bpe', 'wordPiece'))('%s', (_, golden) => {
    const { kind, options, vocab, merges } = golden;
    const prefix = kind === 'wordPiece' ? { continuingSubwordPrefix: '##' } : {};
    // The order of the first tokens with prefix or suffix is Rust's chance, so it is taken from there.
    const ids = new Map(vocab.split(' ').map((token, id) => [token, id]));
    const order = (forms: string[]): string[] => forms.sort((a, b) => ids.get(a)! - ids.get(b)!);
    for (const words of [wordsOf(golden), reversed(wordsOf(golden))]) {
      const trained = trainPairs('trainBpe', words, { ...prefix, ...options }, order);
      expect([...trained.vocab.keys()].join(' ')).toBe(vocab);
      expect([...trained.vocab.values()]).toEqual([...trained.vocab.keys()].map((__, id) => id));
      const joined = trained.merges.map((pair) => pair.join(' ')).join('\n');
      expect(joined).toBe(merges ?? joined); // WordPiece keeps no merges
    }
  });
});

describe('WordLevel', () => {
  it.each(ofKinds('wordLevel'))('%s', (_, golden) => {
    const { options, vocab, ids } = golden;
    for (const words of [wordsOf(golden), reversed(wordsOf(golden))]) {
      const trained = trainWordLevel(words, options);
      expect([...trained.vocab.keys()].join(' ')).toBe(vocab);
      expect([...trained.vocab.values()].join(' ')).toBe(ids);
    }
  });
});

describe('Unigram', () => {
  it.each(ofKinds('unigram'))('%s', (_, golden) => {
    const { options, vocab, scores, unkId } = golden;
    const trained = trainUnigram(wordsOf(golden), options);
    expect(trained.unkId).toBe(unkId);
    // In Rust chance decides between pieces of equal scores, and which characters get the lowest ones.
    const pieces = vocab.split(' ');
    expect(trained.vocab.map(([piece]) => piece).sort()).toEqual([...pieces].sort());
    const expected = scores!.split(' ').map(Number);
    const least = expected.at(-1)!;
    const known = new Map(pieces.map((piece, i) => [piece, expected[i]]));
    for (const [i, [piece, score]] of trained.vocab.entries()) {
      expect(score).toBeCloseTo(expected[i], 9);
      const byChance = [...piece].length === 1 || score <= least || score === 0; // 0: special tokens
      expect(score).toBeCloseTo(byChance ? score : known.get(piece)!, 9);
    }
    expect(trainUnigram(reversed(wordsOf(golden)), options)).toEqual(trained);
  });
});
