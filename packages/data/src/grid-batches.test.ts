import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  chooseGrid,
  GridBatches,
  GridSchedule,
  type Cursor,
  type GridBatch,
  type GridBatchesOptions,
  type Loader,
  type SequencePair,
} from './index';

// Every id tells which example it belongs to, so that a row in the wrong place is seen.
const pairOf = (source: number, target: number, example: number): SequencePair => ({
  source: Array.from({ length: source }, () => example + 1),
  target: Int32Array.from({ length: target }, () => example + 1),
});
const anyPairs = fc
  .array(fc.tuple(fc.nat(7), fc.nat(9)), { minLength: 1, maxLength: 60 })
  .map((lengths) => lengths.map(([source, target], example) => pairOf(source, target, example)));
const anyBatches = fc
  .record({
    pairs: anyPairs,
    cells: fc.integer({ min: 1, max: 5 }),
    size: fc.oneof(
      fc.integer({ min: 1, max: 9 }).map((rows) => ({ rows })),
      fc.integer({ min: 16, max: 90 }).map((tokens) => ({ tokens })),
    ),
    seed: fc.nat(),
  })
  .map(({ pairs, cells, size, seed }) => {
    const options = { cells: chooseGrid(pairs, { cells }), ...size, seed, padId: -7 } as GridBatchesOptions;
    const make = () => new GridBatches(pairs, options);
    return { pairs, options, make, batches: make() };
  });

const six = Array.from({ length: 6 }, (_, i) => pairOf(2, 3, i));
const cells = [{ sourceLength: 2, targetLength: 3 }];
const orderOf = (all: Iterable<GridBatch>): string => [...all].map(({ indices }) => String(indices)).join(' ');

function take(all: Iterable<GridBatch>, count: number): GridBatch[] {
  const taken: GridBatch[] = [];
  for (const batch of all) {
    taken.push(batch);
    if (taken.length === count) break;
  }
  return taken;
}

describe('GridBatches', () => {
  it('holds each example exactly once an epoch, whole, at its weight; fillers are empty and weigh nothing', () => {
    fc.assert(
      fc.property(anyBatches, fc.nat(100), ({ pairs, batches }, epoch) => {
        const seen: number[] = [];
        for (const { source, target, weight, indices, rows, sourceLength: S, targetLength: T } of batches.epoch(
          epoch,
        )) {
          expect([source.length, target.length, weight.length, indices.length]).toEqual([
            rows * S,
            rows * T,
            rows,
            rows,
          ]);
          for (let row = 0; row < rows; row++) {
            const example = indices[row];
            const held = example < 0 ? { source: [], target: [] } : pairs[example];
            if (example >= 0) seen.push(example);
            expect(weight[row]).toBe(example < 0 ? 0 : 1);
            const fill = (ids: ArrayLike<number>, length: number) =>
              Array.from({ length }, (_, i) => (i < ids.length ? ids[i] : -7));
            expect([...source.subarray(row * S, (row + 1) * S)]).toEqual(fill(held.source, S));
            expect([...target.subarray(row * T, (row + 1) * T)]).toEqual(fill(held.target, T));
          }
        }
        expect(seen.sort((a, b) => a - b)).toEqual(pairs.map((_, i) => i));
      }),
      { seed: 1, numRuns: 150 },
    );
  });

  it('makes no shape outside the grid, as many batches as it says, none of them empty', () => {
    fc.assert(
      fc.property(anyBatches, ({ batches }) => {
        const all = [...batches.epoch(0)];
        expect(all.length).toBe(batches.batchesPerEpoch);
        for (const { cell, rows, sourceLength, targetLength, weight } of all) {
          expect({ rows, sourceLength, targetLength }).toEqual({
            rows: batches.cells[cell].rows,
            sourceLength: batches.cells[cell].sourceLength,
            targetLength: batches.cells[cell].targetLength,
          });
          expect(weight.includes(1)).toBe(true);
        }
      }),
      { seed: 2, numRuns: 100 },
    );
  });

  it('reports the padding that is there', () => {
    fc.assert(
      fc.property(anyBatches, ({ pairs, batches }) => {
        let places = 0;
        for (const { source, target } of batches.epoch(3)) places += source.length + target.length;
        const ids = pairs.reduce((sum, { source, target }) => sum + source.length + target.length, 0);
        expect(batches.paddingShare).toBeCloseTo(places === 0 ? 0 : 1 - ids / places, 12);
      }),
      { seed: 3, numRuns: 100 },
    );
    expect(new GridBatches(six, { cells, rows: 3, seed: 1 }).paddingShare).toBe(0);
    expect(new GridBatches(six, { cells, rows: 4, seed: 1 }).paddingShare).toBe(0.25);
  });

  it('goes on from any cursor as if it had never stopped', () => {
    fc.assert(
      fc.property(anyBatches, fc.nat(20), ({ make, batches }, stop) => {
        const all = take(batches.from(), stop + 6);
        const cursor = JSON.parse(JSON.stringify(all[stop].next)) as Cursor;
        expect(take(make().from(cursor), 5)).toEqual(all.slice(stop + 1));
        expect(cursor).toEqual({
          epoch: Math.floor((stop + 1) / batches.batchesPerEpoch),
          batch: (stop + 1) % batches.batchesPerEpoch,
        });
      }),
      { seed: 4, numRuns: 100 },
    );
  });

  it('orders epochs differently, seeds differently, and equal ones equally', () => {
    const pairs = Array.from({ length: 40 }, (_, i) => pairOf(1 + (i % 7), 1 + (i % 5), i));
    const make = (seed: number) => new GridBatches(pairs, { cells: chooseGrid(pairs, { cells: 3 }), rows: 4, seed });
    expect(orderOf(make(1).epoch(0))).toBe(orderOf(make(1).epoch(0)));
    const orders = [make(1).epoch(0), make(1).epoch(1), make(2).epoch(0)].map(orderOf);
    expect(new Set(orders).size).toBe(3);
  });

  it('mixes the cells', () => {
    const pairs = Array.from({ length: 80 }, (_, i) => pairOf(1 + Math.floor(i / 40), 1, i));
    const two = [1, 2].map((sourceLength) => ({ sourceLength, targetLength: 1 }));
    const order = Array.from(new GridBatches(pairs, { cells: two, rows: 2, seed: 1 }).epoch(0), ({ cell }) => cell);
    const changes = order.filter((cell, i) => i > 0 && cell !== order[i - 1]).length;
    expect(changes).toBeGreaterThan(8); // 1 in file order, about 20 in random order
  });

  it('gives these very batches, on which saved cursors rest', () => {
    const pairs = Array.from({ length: 10 }, (_, i) => pairOf(1 + (i % 2), 1, i));
    const two = [1, 2].map((sourceLength) => ({ sourceLength, targetLength: 1 }));
    expect(orderOf(new GridBatches(pairs, { cells: two, rows: 2, seed: 1 }).epoch(1))).toBe(
      '0,-1 3,7 1,-1 8,2 9,5 6,4',
    );
  });

  it('makes as many rows as a budget of tokens allows', () => {
    const grid = [
      { sourceLength: 2, targetLength: 3 },
      { sourceLength: 8, targetLength: 8 },
    ];
    expect(new GridBatches(six, { cells: grid, tokens: 64, seed: 1 }).cells).toEqual([
      { sourceLength: 2, targetLength: 3, rows: 12, examples: 6, batches: 1 },
      { sourceLength: 8, targetLength: 8, rows: 4, examples: 0, batches: 0 },
    ]);
  });

  it('gives an example to the smallest cell it fits, wherever that stands', () => {
    const grid = [
      { sourceLength: 9, targetLength: 9 },
      { sourceLength: 2, targetLength: 9 },
      { sourceLength: 2, targetLength: 3 },
    ];
    const pairs = [pairOf(2, 3, 0), pairOf(2, 4, 1), pairOf(3, 1, 2)];
    const batches = new GridBatches(pairs, { cells: grid, rows: 1, seed: 1 });
    expect(new Map(Array.from(batches.epoch(0), ({ cell, indices }) => [indices[0], cell]))).toEqual(
      new Map([
        [0, 2],
        [1, 1],
        [2, 0],
      ]),
    );
  });

  it('names an example that is too long, or drops and counts such ones', () => {
    const pairs = [...six, pairOf(2, 12, 6), pairOf(5, 1, 7)];
    expect(() => new GridBatches(pairs, { cells, rows: 2, seed: 1 })).toThrow(
      "GridBatches: example 6, 2×12, fits no cell (nor do 1 more); the largest are 2×3: add a larger one, shorten the example, or leave such examples out with tooLong: 'drop'",
    );
    const batches = new GridBatches(pairs, { cells, rows: 2, seed: 1, tooLong: 'drop' });
    expect([batches.dropped, batches.batchesPerEpoch]).toEqual([2, 3]);
    expect([...batches.epoch(0)].flatMap(({ indices }) => [...indices]).sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('fills the slots that a schedule makes of the lengths alone', () => {
    fc.assert(
      fc.property(anyBatches, fc.nat(9), ({ pairs, options, batches }, epoch) => {
        const lengths = pairs.map(({ source, target }) => ({
          source: { length: source.length },
          target: { length: target.length },
        }));
        const schedule = new GridSchedule(lengths, options);
        const filled = [...batches.epoch(epoch)];
        const slots = [...schedule.epoch(epoch)];
        expect(filled).toMatchObject(slots);
        expect(schedule.from({ epoch, batch: 0 }).next().value).toEqual(slots[0]);
      }),
      { seed: 5, numRuns: 50 },
    );
    expect(() => new GridSchedule(six, { cells: [], rows: 1, seed: 1 })).toThrow('GridSchedule: the grid has no cells');
  });

  it('pads targets with an id of their own, where told so', () => {
    const labels = [{ source: [5, 6, 7], target: [0] }];
    const options = { cells: [{ sourceLength: 4, targetLength: 2 }], rows: 2, seed: 1 };
    const [batch] = new GridBatches(labels, { ...options, targetPadId: -100 }).epoch(0);
    expect([[...batch.source], [...batch.target]]).toEqual([
      [5, 6, 7, 0, 0, 0, 0, 0],
      [0, -100, -100, -100],
    ]);
    expect([...new GridBatches(labels, { ...options, padId: 9 }).epoch(0)][0].target.join()).toBe('0,9,9,9');
  });

  it('can be looped over with for await', async () => {
    const loader: Loader<GridBatch> = new GridBatches(six, { cells, rows: 4, seed: 1 }).epoch(0);
    let weight = 0;
    for await (const batch of loader) weight += batch.weight.reduce((sum, w) => sum + w, 0);
    expect(weight).toBe(6);
  });

  it('names an example whose ids are none', () => {
    const batches = new GridBatches([{ source: [1, 0.5], target: [1] }], { cells, rows: 1, seed: 1 });
    expect(() => [...batches.epoch(0)]).toThrow(
      'GridBatches: source of example 0: id 0.5 at position 1 is not an int32',
    );
  });

  it.each<[Partial<Record<keyof GridBatchesOptions, unknown>>, string]>([
    [{ rows: 0 }, 'rows is 0'],
    [{ rows: undefined }, 'expected either rows or tokens'],
    [{ tokens: 10 }, 'expected either rows or tokens'],
    [{ rows: undefined, tokens: 4 }, 'tokens is 4, one row of the grid already takes 5'],
    [{ seed: -1 }, 'seed is -1'],
    [{ padId: 0.5 }, 'padId is 0.5'],
    [{ cells: [] }, 'the grid has no cells'],
    [{ cells: [...cells, ...cells] }, 'cell 1, 2×3, stands twice'],
    [{ cells: [{ sourceLength: 2.5, targetLength: 3 }] }, 'sourceLength of cell 0 is 2.5'],
    [{ cells: [{ sourceLength: 1, targetLength: 1 }], tooLong: 'drop' }, 'none of 6 examples is left'],
  ])('refuses %j', (change, message) => {
    const options = { cells, rows: 2, seed: 1, ...change } as GridBatchesOptions;
    expect(() => new GridBatches(six, options)).toThrow(message);
  });

  it('refuses a cursor that is not in the epoch, at once', () => {
    const batches = new GridBatches(six, { cells, rows: 2, seed: 1 });
    expect(() => batches.from({ epoch: 0, batch: 3 })).toThrow(
      'cursor.batch is 3, expected a whole number from 0 to 2',
    );
    expect(() => batches.from({ epoch: -1, batch: 0 })).toThrow('cursor.epoch is -1');
    expect(() => batches.epoch(0.5)).toThrow('epoch is 0.5');
  });
});
