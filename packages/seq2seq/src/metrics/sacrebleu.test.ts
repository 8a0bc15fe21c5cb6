import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

import { describe, expect, test } from 'vitest';

import { Bleu, ChrF, Ter, type BleuOptions, type BleuTokenizer, type Segment, type SegmentMetric } from '../index';

type Scored<Options> = [options: Options, score: number, signature: string];

interface Golden {
  sets: {
    segments: [hypothesis: string, references: string[]][];
    bleu: Scored<{
      tokenize: BleuTokenizer;
      smooth_method: NonNullable<BleuOptions['smoothing']>;
      smooth_value: number | null;
      lowercase: boolean;
      effective_order: boolean;
      max_ngram_order: number;
    }>[];
    chrf: Scored<{
      char_order: number;
      word_order: number;
      beta: number;
      lowercase: boolean;
      whitespace: boolean;
      eps_smoothing: boolean;
    }>[];
    ter: Scored<{ normalized: boolean; no_punct: boolean; asian_support: boolean; case_sensitive: boolean }>[];
  }[];
}

const file = process.env.QKV_METRICS ?? new URL('../../test/goldens/metrics.json.gz', import.meta.url);
const { sets } = JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')) as Golden;

/** The sets in which our score or signature is another, with both. */
function differences<Options>(
  pick: (set: Golden['sets'][number]) => Scored<Options>[],
  make: (options: Options) => SegmentMetric,
): unknown[] {
  return sets.flatMap((set, index) => {
    const segments: Segment[] = set.segments.map(([hypothesis, references]) => ({ hypothesis, references }));
    return pick(set).flatMap(([options, score, signature]) => {
      const metric = make(options);
      const ours = metric.corpus(segments);
      const isEqual = Math.abs(ours.score - score) <= 1e-6 && metric.signature(segments) === signature;
      return isEqual ? [] : [{ index, options, score, ours, signature: metric.signature(segments), set: set.segments }];
    });
  });
}

describe('scores and signatures are those of sacrebleu, in 1400 sets of made-up, English and Chinese segments', () => {
  test('there are as many', () => expect(sets.length).toBeGreaterThanOrEqual(1400));

  test('BLEU', () => {
    const found = differences(
      ({ bleu }) => bleu,
      (o) =>
        new Bleu({
          tokenizer: o.tokenize,
          smoothing: o.smooth_method,
          ...(o.smooth_value === null ? {} : { smoothingValue: o.smooth_value }),
          lowercase: o.lowercase,
          effectiveOrder: o.effective_order,
          maxOrder: o.max_ngram_order,
        }),
    );
    expect(found).toEqual([]);
  });

  test('chrF', () => {
    const found = differences(
      ({ chrf }) => chrf,
      (o) =>
        new ChrF({
          characterOrder: o.char_order,
          wordOrder: o.word_order,
          beta: o.beta,
          lowercase: o.lowercase,
          whitespace: o.whitespace,
          epsilonSmoothing: o.eps_smoothing,
        }),
    );
    expect(found).toEqual([]);
  });

  test('TER', () => {
    const found = differences(
      ({ ter }) => ter,
      (o) =>
        new Ter({
          normalized: o.normalized,
          noPunctuation: o.no_punct,
          asianSupport: o.asian_support,
          caseSensitive: o.case_sensitive,
        }),
    );
    expect(found).toEqual([]);
  });
});
