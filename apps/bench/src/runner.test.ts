import { describe, expect, test } from 'vitest';

import { reasonOf } from './channel';
import { type Entry, measure, type Measured } from './runner';

// Subjects that only say who had a turn: test/subjects.
const runtime = { kind: 'node' as const, version: process.version, path: process.execPath };
const entry = (label: string, behaviour: string, more: Partial<Entry> = {}): Entry => ({
  label,
  module: '../../test/subjects/turns.mjs',
  settings: { behaviour },
  runtime,
  ...more,
});
const run = (entries: readonly Entry[], rounds: number, seconds = Infinity): Promise<Measured> =>
  measure(entries, { rounds, seconds });

describe('subjects', () => {
  test('take turns, forwards and backwards; the first round of each is thrown away', async () => {
    const { outcomes } = await run([entry('a', 'fine'), entry('b', 'fine')], 4);
    const turns = outcomes.map(({ rounds }) => rounds.map((series) => series['turn'][0]));
    expect(turns).toEqual([
      [2, 3, 4, 5],
      [2, 3, 4, 5],
    ]);
    // When: after each other, and each once in a round.
    const at = outcomes.map(({ rounds }) => rounds.map((series) => series['at'][0]));
    for (const i of [0, 2]) expect(at[0][i]).toBeLessThan(at[1][i]);
    for (const i of [1, 3]) expect(at[1][i]).toBeLessThan(at[0][i]);
    expect(outcomes[0].rounds[0]['peak RSS'][0]).toBeGreaterThan(1);
  });

  test('that fail are told of, at the start or later, and the others go on', async () => {
    const { outcomes } = await run(
      [
        entry('fine', 'fine'),
        entry('start', 'fail at start'),
        entry('later', 'fail at turn 3'),
        entry('dies', 'die at turn 2'),
      ],
      3,
    );
    expect(outcomes.map(({ label, failure, rounds }) => [label, failure, rounds.length])).toEqual([
      ['fine', undefined, 3],
      ['start', 'not today', 0],
      ['later', 'enough', 1],
      ['dies', 'ended with code 7', 0],
    ]);
  });

  test('that are not there are a failure, too', async () => {
    const { outcomes } = await run([entry('none', '', { module: 'none.mjs' })], 1);
    expect(outcomes[0].failure).toMatch(/^Cannot find module .*none\.mjs/);
    const python = { kind: 'python' as const, version: 'Python', path: '/nowhere/python3' };
    const missing = await run([entry('python', '', { module: 'torch.py', runtime: python })], 1);
    expect(missing.outcomes[0].failure).toBe('spawn /nowhere/python3 ENOENT');
  });

  test('that are slow may leave early; time ends a case, but not before three rounds', async () => {
    const { outcomes } = await run([entry('a', 'fine'), entry('slow', 'fine', { rounds: 2 })], 20, 0);
    expect(outcomes.map(({ rounds }) => rounds.length)).toEqual([3, 2]);
  });
});

test('of an error that ends a process, its own line is what is told', () => {
  expect(reasonOf('const e = new Error("x")\n\nTypeError: y is not a function\n    at z\n', 1, null)).toBe(
    'TypeError: y is not a function',
  );
  expect(reasonOf('Traceback:\n  raise ValueError\nValueError: bad\n', 1, null)).toBe('ValueError: bad');
  expect(reasonOf('torch.cuda.OutOfMemoryError: none left', 1, null)).toBe('torch.cuda.OutOfMemoryError: none left');
  expect(reasonOf('', null, 'SIGKILL')).toBe('ended with SIGKILL');
});
