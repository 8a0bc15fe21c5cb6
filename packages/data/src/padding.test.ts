import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { padFrames, padSequences } from './index';

describe('padSequences', () => {
  it('keeps every sequence at the left of its row', () => {
    const sequence = fc.array(fc.integer(), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(sequence, { maxLength: 5 }), fc.nat(3), fc.integer(), (sequences, spare, padId) => {
        const length = Math.max(0, ...sequences.map((ids) => ids.length)) + spare;
        const rows = padSequences(sequences, length, padId);
        expect(rows.length).toBe(sequences.length * length);
        sequences.forEach((ids, row) => {
          const filler = Array.from({ length: length - ids.length }, () => padId);
          expect([...rows.subarray(row * length, (row + 1) * length)]).toEqual([...ids, ...filler]);
        });
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('pads with 0 and takes typed arrays', () => {
    expect([...padSequences([Int32Array.of(5), [6, 7]], 2)]).toEqual([5, 0, 6, 7]);
  });

  it('refuses what does not fit', () => {
    expect(() => padSequences([[1], [1, 2]], 1)).toThrow('padSequences: sequence 1 has 2 ids, the length is 1');
    expect(() => padSequences([[1, NaN]], 2)).toThrow('sequence 0: id NaN at position 1 is not an int32');
    expect(() => padSequences([[2 ** 31]], 1)).toThrow('id 2147483648');
    expect(() => padSequences([], 1, 0.5)).toThrow('padId is 0.5');
  });
});

it('padFrames puts rows of numbers in their places, and nothing where there is no example', () => {
  const examples = [
    { values: [1, 2, 3, 4], size: 2 },
    { values: Float64Array.of(5, 6), size: 2 },
  ];
  expect([...padFrames(examples, [1, -1, 0], 2, 9)]).toEqual([5, 6, 9, 9, 9, 9, 9, 9, 1, 2, 3, 4]);
  expect(padFrames([], [-1], 3)).toEqual(new Float32Array(0));
  expect(() => padFrames(examples, [0], 1)).toThrow('padFrames: example 0 has 2 places, the length is 1; cut it');
  expect(() => padFrames(examples, [2], 1)).toThrow('padFrames: index 2, there are 2 examples');
  const uneven = [...examples, { values: [1, 2, 3], size: 3 }];
  expect(() => padFrames(uneven, [2], 1)).toThrow('padFrames: example 2 has 3 numbers a place, the first has 2');
});
