import { checkWhole } from './check';
import type { GridCell, PairLengths } from './grid';
import { permutation, shuffle, streams } from './shuffle';

/** A place in the endless sequence of batches: the next one to come is batch `batch` of epoch `epoch`. */
export interface Cursor {
  readonly epoch: number;
  readonly batch: number;
}

/** Which examples make a batch, and in what shape. The arrays belong to the receiver. */
export interface GridSlot {
  /** (rows): 1 for an example, 0 for a row that only fills the batch. */
  readonly weight: Float32Array;
  /** (rows): which example each row holds, -1 for a filler. */
  readonly indices: Int32Array;
  readonly rows: number;
  readonly sourceLength: number;
  readonly targetLength: number;
  /** Index of the cell in `cells`. Batches of one cell have one shape. */
  readonly cell: number;
  /** Where to go on after this batch: save it with the weights. */
  readonly next: Cursor;
}

interface CommonOptions {
  /** The shapes that batches may have; see {@link chooseGrid}. An example goes to the smallest cell that it fits. */
  readonly cells: readonly GridCell[];
  readonly seed: number;
  /** What to do with an example that fits no cell. Default 'error': dropping data should be a decision. */
  readonly tooLong?: 'error' | 'drop';
}

/** Either `rows`, the rows of every batch, or `tokens`, the most source and target places that a batch may have. */
export type GridScheduleOptions = CommonOptions &
  ({ readonly rows: number; readonly tokens?: undefined } | { readonly tokens: number; readonly rows?: undefined });

/** A cell with its rows, and what an epoch puts into it. */
export interface FilledCell extends GridCell {
  readonly rows: number;
  readonly examples: number;
  readonly batches: number;
}

/**
 * Which examples come together in batches of a few fixed shapes, so that a compiled training step needs one plan for each
 * cell of the grid and no more. It looks at lengths alone: what examples hold (ids, frames of sound, words of characters)
 * the caller pads, by the `indices` of each slot; for pairs of ids {@link GridBatches} does so.
 * Every epoch holds each example exactly once; rows left over are fillers of weight 0.
 * The slots and their order depend on the lengths, the options and the epoch alone.
 */
export class GridSchedule {
  readonly cells: readonly FilledCell[];
  readonly batchesPerEpoch: number;
  /** Share of the places in an epoch's batches that hold padding, filler rows included: 0 to 1. */
  readonly paddingShare: number;
  /** How many examples were left out, with `tooLong: 'drop'`. */
  readonly dropped: number;

  private readonly cellOf: Int32Array; // example → cell, or -1
  private readonly seed: number;

  /** @throws RangeError if an option is out of range, an example fits no cell, or no example is left. */
  constructor(
    private readonly pairs: readonly PairLengths[],
    options: GridScheduleOptions,
    /** Begins the messages of errors. */
    private readonly name: string = 'GridSchedule',
  ) {
    const { cells, seed, tooLong = 'error' } = options;
    checkWhole(`${name}: seed`, seed, 0, Number.MAX_SAFE_INTEGER);
    checkCells(cells, name);
    this.seed = seed;
    this.cellOf = assign(pairs, cells, tooLong, name);

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
      const rows = rowsOf(sourceLength + targetLength, options, name);
      return {
        sourceLength,
        targetLength,
        rows,
        examples: examples[index],
        batches: Math.ceil(examples[index] / rows),
      };
    });
    if (held === 0) throw new RangeError(`${name}: none of ${pairs.length} examples is left to batch`);
    this.dropped = pairs.length - held;
    this.batchesPerEpoch = this.cells.reduce((sum, { batches }) => sum + batches, 0);
    const places = this.cells.reduce((sum, c) => sum + c.batches * c.rows * (c.sourceLength + c.targetLength), 0);
    this.paddingShare = places === 0 ? 0 : 1 - tokens / places;
  }

  /** The batches of one epoch, in its order. */
  epoch(epoch: number): Generator<GridSlot, void, undefined> {
    checkWhole(`${this.name}: epoch`, epoch, 0, 2 ** 31 - 1);
    return this.batchesOf(epoch, 0);
  }

  /** Batches without end, epoch after epoch, from the given place: `from(batch.next)` goes on after that batch. */
  from(cursor: Cursor = { epoch: 0, batch: 0 }): Generator<GridSlot, never, undefined> {
    checkWhole(`${this.name}: cursor.epoch`, cursor.epoch, 0, 2 ** 31 - 1);
    // Beyond the end means that the examples or the options have changed since the cursor was saved.
    checkWhole(`${this.name}: cursor.batch`, cursor.batch, 0, this.batchesPerEpoch - 1);
    return this.endless(cursor);
  }

  private *endless({ epoch, batch }: Cursor): Generator<GridSlot, never, undefined> {
    for (; ; epoch++, batch = 0) yield* this.batchesOf(epoch, batch);
  }

  private *batchesOf(epoch: number, first: number): Generator<GridSlot, void, undefined> {
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
      yield this.slot(cell, held, next);
    }
  }

  private slot(cell: number, members: Int32Array, next: Cursor): GridSlot {
    const { rows, sourceLength, targetLength } = this.cells[cell];
    const weight = new Float32Array(rows).fill(1, 0, members.length);
    const indices = new Int32Array(rows).fill(-1);
    indices.set(members);
    return { weight, indices, rows, sourceLength, targetLength, cell, next };
  }
}

function checkCells(cells: readonly GridCell[], name: string): void {
  if (cells.length === 0) throw new RangeError(`${name}: the grid has no cells; give at least one`);
  const seen = new Set<string>();
  cells.forEach(({ sourceLength, targetLength }, index) => {
    checkWhole(`${name}: sourceLength of cell ${index}`, sourceLength, 0, 2 ** 31 - 1);
    checkWhole(`${name}: targetLength of cell ${index}`, targetLength, 0, 2 ** 31 - 1);
    const shape = describe({ sourceLength, targetLength });
    if (seen.has(shape)) throw new RangeError(`${name}: cell ${index}, ${shape}, stands twice; remove one`);
    seen.add(shape);
  });
}

function rowsOf(tokensPerRow: number, { rows, tokens }: GridScheduleOptions, name: string): number {
  if ((rows === undefined) === (tokens === undefined)) {
    throw new RangeError(`${name}: expected either rows or tokens`);
  }
  if (rows !== undefined) {
    checkWhole(`${name}: rows`, rows, 1, 2 ** 31 - 1);
    return rows;
  }
  checkWhole(`${name}: tokens`, tokens, 1, 2 ** 31 - 1);
  if (tokens < tokensPerRow) {
    throw new RangeError(`${name}: tokens is ${tokens}, one row of the grid already takes ${tokensPerRow}; raise it`);
  }
  return Math.floor(tokens / Math.max(1, tokensPerRow));
}

/** The smallest cell that each example fits, or -1. */
function assign(
  pairs: readonly PairLengths[],
  cells: readonly GridCell[],
  tooLong: 'error' | 'drop',
  name: string,
): Int32Array {
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
      `${name}: example ${misfits[0]}, ${shape}, fits no cell${others}; the largest are ${shown.join(', ')}: ` +
        `add a larger one, shorten the example, or leave such examples out with tooLong: 'drop'`,
    );
  }
  return cellOf;
}

const describe = ({ sourceLength, targetLength }: GridCell): string => `${sourceLength}×${targetLength}`;
