import { describe, expect, test } from 'vitest';

import { engineOf, valuesOf, variableOf } from '../test/support';
import { randomUniform, read, Variable } from './index';

const readAll = async (variables: readonly Variable[], engine = engineOf()): Promise<number[][]> =>
  (await read(variables.map((v) => v.value), { engine })).map((data) => [...data]);
const uniform = (name?: string): Variable => new Variable({ shape: [4], initialize: () => randomUniform([4]), ...(name === undefined ? {} : { name }) });

describe('first values', () => {
  test('may depend on other Variables that are new in the same plan, in any order', async () => {
    const make = (): [Variable, Variable] => {
      const weights = variableOf('weights', [7, 8]);
      return [weights, new Variable({ name: 'average', shape: [2], initialize: () => weights.value.mul(2) })];
    };
    const [w1, a1] = make();
    expect(await readAll([w1, a1])).toEqual([[7, 8], [14, 16]]);
    const [w2, a2] = make();
    expect(await readAll([a2, w2])).toEqual([[14, 16], [7, 8]]);
    const [, alone] = make();
    expect(await readAll([alone])).toEqual([[14, 16]]);
  });

  test('a cycle is an error', async () => {
    const a: Variable = new Variable({ name: 'a', shape: [1], initialize: () => b.value });
    const b: Variable = new Variable({ name: 'b', shape: [1], initialize: () => a.value });
    for (const one of [a, b]) await expect(readAll([one])).rejects.toThrow("itself");
  });

  test('a name is a stream: the same alone, and beside others', async () => {
    const [alone] = await readAll([uniform('x')]);
    const [, beside] = await readAll([uniform('y'), uniform('x')]);
    expect(beside).toEqual(alone);
  });

  test('Variables without a name differ, in one plan and in several', async () => {
    const [a, , b] = await readAll([uniform(), uniform('named'), uniform()]);
    const [c] = await readAll([uniform()]);
    expect(a).not.toEqual(b);
    expect(c).not.toEqual(a);
  });

  test('a random initialiser that reads another keeps its own stream', async () => {
    const inner = uniform('inner');
    const outer = new Variable({ name: 'outer', shape: [4], initialize: () => randomUniform([4]).add(inner.value.mul(0)).add(randomUniform([4]).mul(0)) });
    const [plain] = await readAll([uniform('outer')]);
    expect(await valuesOf(outer, engineOf())).toEqual(plain);
  });
});
