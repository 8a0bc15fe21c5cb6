import { type MetricScore, type Segment, SegmentMetric } from './segment-metric';
import { type Counts, countMatches, countNGrams, words } from './text';

export interface ChrFOptions {
  /** Longest character n-grams. Default 6. */
  readonly characterOrder?: number;
  /** Longest word n-grams; 2 makes chrF++. Default 0. */
  readonly wordOrder?: number;
  /** How many times as much recall counts as precision. Default 2. */
  readonly beta?: number;
  /** Default false. */
  readonly lowercase?: boolean;
  /** Count the white space between words as characters. Default false. */
  readonly whitespace?: boolean;
  /** The mean of each order's F, where orders that are too long for a text count as 1e-16, instead of the F of the mean
   * precision and recall of the others: as chrF++.py, Moses and NLTK do. Default false. */
  readonly epsilonSmoothing?: boolean;
}

const EPSILON = 1e-16;
const punctuation = new Set('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~');

/**
 * chrF: 100 · (1 + β²) P R / (β² P + R), P and R the means over all orders of the parts of n-grams of the hypothesis and of
 * the reference that match. Of several references, the one with the best score of the segment counts. Equal to sacrebleu.
 *
 * Popović: chrF (WMT 2015), section 2; chrF++: words helping character n-grams (WMT 2017).
 *
 * @throws RangeError if an option is out of range.
 */
export class ChrF extends SegmentMetric {
  readonly name: string;
  readonly largerIsBetter = true;
  private readonly options: Required<ChrFOptions>;

  constructor(options: ChrFOptions = {}) {
    super();
    const { characterOrder = 6, wordOrder = 0, beta = 2 } = options;
    const { lowercase = false, whitespace = false, epsilonSmoothing = false } = options;
    const isOrder = (order: number): boolean => Number.isInteger(order) && order >= 0;
    if (!isOrder(characterOrder) || !isOrder(wordOrder) || characterOrder + wordOrder === 0) {
      throw new RangeError(
        `ChrF: characterOrder is ${characterOrder} and wordOrder ${wordOrder}, expected whole numbers from 0, one above`,
      );
    }
    if (!(beta >= 0)) throw new RangeError(`ChrF: beta is ${beta}, expected 0 or more`);
    this.options = { characterOrder, wordOrder, beta, lowercase, whitespace, epsilonSmoothing };
    this.name = `chrF${beta}${'+'.repeat(wordOrder)}`;
  }

  /** For each order: n-grams of the hypothesis, those of the reference, matches. */
  statistics({ hypothesis, references }: Segment): number[] {
    const grams = this.nGrams(hypothesis);
    let best: number[] = [];
    let bestScore = -1;
    for (const reference of references) {
      const statistics = this.nGrams(reference).flatMap((theirs, i) => {
        const [ours, total] = [grams[i], sizeOf(theirs)];
        return [total === 0 ? 0 : sizeOf(ours), total, countMatches(ours, theirs)];
      });
      const { score } = this.fromStatistics(statistics);
      if (score > bestScore) [best, bestScore] = [statistics, score];
    }
    return best;
  }

  fromStatistics(sums: readonly number[]): MetricScore {
    const { characterOrder, wordOrder, beta, epsilonSmoothing } = this.options;
    const orders = characterOrder + wordOrder;
    const factor = beta * beta;
    const mean = (precision: number, recall: number): number =>
      ((1 + factor) * precision * recall) / (factor * precision + recall);
    let [precisions, recalls, scores, held] = [0, 0, 0, 0];
    for (let i = 0; i < orders; i++) {
      const [ours, theirs, matches] = sums.slice(3 * i, 3 * i + 3);
      const precision = ours > 0 ? matches / ours : EPSILON;
      const recall = theirs > 0 ? matches / theirs : EPSILON;
      scores += factor * precision + recall > 0 ? mean(precision, recall) : EPSILON;
      if (ours === 0 || theirs === 0) continue;
      precisions += precision;
      recalls += recall;
      held++;
    }
    if (epsilonSmoothing) return { score: (100 * scores) / orders };
    return { score: precisions + recalls === 0 ? 0 : 100 * mean(precisions / held, recalls / held) };
  }

  protected settings(): Record<string, string | number | boolean> {
    const { characterOrder, wordOrder, lowercase, whitespace, epsilonSmoothing } = this.options;
    return {
      case: lowercase ? 'lc' : 'mixed',
      eff: !epsilonSmoothing,
      nc: characterOrder,
      nw: wordOrder,
      space: whitespace,
    };
  }

  private nGrams(text: string): Counts[] {
    const { characterOrder, wordOrder, lowercase, whitespace } = this.options;
    const cased = lowercase ? text.toLowerCase() : text;
    const characters = Array.from(whitespace ? cased : words(cased).join('')); // by code points
    const tokens = wordOrder > 0 ? words(cased).flatMap(splitPunctuation) : [];
    return [
      ...Array.from({ length: characterOrder }, (_, i) => countNGrams(characters, i + 1, '')),
      ...Array.from({ length: wordOrder }, (_, i) => countNGrams(tokens, i + 1, ' ')),
    ];
  }
}

/** One sign of punctuation at the end of a word, or else one at its beginning, is a word of its own. */
function splitPunctuation(word: string): string[] {
  if (word.length === 1) return [word];
  if (punctuation.has(word.slice(-1))) return [word.slice(0, -1), word.slice(-1)];
  return punctuation.has(word.slice(0, 1)) ? [word.slice(0, 1), word.slice(1)] : [word];
}

function sizeOf(counts: Counts): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}
