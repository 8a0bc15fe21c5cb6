import { checkWhole } from './check';
import { GridSchedule, type Cursor, type FilledCell, type GridScheduleOptions, type GridSlot } from './grid-schedule';
import { copyIds } from './padding';

/** One example: the ids of a source and of its target. What END or START they carry, the caller has put there. */
export interface SequencePair {
  readonly source: ArrayLike<number>;
  readonly target: ArrayLike<number>;
}

/** Everything that can be looped over with `for await`: batches made on the spot, or read from elsewhere. */
export type Loader<Batch> = Iterable<Batch> | AsyncIterable<Batch>;

/** Padded examples. The arrays belong to the receiver. */
export interface GridBatch extends GridSlot {
  /** (rows, sourceLength), filled up with padId. */
  readonly source: Int32Array;
  /** (rows, targetLength), filled up with targetPadId. */
  readonly target: Int32Array;
}

export type GridBatchesOptions = GridScheduleOptions & {
  /** Default 0, the PAD of @qkv/tokenizers. */
  readonly padId?: number;
  /** Default padId. Where targets are classes, of which 0 is one: -100, which the losses of @qkv/nn leave out. */
  readonly targetPadId?: number;
};

/**
 * Batches of pairs of id sequences, padded; which examples come together, and when, says {@link GridSchedule}. A target may
 * be a sentence, a label for each token of the source, or a single label.
 */
export class GridBatches {
  readonly cells: readonly FilledCell[];
  readonly batchesPerEpoch: number;
  /** Share of the places in an epoch's batches that hold padding, filler rows included: 0 to 1. */
  readonly paddingShare: number;
  /** How many examples were left out, with `tooLong: 'drop'`. */
  readonly dropped: number;

  private readonly schedule: GridSchedule;
  private readonly padId: number;
  private readonly targetPadId: number;

  /** @throws RangeError if an option is out of range, an example fits no cell, or no example is left. */
  constructor(
    private readonly pairs: readonly SequencePair[],
    options: GridBatchesOptions,
  ) {
    const { padId = 0, targetPadId = padId } = options;
    checkWhole('GridBatches: padId', padId, -(2 ** 31), 2 ** 31 - 1);
    checkWhole('GridBatches: targetPadId', targetPadId, -(2 ** 31), 2 ** 31 - 1);
    this.padId = padId;
    this.targetPadId = targetPadId;
    this.schedule = new GridSchedule(pairs, options, 'GridBatches');
    this.cells = this.schedule.cells;
    this.batchesPerEpoch = this.schedule.batchesPerEpoch;
    this.paddingShare = this.schedule.paddingShare;
    this.dropped = this.schedule.dropped;
  }

  /** The batches of one epoch, in its order. */
  epoch(epoch: number): Generator<GridBatch, void, undefined> {
    return this.filled(this.schedule.epoch(epoch));
  }

  /** Batches without end, epoch after epoch, from the given place: `from(batch.next)` goes on after that batch. */
  from(cursor: Cursor = { epoch: 0, batch: 0 }): Generator<GridBatch, never, undefined> {
    return this.filled(this.schedule.from(cursor));
  }

  private *filled<End>(slots: Generator<GridSlot, End, undefined>): Generator<GridBatch, End, undefined> {
    for (;;) {
      const { done, value } = slots.next();
      if (done) return value;
      yield this.fill(value);
    }
  }

  private fill(slot: GridSlot): GridBatch {
    const { rows, sourceLength, targetLength } = slot;
    const source = new Int32Array(rows * sourceLength).fill(this.padId); // (rows, S)
    const target = new Int32Array(rows * targetLength).fill(this.targetPadId); // (rows, T)
    slot.indices.forEach((example, row) => {
      if (example < 0) return;
      const pair = this.pairs[example];
      copyIds(pair.source, source, row * sourceLength, () => `GridBatches: source of example ${example}`);
      copyIds(pair.target, target, row * targetLength, () => `GridBatches: target of example ${example}`);
    });
    return { source, target, ...slot };
  }
}
