import { philox } from '@qkv/tensor';

import { type Segment, type SegmentMetric, sumOf } from './segment-metric';

export interface ResamplingOptions {
  readonly seed: number;
  /** Default 1000; 10000 for 'randomization'. */
  readonly samples?: number;
}

/** Where 95 % of the resampled scores lie: mean ± halfWidth. */
export interface ConfidenceInterval {
  readonly mean: number;
  readonly halfWidth: number;
}

/**
 * The 95 % confidence interval of a corpus score: the score is computed for many corpora of segments drawn with replacement.
 *
 * Koehn: Statistical Significance Tests for Machine Translation Evaluation (EMNLP 2004); the interval is sacrebleu's, half
 * the distance between the scores 1/40 from either end, around the mean.
 *
 * @throws RangeError if an option is out of range, or there is no segment or one without a reference.
 */
export function confidenceInterval(
  metric: SegmentMetric,
  segments: Iterable<Segment>,
  options: ResamplingOptions,
): ConfidenceInterval {
  const rows = metric.corpusStatistics(segments);
  const { samples = 1000, seed } = options;
  check('confidenceInterval', samples, seed);
  return intervalOf(drawn(rows.length, samples, seed, rows.length).map((sample) => scoreOf(metric, rows, sample)));
}

export interface PairedTestOptions extends ResamplingOptions {
  /**
   * 'randomization' (Riezler and Maxwell 2005): how often random exchange of the two systems' segments makes a greater
   * difference; 'bootstrap' (Koehn 2004): how often resampling makes one that is greater, beyond its mean. Default
   * 'randomization', which needs fewer assumptions.
   */
  readonly method?: 'randomization' | 'bootstrap';
}

export interface PairedTest {
  readonly baseline: number;
  readonly system: number;
  /** How likely a difference like that is if the systems are equally good: (greater ones + 1) / (samples + 1). */
  readonly pValue: number;
}

/**
 * Whether two systems differ by more than chance on the same segments, two-sided, as sacrebleu tests it.
 *
 * @throws RangeError if an option is out of range, the numbers of segments differ, or there is none.
 */
export function pairedTest(
  metric: SegmentMetric,
  baseline: Iterable<Segment>,
  system: Iterable<Segment>,
  options: PairedTestOptions,
): PairedTest {
  const { method = 'randomization', seed, samples = method === 'randomization' ? 10_000 : 1000 } = options;
  check('pairedTest', samples, seed);
  const a = metric.corpusStatistics(baseline);
  const b = metric.corpusStatistics(system);
  if (a.length !== b.length) {
    throw new RangeError(
      `pairedTest: ${a.length} segments of the baseline, ${b.length} of the system; score the same ones`,
    );
  }
  const draw = drawn(a.length, samples, seed, method === 'randomization' ? 2 : a.length);
  const pValue = method === 'randomization' ? randomizationP(metric, a, b, draw) : bootstrapP(metric, a, b, draw);
  return { baseline: metric.fromStatistics(sumOf(a)).score, system: metric.fromStatistics(sumOf(b)).score, pValue };
}

type Rows = readonly (readonly number[])[];
type Draws = readonly (readonly number[])[]; // (samples, segments)

const scoreOf = (metric: SegmentMetric, rows: Rows, sample: readonly number[]): number =>
  metric.fromStatistics(sumOf(sample.map((i) => rows[i]))).score;

export function intervalOf(scores: readonly number[]): ConfidenceInterval {
  const sorted = Float64Array.from(scores).sort();
  const cut = Math.floor(sorted.length / 40);
  const mean = sorted.reduce((sum, score) => sum + score, 0) / sorted.length;
  return { mean, halfWidth: (sorted[sorted.length - 1 - cut] - sorted[cut]) / 2 };
}

/** `draws` hold the segment that each place of a resampled corpus has. */
export function bootstrapP(metric: SegmentMetric, a: Rows, b: Rows, draws: Draws): number {
  const differences = draws.map((sample) => Math.abs(scoreOf(metric, b, sample) - scoreOf(metric, a, sample)));
  const mean = differences.reduce((sum, difference) => sum + difference, 0) / differences.length;
  return portionAbove(
    differences.map((difference) => difference - mean),
    distance(metric, a, b),
  );
}

/** `draws` hold 1 where the systems keep a segment, 0 where they exchange it. */
export function randomizationP(metric: SegmentMetric, a: Rows, b: Rows, draws: Draws): number {
  const differences = draws.map((kept) =>
    distance(
      metric,
      kept.map((keep, i) => (keep === 1 ? a : b)[i]),
      kept.map((keep, i) => (keep === 1 ? b : a)[i]),
    ),
  );
  return portionAbove(differences, distance(metric, a, b));
}

const distance = (metric: SegmentMetric, a: Rows, b: Rows): number =>
  Math.abs(metric.fromStatistics(sumOf(a)).score - metric.fromStatistics(sumOf(b)).score);

const portionAbove = (values: readonly number[], bound: number): number =>
  (values.filter((value) => value > bound).length + 1) / (values.length + 1);

/** Whole numbers from 0 to bound - 1 by Philox; bound / 2^32, the most by which one is likelier, is far below the noise. */
function drawn(length: number, samples: number, seed: number, bound: number): number[][] {
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32)] as const;
  return Array.from({ length: samples }, (_, sample) => {
    const words = Array.from({ length: Math.ceil(length / 4) }, (__, block) =>
      philox([block, sample, 0, 0], key),
    ).flat();
    return words.slice(0, length).map((word) => Math.floor((word * bound) / 2 ** 32));
  });
}

function check(what: string, samples: number, seed: number): void {
  if (!Number.isInteger(samples) || samples < 1)
    throw new RangeError(`${what}: samples is ${samples}, expected 1 or more`);
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new RangeError(`${what}: seed is ${seed}, expected a whole number from 0`);
}
