import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

import { describe, expect, test } from 'vitest';

import { Bleu, ChrF, confidenceInterval, pairedTest, type Segment, Ter } from '../index';
import { bootstrapP, intervalOf, randomizationP } from './significance';
import { sumOf } from './segment-metric';

interface Golden {
  references: string[];
  baseline: string[];
  systems: Record<string, string[]>;
  resamples: number[][];
  exchanges: number[][];
  results: {
    metric: string;
    system: string;
    baseline: number;
    score: number;
    randomization: number;
    bootstrap: number;
    mean: number;
    halfWidth: number;
  }[];
}

const file = new URL('../../test/goldens/significance.json.gz', import.meta.url);
const golden = JSON.parse(gunzipSync(readFileSync(file)).toString('utf8')) as Golden;
const metrics = [new Bleu(), new ChrF({ wordOrder: 2 }), new Ter()];
const segmentsOf = (hypotheses: readonly string[]): Segment[] =>
  hypotheses.map((hypothesis, i) => ({ hypothesis, references: [golden.references[i]] }));
const baseline = segmentsOf(golden.baseline);

describe.each(golden.results)('sacrebleu, with its random numbers: $metric, $system system', (expected) => {
  const metric = metrics.find(({ name }) => name === expected.metric)!;
  const system = segmentsOf(golden.systems[expected.system]);
  const a = metric.corpusStatistics(baseline);
  const b = metric.corpusStatistics(system);

  test('interval and p-values', () => {
    const scores = golden.resamples.map((sample) => metric.fromStatistics(sumOf(sample.map((i) => b[i]))).score);
    const { mean, halfWidth } = intervalOf(scores);
    expect(Math.abs(mean - expected.mean)).toBeLessThan(1e-6);
    expect(Math.abs(halfWidth - expected.halfWidth)).toBeLessThan(1e-6);
    expect(bootstrapP(metric, a, b, golden.resamples)).toBeCloseTo(expected.bootstrap, 12);
    expect(randomizationP(metric, a, b, golden.exchanges)).toBeCloseTo(expected.randomization, 12);
  });

  test('ours come close, with random numbers of our own', () => {
    const interval = confidenceInterval(metric, system, { seed: 1, samples: 400 });
    expect(Math.abs(interval.mean - expected.mean)).toBeLessThan(expected.halfWidth / 2);
    expect(interval.halfWidth / expected.halfWidth).toBeGreaterThan(0.6);
    expect(interval.halfWidth / expected.halfWidth).toBeLessThan(1.6);
    for (const method of ['randomization', 'bootstrap'] as const) {
      const tested = pairedTest(metric, baseline, system, { seed: 1, samples: 400, method });
      expect(Math.abs(tested.baseline - expected.baseline)).toBeLessThan(1e-6);
      expect(Math.abs(tested.system - expected.score)).toBeLessThan(1e-6);
      expect(Math.abs(tested.pValue - expected[method])).toBeLessThan(0.2);
      expect(tested.pValue < 0.05).toBe(expected[method] < 0.05);
    }
  });
});

test('the same seed gives the same numbers, another one others', () => {
  const interval = (seed: number) => confidenceInterval(metrics[0], baseline, { seed, samples: 50 });
  expect(interval(1)).toEqual(interval(1));
  expect(interval(1)).not.toEqual(interval(2));
  expect(interval(2 ** 32)).not.toEqual(interval(0));
});

test('a system is as good as itself', () => {
  // No exchange makes a difference, and none is greater than none.
  expect(pairedTest(metrics[0], baseline, baseline, { seed: 1, samples: 99 }).pValue).toBe(0.01);
});

test.each<[() => unknown, string]>([
  [() => confidenceInterval(metrics[0], [], { seed: 1 }), 'BLEU: there are no segments to score'],
  [() => confidenceInterval(metrics[0], baseline, { seed: -1 }), 'confidenceInterval: seed is -1'],
  [() => confidenceInterval(metrics[0], baseline, { seed: 1, samples: 0 }), 'confidenceInterval: samples is 0'],
  [
    () => pairedTest(metrics[0], baseline, baseline.slice(1), { seed: 1 }),
    'pairedTest: 40 segments of the baseline, 39 of the system; score the same ones',
  ],
])('refuses: %#', (run, message) => expect(run).toThrow(message));
