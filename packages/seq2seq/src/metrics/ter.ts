import { type MetricScore, type Segment, SegmentMetric } from './segment-metric';
import { translationEdits } from './translation-edits';
import { trimEnd, words } from './text';
import { splitDigitDashes, splitPoints, splitSigns, unescape } from './tokenize';

export interface TerOptions {
  /** Undo escapes of XML and set punctuation apart, as Tercom's `-N`. Default false. */
  readonly normalized?: boolean;
  /** Remove . , ? : ; ! " ( ). Default false. */
  readonly noPunctuation?: boolean;
  /** With `normalized`, Chinese characters and kanji are words of their own; with `noPunctuation`, the punctuation of East
   * Asian scripts is removed too. Default false. */
  readonly asianSupport?: boolean;
  /** Default false: unlike BLEU and chrF, TER ignores case. */
  readonly caseSensitive?: boolean;
}

export interface TerScore extends MetricScore {
  readonly edits: number;
  /** Sum of the mean lengths of each segment's references. */
  readonly referenceLength: number;
}

/**
 * Translation edit rate: 100 · edits / reference length, where an edit inserts, deletes or replaces a word or moves a run of
 * words. Of several references, the one with the fewest edits and the mean of all lengths count. 0 is best, and it may
 * exceed 100. Equal to sacrebleu, which follows Tercom.
 *
 * Snover, Dorr, Schwartz, Micciulla, Makhoul: A Study of Translation Edit Rate (AMTA 2006), section 3.
 */
export class Ter extends SegmentMetric<TerScore> {
  readonly name = 'TER';
  readonly largerIsBetter = false;
  private readonly options: Required<TerOptions>;

  constructor(options: TerOptions = {}) {
    super();
    const { normalized = false, noPunctuation = false, asianSupport = false, caseSensitive = false } = options;
    this.options = { normalized, noPunctuation, asianSupport, caseSensitive };
  }

  /** [edits, mean reference length]. */
  statistics({ hypothesis, references }: Segment): number[] {
    const ours = this.tokens(hypothesis);
    let edits = Infinity;
    let length = 0;
    for (const reference of references) {
      // sacrebleu normalises references twice; that differs from once where the first time makes, say, an escape: &amp;lt;.
      const theirs = this.tokens(this.tokens(reference).join(' '));
      edits = Math.min(edits, translationEdits(ours, theirs));
      length += theirs.length;
    }
    return [edits, length / references.length];
  }

  fromStatistics([edits, referenceLength]: readonly number[]): TerScore {
    const ofNothing = edits > 0 ? 100 : 0;
    return { score: referenceLength > 0 ? 100 * (edits / referenceLength) : ofNothing, edits, referenceLength };
  }

  protected settings(): Record<string, string | boolean> {
    const { normalized, noPunctuation, asianSupport, caseSensitive } = this.options;
    return {
      case: caseSensitive ? 'mixed' : 'lc',
      tok: 'tercom',
      norm: normalized,
      punct: !noPunctuation,
      asian: asianSupport,
    };
  }

  private tokens(text: string): string[] {
    const { normalized, noPunctuation, asianSupport, caseSensitive } = this.options;
    let result = trimEnd(text);
    if (!caseSensitive) result = result.toLowerCase();
    if (normalized) {
      result = normalize(result);
      if (asianSupport) result = result.replaceAll(asianSigns, ' $& ').replaceAll(asianPunctuation, ' $& ');
    }
    if (noPunctuation) {
      result = result.replaceAll(/[.,?:;!"()]/g, '');
      if (asianSupport) result = result.replaceAll(asianPunctuation, '');
    }
    return words(result);
  }
}

/** Tercom's normalisation: close to mteval's, with the possessive 's apart. */
function normalize(text: string): string {
  const signs = splitSigns(` ${unescape(text.replaceAll('\n-', '').replaceAll('\n', ' '))} `);
  return splitDigitDashes(splitPoints(signs.replaceAll("'s ", " 's ")));
}

// Ideographs and their parts, strokes, enclosed and compatibility forms. sacrebleu's rules for kana never apply: they look at
// the first sign, which by then is a space.
const asianSigns = /[\u2e80-\u2eff\u31c0-\u31ef\u3200-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f]/g;
const asianPunctuation =
  /[\u3001\u3002\u3008-\u3011\u3014-\u301f\uff61-\uff65\u30fb\uff0e\uff0c\uff1f\uff1a\uff1b\uff01\uff02\uff08\uff09]/g;
