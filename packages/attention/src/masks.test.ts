import { arange, constant, tensor, type Tensor, zeros } from '@qkv/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  causalMask,
  documentMask,
  graphMask,
  type Mask,
  paddingMask,
  prefixMask,
  splitCausal,
  windowMask,
} from './masks';

type Rule = (b: number, i: number, j: number) => boolean;

const N = 7;
const B = 2;
const PAD = 0;
const ids = [
  [3, 1, 0, 2, 5, 0, 0],
  [0, 0, 4, 4, 1, 1, 2],
];
const documents = [
  [0, 0, 0, 1, 1, 2, 2],
  [5, 5, 5, 5, 5, 9, 9],
];
const edges = [0, 1].map((b) =>
  Array.from({ length: N }, (_, i) => Array.from({ length: N }, (_, j) => (i * 3 + j * 5 + b) % 4 < 2)),
);
const ints = (rows: number[][]): Tensor => tensor(Int32Array.from(rows.flat()), [rows.length, rows[0].length]);

const kinds: [string, Mask, Rule][] = [
  ['causal', causalMask(), (_, i, j) => j <= i],
  ['padding', paddingMask(ints(ids), PAD), (b, _, j) => ids[b][j] !== PAD],
  ['window', windowMask({ before: 2, after: 1 }), (_, i, j) => i - 2 <= j && j <= i + 1],
  ['window back', windowMask({ before: 1, after: Infinity }), (_, i, j) => j >= i - 1],
  ['window ahead', windowMask({ before: Infinity, after: 0 }), (_, i, j) => j <= i],
  ['window with sinks', windowMask({ before: 1, after: 0, sinks: 2 }), (_, i, j) => j <= i && (j >= i - 1 || j < 2)],
  ['graph', graphMask(tensor(edges[0])), (_, i, j) => edges[0][i][j]],
  ['graphs', graphMask(tensor(edges)), (b, i, j) => edges[b][i][j]],
  ['prefix', prefixMask(3), (_, i, j) => j <= i || j < 3],
  ['prefixes', prefixMask(tensor(Int32Array.of(0, 4))), (b, i, j) => j <= i || j < [0, 4][b]],
  ['documents', documentMask(ints(documents)), (b, i, j) => documents[b][i] === documents[b][j]],
];

/** Of every index, or of those given: a list of 0 and 1 for (B, T, S). */
async function table(mask: Mask, queries: readonly number[], keys: readonly number[]): Promise<number[]> {
  const at = mask.at(constant(Int32Array.from(queries)), constant(Int32Array.from(keys)));
  expect(at.rank).toBe(4);
  expect(at.dtype).toBe('bool');
  return Array.from(await at.expand([B, 1, queries.length, keys.length]).data());
}

const expected = (rule: Rule, queries: readonly number[], keys: readonly number[]): number[] =>
  [0, 1].flatMap((b) => queries.flatMap((i) => keys.map((j) => Number(rule(b, i, j)))));

const all = Array.from({ length: N }, (_, i) => i);
/** Not more than a mask of N positions tells of. */
const few = fc.array(fc.nat(N - 1), { minLength: 1, maxLength: N });

describe.each(kinds)('%s', (_, mask, rule) => {
  test('over whole sequences, and at any indices', async () => {
    expect(await table(mask, all, all)).toEqual(expected(rule, all, all));
    await fc.assert(
      fc.asyncProperty(few, few, async (queries, keys) => {
        expect(await table(mask, queries, keys)).toEqual(expected(rule, queries, keys));
      }),
      { seed: 1, numRuns: 20 },
    );
  });
});

test('and, or, not mean what they say, however they are nested', async () => {
  interface Tree {
    readonly mask: Mask;
    readonly rule: Rule;
  }
  const leaf = fc.constantFrom(...kinds.map(([, mask, rule]): Tree => ({ mask, rule })));
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => {
    const pair = fc.tuple(tie('tree'), tie('tree'));
    const and = pair.map(([a, b]): Tree => ({
      mask: a.mask.and(b.mask),
      rule: (...at) => a.rule(...at) && b.rule(...at),
    }));
    const or = pair.map(([a, b]): Tree => ({
      mask: a.mask.or(b.mask),
      rule: (...at) => a.rule(...at) || b.rule(...at),
    }));
    const not = tie('tree').map((a): Tree => ({ mask: a.mask.not(), rule: (...at) => !a.rule(...at) }));
    return { tree: fc.oneof({ maxDepth: 4 }, leaf, and, or, not) };
  });
  await fc.assert(
    fc.asyncProperty(tree, few, few, async ({ mask, rule }, queries, keys) => {
      expect(await table(mask, queries, keys)).toEqual(expected(rule, queries, keys));
      // Taking causality out of a conjunction and putting it back changes nothing.
      const { causal, rest } = splitCausal(mask);
      const again = rest === null ? causalMask() : causal ? causalMask().and(rest) : rest;
      expect(await table(again, queries, keys)).toEqual(expected(rule, queries, keys));
    }),
    { seed: 2, numRuns: 60 },
  );
});

test('causality is found in conjunctions, and in nothing else', () => {
  const padding = paddingMask(ints(ids), PAD);
  const window = windowMask({ before: 2, after: 2 });
  expect(splitCausal(causalMask())).toEqual({ causal: true, rest: null });
  expect(splitCausal(padding.and(causalMask()))).toEqual({ causal: true, rest: padding });
  expect(splitCausal(window.and(causalMask().and(padding))).causal).toBe(true);
  for (const mask of [padding, causalMask().not(), causalMask().or(padding), prefixMask(2)]) {
    expect(splitCausal(mask)).toEqual({ causal: false, rest: mask });
  }
});

test("a mask of the caller's own kind takes part", async () => {
  const notFirst: Mask = {
    and: () => notFirst,
    or: () => notFirst,
    not: () => notFirst,
    at: (_, keys) => keys.greater(0).reshape([1, 1, 1, keys.shape[0]]),
  };
  const rule: Rule = (_, i, j) => j <= i && j > 0;
  expect(await table(causalMask().and(notFirst), all, all)).toEqual(expected(rule, all, all));
});

test('says what does not fit', async () => {
  expect(() => paddingMask(zeros([2, 3]), 0)).toThrow('paddingMask: expected int32 ids (B, S), got float32 [2, 3]');
  expect(() => paddingMask(zeros([3], 'int32'), 0)).toThrow('paddingMask: expected int32 ids (B, S), got int32 [3]');
  expect(() => documentMask(zeros([3], 'int32'))).toThrow('documentMask: expected int32 ids (B, S), got int32 [3]');
  expect(() => prefixMask(zeros([1, 3], 'int32'))).toThrow('prefixMask: expected int32 lengths (B), got int32 [1, 3]');
  expect(() => prefixMask(-1)).toThrow('prefixMask: the length must be a whole number, 0 or more, got -1');
  expect(() => graphMask(zeros([3, 3]))).toThrow(
    'graphMask: expected bool adjacency (N, N) or (B, N, N), got float32 [3, 3]',
  );
  expect(() => graphMask(zeros([3, 4], 'bool'))).toThrow('graphMask: expected as many rows as columns, got [3, 4]');
  expect(() => windowMask({ before: -1, after: 0 })).toThrow(
    'windowMask: before must be a whole number, 0 or more, or Infinity, got -1',
  );
  expect(() => windowMask({ before: 0, after: 0.5 })).toThrow('windowMask: after must be');
  expect(() => windowMask({ before: 0, after: 0, sinks: -2 })).toThrow(
    'windowMask: sinks must be a whole number, 0 or more, got -2',
  );
  expect(() => causalMask().at(zeros([2]), arange(2))).toThrow(
    'Mask.at: expected int32 (length) for the indices of queries, got float32 [2]',
  );
  expect(() => paddingMask(ints(ids), PAD).at(arange(9), arange(9))).toThrow(
    'paddingMask: it tells of 7 positions and attention has 9; make it for all of them',
  );
  // Which positions there are is data.
  const outside = paddingMask(ints(ids), PAD).at(arange(1), constant(Int32Array.of(7)));
  await expect(outside.data()).rejects.toThrow(/id 7 /);
});
