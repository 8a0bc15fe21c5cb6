import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, test, vi } from 'vitest';

import { split } from './split';

const folder = mkdtempSync(join(tmpdir(), 'qkv-split-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
vi.spyOn(console, 'log').mockImplementation(() => {});

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const partsIn = (to: string) =>
  Object.fromEntries(
    (['train', 'valid', 'test'] as const).map((part) => [
      part,
      readFileSync(join(folder, to, `${part}.tsv`), 'utf8')
        .split('\n')
        .slice(0, -1),
    ]),
  ) as Record<'train' | 'valid' | 'test', string[]>;

describe('split', () => {
  const lines = Array.from({ length: 300 }, (_, i) => `s${i % 100}\tt${i}\tby somebody`);
  const all = { columns: [1, 2], by: 1, valid: 0.1, test: 0.2 };

  test('every line is in one part, and what is of one source in the same, whatever the order of lines', async () => {
    await split({ input: file('a.tsv', `${lines.join('\n')}\n`), output: join(folder, 'a'), ...all });
    const parts = partsIn('a');
    expect([...parts.train, ...parts.valid, ...parts.test].sort()).toEqual(
      lines.map((line) => line.split('\t').slice(0, 2).join('\t')).sort(),
    );
    const sources = Object.values(parts).map((part) => new Set(part.map((line) => line.split('\t')[0])));
    expect(sources.map(({ size }) => size)).toEqual([70, 10, 20]);
    expect(new Set(sources.flatMap((part) => [...part])).size).toBe(100);

    await split({ input: file('b.tsv', lines.toReversed().join('\r\n')), output: join(folder, 'b'), ...all });
    expect(partsIn('b').test.toSorted()).toEqual(parts.test.toSorted());
  });

  test('columns may change places, while the split stays that of the source', async () => {
    const input = file('c.tsv', lines.join('\n'));
    await split({ input, output: join(folder, 'c'), ...all, columns: [2, 1] });
    const swapped = partsIn('c').test.map((line) => line.split('\t').toReversed().join('\t'));
    expect(swapped.toSorted()).toEqual(partsIn('a').test.toSorted());
  });

  test('a line that lacks a column is named, and shares that leave nothing', async () => {
    const to = { output: join(folder, 'd'), ...all };
    await expect(split({ input: file('d.tsv', 'a\tb\n\nc\td\n'), ...to })).rejects.toThrow('line 2: column 1');
    await expect(split({ input: file('e.tsv', ''), ...to })).rejects.toThrow('no lines');
    await expect(split({ input: file('f.tsv', 'a\tb\n'), ...to, valid: 0.5, test: 0.5 })).rejects.toThrow(
      'nothing to train on',
    );
  });
});
