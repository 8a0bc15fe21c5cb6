/** A text that a system wrote, beside all texts that would have been right. */
export interface Segment {
  readonly hypothesis: string;
  /** One or more; segments of a corpus may have unequal numbers. */
  readonly references: readonly string[];
}

export interface MetricScore {
  /** 0 to 100; of an error rate, 0 or more. */
  readonly score: number;
}

/**
 * A metric whose score of a corpus is a function of counts that add up over its segments. That is what makes confidence
 * intervals cheap: a resampled corpus needs sums, no texts.
 */
export abstract class SegmentMetric<Score extends MetricScore = MetricScore> {
  /** Such as `chrF2++`; in messages and tables. */
  abstract readonly name: string;
  /** Whether a larger score is a better one. */
  abstract readonly largerIsBetter: boolean;

  /** The counts of one segment, always equally many. */
  abstract statistics(segment: Segment): number[];

  /** The score that the sums of such counts make. */
  abstract fromStatistics(sums: readonly number[]): Score;

  /** The options that change scores, as sacrebleu writes them. */
  protected abstract settings(): Readonly<Record<string, string | number | boolean>>;

  /** @throws RangeError if there is no segment, or one without a reference. */
  corpus(segments: Iterable<Segment>): Score {
    return this.fromStatistics(sumOf(this.corpusStatistics(segments)));
  }

  /** The score of a corpus of this one segment. */
  sentence(hypothesis: string, references: readonly string[]): Score {
    return this.corpus([{ hypothesis, references }]);
  }

  /** The counts of each segment. @throws RangeError if there is no segment, or one without a reference. */
  corpusStatistics(segments: Iterable<Segment>): number[][] {
    const rows: number[][] = [];
    for (const segment of segments) {
      if (segment.references.length === 0)
        throw new RangeError(`${this.name}: segment ${rows.length} has no reference`);
      rows.push(this.statistics(segment));
    }
    if (rows.length === 0) throw new RangeError(`${this.name}: there are no segments to score`);
    return rows;
  }

  /**
   * Everything that somebody must know to get the same scores, in the form of sacrebleu without its version:
   * `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp`.
   */
  signature(segments: Iterable<Segment>): string {
    const numbers = new Set(Array.from(segments, ({ references }) => references.length));
    const nrefs = numbers.size === 1 ? [...numbers][0] : 'var';
    return Object.entries({ nrefs, ...this.settings() })
      .map(([key, value]) => `${key}:${typeof value === 'boolean' ? (value ? 'yes' : 'no') : value}`)
      .join('|');
  }
}

/** The sums of the columns of equally long rows. */
export function sumOf(rows: readonly (readonly number[])[]): number[] {
  const sums = rows[0].map(() => 0);
  for (const row of rows) for (let i = 0; i < sums.length; i++) sums[i] += row[i];
  return sums;
}
