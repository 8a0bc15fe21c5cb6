import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { Bleu, ChrF, editDistance, type Segment, type SegmentMetric, Ter } from '../index';
import { exponential, geometricMean } from './roots';
import { type BleuTokenizer, tokenizers } from './tokenize';

const segment = (hypothesis: string, ...references: string[]): Segment => ({ hypothesis, references });

test('roots and exponentials are those of Math to 1e-14, relatively', () => {
  const values = fc.array(fc.double({ min: 1e-6, max: 100, noNaN: true }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(values, fc.double({ min: -700, max: 0, noNaN: true }), (positive, x) => {
      const mean = Math.exp(positive.reduce((sum, v) => sum + Math.log(v), 0) / positive.length);
      expect(Math.abs(geometricMean(positive) / mean - 1)).toBeLessThan(1e-14);
      expect(Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(1e-12);
      expect(x < -1 ? 0 : Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(1e-15);
    }),
    { seed: 1, numRuns: 500 },
  );
  expect([geometricMean([3, 0]), geometricMean([2, 8]), exponential(0), exponential(-1e9)]).toEqual([0, 4, 1, 0]);
});

test.each<[BleuTokenizer, string, string]>([
  ['13a', "It's 3.5, &quot;no&quot;-one 1-2 a,b <skipped> x-\ny", `It's 3.5 , " no " -one 1 - 2 a , b xy`],
  ['intl', 'Preis: 3,50€ «ja»… 2020.', 'Preis : 3,50 € « ja » … 2020.'],
  ['zh', ' 你好world，3.5! ', '你 好 world ， 3.5 !'],
  ['char', 'a 𝒳 b', 'a 𝒳 b'],
  ['none', 'a,b\tc\u0085d ', 'a,b c d'],
])('tokenizer %s', (name, text, tokens) => expect(tokenizers[name](text).join(' ')).toBe(tokens));

test('white space within a long text is read at once', () => {
  const text = `a${' '.repeat(500_000)}b\u3000 \n`;
  expect(new Bleu({ maxOrder: 2 }).sentence(text, ['a b']).score).toBe(100);
  expect(new Ter().sentence(text, ['a b']).score).toBe(0);
});

describe('Bleu', () => {
  test('counts what the paper counts', () => {
    // Papineni et al., section 2.1, example 2 and section 2.1.1: "the" counts twice at most, in two references.
    const references = ['The cat is on the mat.', 'There is a cat on the mat.'];
    const bleu = new Bleu({ lowercase: true, tokenizer: 'none', smoothing: 'none', maxOrder: 1 });
    expect(bleu.statistics(segment('the the the the the the the', ...references))).toEqual([7, 7, 2, 7]);
    expect(bleu.sentence('the the the the the the the', references).precisions[0]).toBeCloseTo(200 / 7, 12);
  });

  test('is shorter than its references at a price, and empty at 0', () => {
    const score = new Bleu().sentence('a b c d', ['a b c d e']);
    expect(score.score).toBeCloseTo(100 * Math.exp(1 - 5 / 4), 10);
    expect([score.brevityPenalty, score.hypothesisLength, score.referenceLength]).toEqual([Math.exp(-0.25), 4, 5]);
    expect(new Bleu().sentence('', ['a b c d e'])).toMatchObject({ score: 0, brevityPenalty: 0 });
    expect(new Bleu({ smoothing: 'none' }).sentence('a b', ['a b']).score).toBe(0);
    expect(new Bleu({ smoothing: 'none', effectiveOrder: true }).sentence('a b', ['a b']).score).toBe(100);
  });
});

describe('Ter', () => {
  test('a run of words moves at the price of one', () => {
    // Snover et al., section 3.1: one shift, one insertion ("American") and two substitutions.
    const reference = 'SAUDI ARABIA denied THIS WEEK information published in the AMERICAN new york times';
    const hypothesis = 'THIS WEEK THE SAUDIS denied information published in the new york times';
    expect(new Ter().sentence(hypothesis, [reference])).toEqual({
      score: (100 * 4) / 13,
      edits: 4,
      referenceLength: 13,
    });
  });

  test('nothing beside something', () => {
    expect(['', 'a'].map((text) => new Ter().sentence(text, ['']).score)).toEqual([0, 100]);
    expect(new Ter().sentence('', ['a b', 'a']).score).toBeCloseTo(100 / 1.5, 12);
  });

  test('is 0 for the same, and no more than the edit distance', () => {
    const sentence = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 14 });
    fc.assert(
      fc.property(sentence, sentence, (a, b) => {
        expect(new Ter().sentence(a.join(' '), [a.join(' ')]).edits).toBe(0);
        const { edits } = new Ter().sentence(a.join(' '), [b.join(' ')]);
        expect(edits).toBeLessThanOrEqual(editDistance(a, b));
        expect(edits).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});

test('chrF takes the better reference, and is named by its options', () => {
  expect(new ChrF().sentence('abcdef', ['xyz', 'abcdef']).score).toBe(100);
  expect([new ChrF(), new ChrF({ wordOrder: 2 }), new ChrF({ beta: 1 })].map(({ name }) => name)).toEqual([
    'chrF2',
    'chrF2++',
    'chrF1',
  ]);
});

// Smoothing is not the same for counts that are twice as large.
const metrics: SegmentMetric[] = [new Bleu({ smoothing: 'none' }), new ChrF(), new Ter()];

test.each(metrics)('$name: what is right is best, the order of references does not matter, counts add up', (metric) => {
  const text = fc
    .array(fc.constantFrom('a', 'b', 'cd', 'e.', '好'), { minLength: 4, maxLength: 8 })
    .map((w) => w.join(' '));
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text, text), { minLength: 1, maxLength: 4 }), (rows) => {
      const score = (pick: (row: [string, string, string]) => Segment) => metric.corpus(rows.map(pick)).score;
      expect(score(([a, b]) => segment(a, a, b))).toBeCloseTo(metric.largerIsBetter ? 100 : 0, 9);
      expect(score(([a, b, c]) => segment(a, b, c))).toBeCloseTo(
        score(([a, b, c]) => segment(a, c, b)),
        9,
      );
      const doubled = metric.corpus([...rows, ...rows].map(([a, b]) => segment(a, b))).score;
      expect(doubled).toBeCloseTo(
        score(([a, b]) => segment(a, b)),
        9,
      );
    }),
    { seed: 2, numRuns: 60 },
  );
});

test('signatures tell the number of references, or that it varies', () => {
  expect(new Bleu({ smoothing: 'floor' }).signature([segment('', '', '')])).toBe(
    'nrefs:2|case:mixed|eff:no|tok:13a|smooth:floor[0.10]',
  );
  expect(new Ter().signature([segment('', ''), segment('', '', '')])).toBe(
    'nrefs:var|case:lc|tok:tercom|norm:no|punct:yes|asian:no',
  );
});

test.each<[() => unknown, string]>([
  [() => new Bleu().corpus([]), 'BLEU: there are no segments to score'],
  [() => new ChrF().corpus([segment('a', 'a'), segment('b')]), 'chrF2: segment 1 has no reference'],
  [() => new Bleu({ tokenizer: 'spm' as 'none' }), 'Bleu: tokenizer is spm, expected one of 13a, intl, zh, char, none'],
  [() => new Bleu({ maxOrder: 0 }), 'Bleu: maxOrder is 0, expected 1 or more'],
  [() => new Bleu({ smoothingValue: -1 }), 'Bleu: smoothingValue is -1, expected 0 or more'],
  [() => new ChrF({ characterOrder: 0 }), 'ChrF: characterOrder is 0 and wordOrder 0, expected whole numbers from 0'],
  [() => new ChrF({ beta: -1 }), 'ChrF: beta is -1, expected 0 or more'],
])('refuses: %#', (run, message) => expect(run).toThrow(message));
