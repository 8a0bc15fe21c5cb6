import { expect, test, vi } from 'vitest';

import { subjectOf } from './jobs.mjs';

test('jobs are timed for each call; those that fail are told of and left out', async () => {
  let runs = 0;
  const make = ({ name }: { name: string }): { run: () => void; calls: number } => {
    if (name === 'unknown') throw new Error('there is no such operation');
    return {
      calls: 4,
      run: () => {
        runs++;
        if (name === 'broken') throw new Error('out of memory\nat 0x1');
      },
    };
  };
  const items = ['fine', 'unknown', 'broken'].map((name) => ({ name }));
  const subject = await subjectOf(items, make, { about: 'test' }, { seconds: 0, before: () => 5 });
  expect(subject.facts).toEqual({
    about: 'test',
    'failed: unknown': 'there is no such operation',
    'failed: broken': 'out of memory',
  });
  const before = runs;
  vi.spyOn(performance, 'now').mockReturnValueOnce(100).mockReturnValueOnce(140);
  const series = await subject.round();
  expect(runs).toBe(before + 1);
  expect(Object.keys(series)).toEqual(['peak', 'fine peak', 'fine ms', 'fine cpu']);
  expect(series['fine peak']).toEqual([5]);
  expect(series['fine ms']).toEqual([10]);
});

test('a subject none of whose jobs works has failed', async () => {
  const make = (): never => {
    throw new Error('no backend');
  };
  await expect(subjectOf([{ name: 'a' }], make, {}, { seconds: 0 })).rejects.toThrow('no backend');
});
