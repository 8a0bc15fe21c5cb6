import { checkWhole } from './check';
import type { GridCell } from './grid';
import { copyIds } from './padding';
import { permutation, shuffle, streams } from './shuffle';

/** One example: the ids of a source and of its target. What END or START they carry, the caller has put there. */
export interface SequencePair {
  readonly source: ArrayLike<number>;
  readonly target: ArrayLike<number>;
}

/** Everything that can be looped over with `for await`: batches made on the spot, or read from elsewhere. */
export type Loader<Batch> = Iterable<Batch> | AsyncIterable<Batch>;

/** A place in the endless sequence of batches: the next one to come is batch `batch` of epoch `epoch`. */
export interface Cursor {
  readonly epoch: number;
  readonly batch: number;
}

/** Padded examples. The arrays belong to the receiver. */
export interface GridBatch {
  /** (rows, sourceLength), filled up with padId. */
  readonly source: Int32Array;
  /** (rows, targetLength), filled up with padId. */
  readonly target: Int32Array;
  /** (rows): 1 for an example, 0 for a row that only fills the batch. */
  readonly weight: Float32Array;
  /** (rows): which example each row holds, -1 for a filler. */
  readonly indices: Int32Array;
  readonly rows: number;
  readonly sourceLength: number;
  readonly targetLength: number;
  /** Index of the cell in `GridBatches.cells`. Batches of one cell have one shape. */
  readonly cell: number;
  /** Where to go on after this batch: save it with the weights. */
  readonly next: Cursor;
}

interface CommonOptions {
  /** The shapes that batches may have; see {@link chooseGrid}. An example goes to the smallest cell that it fits. */
  readonly cells: readonly GridCell[];
  readonly seed: number;
  /** Default 0, the PAD of @qkv/tokenizers. */
  readonly padId?: number;
  /** What to do with an example that fits no cell. Default 'error': dropping data should be a decision. */
  readonly tooLong?: 'error' | 'drop';
}

/** Either `rows`, the rows of every batch, or `tokens`, the most source and target places that a batch may have. */
export type GridBatchesOptions = CommonOptions &
  ({ readonly rows: number; readonly tokens?: undefined } | { readonly tokens: number; readonly rows?: undefined });

/** A cell with its rows, and what an epoch puts into it. */
export interface FilledCell extends GridCell {
  readonly rows: number;
  readonly examples: number;
  readonly batches: number;
}

/**
 * Batches of sequence pairs in a few fixed shapes, so that a compiled training step needs one plan for each cell of the
 * grid and no more. Every epoch holds each example exactly once; rows left over are fillers of weight 0.
 * The batches and their order depend on the examples, the options and the epoch alone.
 */
export class GridBatches {
  readonly cells: readonly FilledCell[];
  readonly batchesPerEpoch: number;
  /** Share of the places in an epoch's batches that hold padding, filler rows included: 0 to 1. */
  readonly paddingShare: number;
  /** How many examples were left out, with `tooLong: 'drop'`. */
  readonly dropped: number;

  private readonly cellOf: Int32Array; // example → cell, or -1
  private readonly seed: number;
  private readonly padId: number;

  /** @throws RangeError if an option is out of range, an example fits no cell, or no example is left. */
  constructor(
    private readonly pairs: readonly SequencePair[],
    options: GridBatchesOptions,
  ) {
    const { cells, seed, padId = 0, tooLong = 'error' } = options;
    checkWhole('GridBatches: seed', seed, 0, Number.MAX_SAFE_INTEGER);
    checkWhole('GridBatches: padId', padId, -(2 ** 31), 2 ** 31 - 1);
    checkCells(cells);
    this.seed = seed;
    this.padId = padId;
    this.cellOf = assign(pairs, cells, tooLong);

    const examples = new Array<number>(cells.length).fill(0);
    let held = 0;
    let tokens = 0;
    this.cellOf.forEach((cell, index) => {
      if (cell < 0) return;
      examples[cell]++;
      held++;
      tokens += pairs[index].source.length + pairs[index].target.length;
    });
    this.cells = cells.map(({ sourceLength, targetLength }, index) => {
      const rows = rowsOf(sourceLength + targetLength, options);
      return {
        sourceLength,
        targetLength,
        rows,
        examples: examples[index],
        batches: Math.ceil(examples[index] / rows),
      };
    });
    if (held === 0) throw new RangeError(`GridBatches: none of ${pairs.length} examples is left to batch`);
    this.dropped = pairs.length - held;
    this.batchesPerEpoch = this.cells.reduce((sum, { batches }) => sum + batches, 0);
    const places = this.cells.reduce((sum, c) => sum + c.batches * c.rows * (c.sourceLength + c.targetLength), 0);
    this.paddingShare = places === 0 ? 0 : 1 - tokens / places;
  }

  /** The batches of one epoch, in its order. */
  epoch(epoch: number): Generator<GridBatch, void, undefined> {
    checkWhole('GridBatches: epoch', epoch, 0, 2 ** 31 - 1);
    return this.batchesOf(epoch, 0);
  }

  /** Batches without end, epoch after epoch, from the given place: `from(batch.next)` goes on after that batch. */
  from(cursor: Cursor = { epoch: 0, batch: 0 }): Generator<GridBatch, never, undefined> {
    checkWhole('GridBatches: cursor.epoch', cursor.epoch, 0, 2 ** 31 - 1);
    // Beyond the end means that the examples or the options have changed since the cursor was saved.
    checkWhole('GridBatches: cursor.batch', cursor.batch, 0, this.batchesPerEpoch - 1);
    return this.endless(cursor);
  }

  private *endless({ epoch, batch }: Cursor): Generator<GridBatch, never, undefined> {
    for (; ; epoch++, batch = 0) yield* this.batchesOf(epoch, batch);
  }

  private *batchesOf(epoch: number, first: number): Generator<GridBatch, void, undefined> {
    const members = this.cells.map(({ examples }) => new Int32Array(examples));
    const filled = this.cells.map(() => 0);
    for (const example of shuffle(this.pairs.length, this.seed, epoch)) {
      const cell = this.cellOf[example];
      if (cell >= 0) members[cell][filled[cell]++] = example;
    }
    const batches = this.cells.flatMap(({ rows, batches: count }, cell) =>
      Array.from({ length: count }, (_, i) => ({ cell, members: members[cell].subarray(i * rows, (i + 1) * rows) })),
    );
    const order = permutation(batches.length, this.seed, streams.batches, epoch);
    for (let i = first; i < order.length; i++) {
      const { cell, members: held } = batches[order[i]];
      const next = i + 1 < order.length ? { epoch, batch: i + 1 } : { epoch: epoch + 1, batch: 0 };
      yield this.fill(cell, held, next);
    }
  }

  private fill(cell: number, members: Int32Array, next: Cursor): GridBatch {
    const { rows, sourceLength, targetLength } = this.cells[cell];
    const source = new Int32Array(rows * sourceLength).fill(this.padId); // (rows, S)
    const target = new Int32Array(rows * targetLength).fill(this.padId); // (rows, T)
    const weight = new Float32Array(rows);
    const indices = new Int32Array(rows).fill(-1);
    members.forEach((example, row) => {
      const pair = this.pairs[example];
      copyIds(pair.source, source, row * sourceLength, () => `GridBatches: source of example ${example}`);
      copyIds(pair.target, target, row * targetLength, () => `GridBatches: target of example ${example}`);
      weight[row] = 1;
      indices[row] = example;
    });
    return { source, target, weight, indices, rows, sourceLength, targetLength, cell, next };
  }
}

function checkCells(cells: readonly GridCell[]): void {
  if (cells.length === 0) throw new RangeError('GridBatches: the grid has no cells; give at least one');
  const seen = new Set<string>();
  cells.forEach(({ sourceLength, targetLength }, index) => {
    checkWhole(`GridBatches: sourceLength of cell ${index}`, sourceLength, 0, 2 ** 31 - 1);
    checkWhole(`GridBatches: targetLength of cell ${index}`, targetLength, 0, 2 ** 31 - 1);
    const shape = describe({ sourceLength, targetLength });
    if (seen.has(shape)) throw new RangeError(`GridBatches: cell ${index}, ${shape}, stands twice; remove one`);
    seen.add(shape);
  });
}

function rowsOf(tokensPerRow: number, { rows, tokens }: GridBatchesOptions): number {
  if ((rows === undefined) === (tokens === undefined)) {
    throw new RangeError('GridBatches: expected either rows or tokens');
  }
  if (rows !== undefined) {
    checkWhole('GridBatches: rows', rows, 1, 2 ** 31 - 1);
    return rows;
  }
  checkWhole('GridBatches: tokens', tokens, 1, 2 ** 31 - 1);
  if (tokens < tokensPerRow) {
    throw new RangeError(
      `GridBatches: tokens is ${tokens}, one row of the grid already takes ${tokensPerRow}; raise it`,
    );
  }
  return Math.floor(tokens / Math.max(1, tokensPerRow));
}

/** The smallest cell that each example fits, or -1. */
function assign(pairs: readonly SequencePair[], cells: readonly GridCell[], tooLong: 'error' | 'drop'): Int32Array {
  const size = (cell: number): number => cells[cell].sourceLength + cells[cell].targetLength;
  const bySize = cells.map((_, cell) => cell).sort((a, b) => size(a) - size(b) || a - b);
  const misfits: number[] = [];
  const cellOf = Int32Array.from(pairs, ({ source, target }, example) => {
    const fits = (cell: number): boolean =>
      source.length <= cells[cell].sourceLength && target.length <= cells[cell].targetLength;
    const cell = bySize.find(fits) ?? -1;
    if (cell < 0) misfits.push(example);
    return cell;
  });
  if (misfits.length > 0 && tooLong === 'error') {
    const { source, target } = pairs[misfits[0]];
    const shape = describe({ sourceLength: source.length, targetLength: target.length });
    const others = misfits.length > 1 ? ` (nor do ${misfits.length - 1} more)` : '';
    const shown = bySize.slice(-4).map((cell) => describe(cells[cell]));
    throw new RangeError(
      `GridBatches: example ${misfits[0]}, ${shape}, fits no cell${others}; the largest are ${shown.join(', ')}: ` +
        `add a larger one, shorten the example, or leave such examples out with tooLong: 'drop'`,
    );
  }
  return cellOf;
}

const describe = ({ sourceLength, targetLength }: GridCell): string => `${sourceLength}×${targetLength}`;
