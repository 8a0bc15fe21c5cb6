import { exponential, geometricMean } from './roots';
import { type MetricScore, type Segment, SegmentMetric } from './segment-metric';
import { countMatches, countNGrams, trimEnd } from './text';
import { type BleuTokenizer, tokenizers } from './tokenize';

export interface BleuOptions {
  /** Default '13a', as the conference WMT does. */
  readonly tokenizer?: BleuTokenizer;
  /** Default false. */
  readonly lowercase?: boolean;
  /**
   * What to do about orders without a match (Chen and Cherry 2014): 'exp', the k-th of them counts 1 / 2^k matches; 'floor',
   * each counts `smoothingValue`; 'add-k', that is added to the matches and n-grams of all orders above 1; 'none'.
   * Default 'exp'.
   */
  readonly smoothing?: 'exp' | 'floor' | 'add-k' | 'none';
  /** Default 0.1 for 'floor', 1 for 'add-k'. */
  readonly smoothingValue?: number;
  /** Default 4. */
  readonly maxOrder?: number;
  /** Leave out orders longer than the hypotheses are: right for single sentences, which else score 0. Default false. */
  readonly effectiveOrder?: boolean;
}

export interface BleuScore extends MetricScore {
  /** Of each order, 0 to 100, smoothed. */
  readonly precisions: readonly number[];
  readonly brevityPenalty: number;
  readonly hypothesisLength: number;
  /** Sum of the closest references' lengths. */
  readonly referenceLength: number;
}

/**
 * BLEU: 100 · min(1, e^(1 - r/c)) · (p₁ p₂ p₃ p₄)^(1/4), where pₙ is the part of the hypotheses' n-grams that occur in a
 * reference, each at most as often as there, c the length of the hypotheses and r that of the closest references (the
 * shorter of two equally close ones). Equal to sacrebleu.
 *
 * Papineni, Roukos, Ward, Zhu: BLEU (ACL 2002), section 2; Post: A Call for Clarity in Reporting BLEU Scores (WMT 2018).
 *
 * @throws RangeError if an option is out of range.
 */
export class Bleu extends SegmentMetric<BleuScore> {
  readonly name = 'BLEU';
  readonly largerIsBetter = true;
  private readonly options: Required<BleuOptions>;

  constructor(options: BleuOptions = {}) {
    super();
    const { tokenizer = '13a', lowercase = false, smoothing = 'exp', maxOrder = 4, effectiveOrder = false } = options;
    const { smoothingValue = smoothing === 'floor' ? 0.1 : 1 } = options;
    if (!Object.hasOwn(tokenizers, tokenizer)) {
      throw new RangeError(
        `Bleu: tokenizer is ${String(tokenizer)}, expected one of ${Object.keys(tokenizers).join(', ')}`,
      );
    }
    if (!Number.isInteger(maxOrder) || maxOrder < 1)
      throw new RangeError(`Bleu: maxOrder is ${maxOrder}, expected 1 or more`);
    if (!(smoothingValue >= 0)) throw new RangeError(`Bleu: smoothingValue is ${smoothingValue}, expected 0 or more`);
    this.options = { tokenizer, lowercase, smoothing, smoothingValue, maxOrder, effectiveOrder };
  }

  /** [length, closest reference length, matches of order 1, …, n-grams of order 1, …]. */
  statistics({ hypothesis, references }: Segment): number[] {
    const { maxOrder } = this.options;
    const tokens = this.tokens(hypothesis);
    const references_ = references.map((reference) => this.tokens(reference));
    const matches: number[] = [];
    const totals: number[] = [];
    for (let order = 1; order <= maxOrder; order++) {
      const most = new Map<string, number>(); // of each n-gram, in any one reference
      for (const reference of references_) {
        for (const [gram, count] of countNGrams(reference, order, ' '))
          most.set(gram, Math.max(count, most.get(gram) ?? 0));
      }
      matches.push(countMatches(countNGrams(tokens, order, ' '), most));
      totals.push(Math.max(0, tokens.length - order + 1));
    }
    return [
      tokens.length,
      closest(
        tokens.length,
        references_.map(({ length }) => length),
      ),
      ...matches,
      ...totals,
    ];
  }

  fromStatistics(sums: readonly number[]): BleuScore {
    const { maxOrder, smoothing, smoothingValue, effectiveOrder } = this.options;
    const [hypothesisLength, referenceLength] = sums;
    const matches = sums.slice(2, 2 + maxOrder);
    const totals = sums.slice(2 + maxOrder);
    const isShort = hypothesisLength < referenceLength;
    const shortness = hypothesisLength === 0 ? 0 : exponential(1 - referenceLength / hypothesisLength);
    const brevityPenalty = isShort ? shortness : 1;
    const precisions = new Array<number>(maxOrder).fill(0);
    if (matches.every((count) => count === 0)) {
      return { score: 0, precisions, brevityPenalty, hypothesisLength, referenceLength };
    }
    let orders = maxOrder;
    let part = 1; // of a match, for 'exp'
    for (let n = 0; n < maxOrder; n++) {
      const added = smoothing === 'add-k' && n > 0 ? smoothingValue : 0;
      const [matched, total] = [matches[n] + added, totals[n] + added];
      if (total === 0) break;
      if (effectiveOrder) orders = n + 1;
      if (matched > 0) precisions[n] = (100 * matched) / total;
      else if (smoothing === 'exp') precisions[n] = (100 * (part /= 2)) / total;
      else if (smoothing === 'floor') precisions[n] = (100 * smoothingValue) / total;
    }
    const score = brevityPenalty * geometricMean(precisions.slice(0, orders));
    return { score, precisions, brevityPenalty, hypothesisLength, referenceLength };
  }

  protected settings(): Record<string, string> {
    const { tokenizer, lowercase, smoothing, smoothingValue, effectiveOrder } = this.options;
    const value = smoothing === 'floor' || smoothing === 'add-k' ? `[${smoothingValue.toFixed(2)}]` : '';
    return {
      case: lowercase ? 'lc' : 'mixed',
      eff: effectiveOrder ? 'yes' : 'no',
      tok: tokenizer,
      smooth: smoothing + value,
    };
  }

  private tokens(text: string): string[] {
    const { tokenizer, lowercase } = this.options;
    return tokenizers[tokenizer](trimEnd(lowercase ? text.toLowerCase() : text));
  }
}

function closest(length: number, lengths: readonly number[]): number {
  return lengths.reduce((best, other) => {
    const nearer = Math.abs(length - other) - Math.abs(length - best);
    return nearer < 0 || (nearer === 0 && other < best) ? other : best;
  });
}
