import { checkWhole } from './check';

/** One shape of batches: room for this many source and target ids a row. */
export interface GridCell {
  readonly sourceLength: number;
  readonly targetLength: number;
}

/** What {@link chooseGrid} looks at: sequence pairs themselves, or only their lengths. */
export interface PairLengths {
  readonly source: { readonly length: number };
  readonly target: { readonly length: number };
}

/** Lengths tried on each axis; more distinct ones than this are thinned out. The search takes up to this number^4 steps. */
const MAX_LEVELS = 48;
/** Rounds of moving one cell at a time. Two or three are usual. */
const MAX_ROUNDS = 10;

/**
 * At most `cells` cells that every pair fits, chosen to need little padding: they make
 * Σ over pairs of min over fitting cells of (sourceLength + targetLength) small.
 *
 * Starts with the one cell that holds everything, adds the cell that saves most until there are enough, then moves single
 * cells as long as that helps. Deterministic; not always the very best grid.
 *
 * @throws RangeError if there are no pairs or `cells` is not a whole number of at least 1.
 */
export function chooseGrid(pairs: Iterable<PairLengths>, options: { readonly cells: number }): GridCell[] {
  checkWhole('chooseGrid: cells', options.cells, 1, 2 ** 31 - 1);
  const search = new GridSearch(countLengths(pairs));
  const chosen = [search.best([])];
  while (chosen.length < options.cells) {
    const candidate = search.best(chosen);
    if (search.cost([...chosen, candidate]) >= search.cost(chosen)) break; // nothing left to save
    chosen.push(candidate);
  }
  for (let round = 0, moved = true; moved && round < MAX_ROUNDS; round++) {
    moved = false;
    for (let i = 0; i < chosen.length; i++) {
      const others = chosen.filter((_, j) => j !== i);
      const candidate = search.best(others);
      if (search.cost([...others, candidate]) >= search.cost(chosen)) continue;
      chosen[i] = candidate;
      moved = true;
    }
  }
  return chosen.sort((a, b) => size(a) - size(b) || a.sourceLength - b.sourceLength);
}

/** A number of pairs of (nearly) the same lengths, which are these or a little less. */
interface Bucket extends GridCell {
  count: number;
}

const size = ({ sourceLength, targetLength }: GridCell): number => sourceLength + targetLength;

const fits = (inner: GridCell, outer: GridCell): boolean =>
  inner.sourceLength <= outer.sourceLength && inner.targetLength <= outer.targetLength;

class GridSearch {
  private readonly sourceLevels: readonly number[];
  private readonly targetLevels: readonly number[];

  constructor(private readonly buckets: readonly Bucket[]) {
    this.sourceLevels = distinct(buckets.map(({ sourceLength }) => sourceLength));
    this.targetLevels = distinct(buckets.map(({ targetLength }) => targetLength));
  }

  /** Places that all pairs take in their smallest cells; Infinity if one fits none. */
  cost(cells: readonly GridCell[]): number {
    return this.placesEach(cells).reduce((sum, places, i) => sum + places * this.buckets[i].count, 0);
  }

  /** The cell that, added to the given ones, makes the cost least: among those that hold all pairs that fit none yet. */
  best(cells: readonly GridCell[]): GridCell {
    const before = this.placesEach(cells);
    const homeless = this.buckets.filter((_, i) => before[i] === Infinity);
    const atLeast: GridCell = {
      sourceLength: Math.max(0, ...homeless.map(({ sourceLength }) => sourceLength)),
      targetLength: Math.max(0, ...homeless.map(({ targetLength }) => targetLength)),
    };
    let best: GridCell | undefined;
    let mostSaved = -Infinity;
    for (const sourceLength of this.sourceLevels) {
      for (const targetLength of this.targetLevels) {
        const cell = { sourceLength, targetLength };
        if (!fits(atLeast, cell)) continue;
        const saved = this.saving(cell, before);
        if (saved > mostSaved) [best, mostSaved] = [cell, saved];
      }
    }
    return best!; // the largest levels hold everything
  }

  private placesEach(cells: readonly GridCell[]): number[] {
    return this.buckets.map((bucket) => {
      let least = Infinity;
      for (const cell of cells) if (fits(bucket, cell)) least = Math.min(least, size(cell));
      return least;
    });
  }

  /** Places saved by a further cell; those of pairs that had none count as lost, so that the smallest cell wins. */
  private saving(cell: GridCell, before: readonly number[]): number {
    const places = size(cell);
    let saved = 0;
    for (let i = 0; i < this.buckets.length; i++) {
      if (before[i] <= places || !fits(this.buckets[i], cell)) continue;
      saved += this.buckets[i].count * ((before[i] === Infinity ? 0 : before[i]) - places);
    }
    return saved;
  }
}

function countLengths(pairs: Iterable<PairLengths>): Bucket[] {
  const lengths = Array.from(pairs, ({ source, target }) => [source.length, target.length] as const);
  if (lengths.length === 0) throw new RangeError('chooseGrid: no pairs to choose a grid for');
  const roundSource = roundUpToLevel(lengths.map(([source]) => source));
  const roundTarget = roundUpToLevel(lengths.map(([, target]) => target));
  const buckets = new Map<string, Bucket>();
  for (const [source, target] of lengths) {
    const sourceLength = roundSource(source);
    const targetLength = roundTarget(target);
    const key = `${sourceLength},${targetLength}`;
    const bucket = buckets.get(key) ?? { sourceLength, targetLength, count: 0 };
    bucket.count++;
    buckets.set(key, bucket);
  }
  return [...buckets.values()];
}

/** Every length is a level if there are few; else MAX_LEVELS of them that split the pairs evenly, the longest included. */
function roundUpToLevel(lengths: number[]): (length: number) => number {
  const sorted = Float64Array.from(lengths).sort();
  let levels = distinct(lengths);
  if (levels.length > MAX_LEVELS) {
    levels = distinct(
      Array.from({ length: MAX_LEVELS }, (_, i) => sorted[Math.ceil(((i + 1) * sorted.length) / MAX_LEVELS) - 1]),
    );
  }
  const rounded = new Map<number, number>();
  let level = 0;
  for (const length of sorted) {
    while (levels[level] < length) level++;
    rounded.set(length, levels[level]);
  }
  return (length) => rounded.get(length)!;
}

const distinct = (values: readonly number[]): number[] => [...new Set(values)].sort((a, b) => a - b);
