const BEAM = 25; // of Tercom: cells further from the diagonal are not looked at

/** What turns the hypothesis into the reference, word by word. */
type Operation = 'keep' | 'substitute' | 'delete' | 'insert';
const operationsByCode: readonly Operation[] = ['keep', 'substitute', 'delete', 'insert'];
const [KEEP, SUBSTITUTE, DELETE, INSERT] = [0, 1, 2, 3];

type Words = readonly string[];

/**
 * The table of Levenshtein's distance between prefixes of a hypothesis and of a reference, in a beam around the diagonal.
 * Variants of the hypothesis share the rows of the words before the first that differs; all have one length.
 */
export class EditTable {
  distance: number;
  private readonly columns: number;
  private readonly costs: Float64Array; // (hypothesis + 1, reference + 1); Infinity outside of the beam
  private readonly codes: Uint8Array; // the last operation of each cell
  private readonly trialCosts: Float64Array;
  private readonly trialCodes: Uint8Array;

  constructor(
    public hypothesis: Words,
    readonly reference: Words,
  ) {
    this.columns = reference.length + 1;
    const cells = (hypothesis.length + 1) * this.columns;
    this.costs = new Float64Array(cells).fill(Infinity);
    this.codes = new Uint8Array(cells);
    for (let j = 0; j < this.columns; j++) {
      this.costs[j] = j;
      this.codes[j] = INSERT;
    }
    this.fill(hypothesis, 0, this.costs, this.codes);
    this.distance = this.costs[cells - 1];
    this.trialCosts = this.costs.slice();
    this.trialCodes = this.codes.slice();
  }

  /** The distance of a variant of the hypothesis. */
  distanceOf(variant: Words): number {
    const from = variant.findIndex((word, i) => word !== this.hypothesis[i]);
    if (from < 0) return this.distance;
    // Of the rows before only the last is read. Variants have one beam, so that nothing is written outside of it.
    const row = from * this.columns;
    this.trialCosts.set(this.costs.subarray(row, row + this.columns), row);
    this.fill(variant, from, this.trialCosts, this.trialCodes);
    return this.trialCosts[this.trialCosts.length - 1];
  }

  /** Puts a variant in the place of the hypothesis. */
  replace(variant: Words): void {
    this.hypothesis = variant;
    this.fill(variant, 0, this.costs, this.codes);
    this.distance = this.costs[this.costs.length - 1];
  }

  /** The operations from the first word on. */
  operations(): Operation[] {
    const found: Operation[] = [];
    let [i, j] = [this.hypothesis.length, this.reference.length];
    while (i > 0 || j > 0) {
      const code = this.codes[i * this.columns + j];
      found.push(operationsByCode[code]);
      if (code !== INSERT) i--;
      if (code !== DELETE) j--;
    }
    return found.reverse();
  }

  private fill(words: Words, from: number, costs: Float64Array, codes: Uint8Array): void {
    const { reference, columns } = this;
    const ratio = words.length === 0 ? 1 : reference.length / words.length;
    // Wide enough that the beams of neighbouring rows overlap, however much the lengths differ.
    const beam = BEAM < ratio / 2 ? Math.ceil(ratio / 2 + BEAM) : BEAM;
    for (let i = from + 1; i <= words.length; i++) {
      const diagonal = Math.floor(i * ratio);
      const end = i === words.length ? columns : Math.min(columns, diagonal + beam);
      for (let j = Math.max(0, diagonal - beam); j < end; j++) {
        const cell = i * columns + j;
        const above = cell - columns;
        // Of equally good ones: the diagonal, then a deletion, then an insertion.
        let least = costs[above] + 1;
        let code = DELETE;
        if (j > 0) {
          const isEqual = words[i - 1] === reference[j - 1];
          const diagonalCost = costs[above - 1] + (isEqual ? 0 : 1);
          if (diagonalCost <= least) [least, code] = [diagonalCost, isEqual ? KEEP : SUBSTITUTE];
          if (costs[cell - 1] + 1 < least) [least, code] = [costs[cell - 1] + 1, INSERT];
        }
        costs[cell] = least;
        codes[cell] = code;
      }
    }
  }
}

/** Which word of the hypothesis stands at or before each word of the reference, and which words of both are wrong. */
export function alignmentOf(operations: readonly Operation[]): {
  placeOf: number[];
  wrongInHypothesis: boolean[];
  wrongInReference: boolean[];
} {
  const placeOf: number[] = [];
  const wrongInHypothesis: boolean[] = [];
  const wrongInReference: boolean[] = [];
  for (const operation of operations) {
    const isWrong = operation !== 'keep';
    if (operation !== 'insert') wrongInHypothesis.push(isWrong);
    if (operation === 'delete') continue;
    placeOf.push(wrongInHypothesis.length - 1);
    wrongInReference.push(isWrong);
  }
  return { placeOf, wrongInHypothesis, wrongInReference };
}
