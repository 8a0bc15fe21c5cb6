import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test } from 'vitest';

import { loadG2pTask } from './g2p-task';
import { loadSeq2seqTask, type Seq2seqOptions } from './seq2seq-task';

const folder = mkdtempSync(join(tmpdir(), 'qkv-pairs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function write(content: string | Uint8Array): string {
  const path = join(folder, `${files++}.tsv`);
  writeFileSync(path, content);
  return path;
}

const load = (train: string, more: Partial<Seq2seqOptions> = {}) =>
  loadSeq2seqTask({ train, sourceUnit: 'character', targetUnit: 'word', maxLength: 10, ...more });

test('pairs become ids with START and END; long ones are left out; several targets of a source all count', async () => {
  const train = write(`ab\tx y\nba\ty\n${'a'.repeat(11)}\tx\nab\tz\n`);
  const valid = write('ab\tx\nb\ty y\nab\tq r\nab\tx\n');
  const task = await load(train, { valid });
  const { source, target } = task.codecs;
  expect([4, 5].map((id) => source.nameOf(id))).toEqual(['a', 'b']);
  expect(source.size).toBe(6);
  expect(task.training.map((pair) => source.decode(Array.from(pair.source)))).toEqual(['ab', 'ba', 'ab']);
  expect(Array.from(task.training[0].target, (id) => target.nameOf(id))).toEqual(['<start>', 'x', 'y', '<end>']);
  expect(task.validation).toEqual([
    { source: 'ab', references: [['x'], ['q', 'r']] },
    { source: 'b', references: [['y', 'y']] },
  ]);
  expect(task.description).toContain('left out: 1 pairs longer than --max-length 10');
});

test('long pairs are left out before validation pairs are chosen among the others', async () => {
  const lines = Array.from(
    { length: 60 },
    (_, i) => `${'ab'.repeat(i % 2 === 0 ? 1 : 40)}${'abcdefghij'[i % 10]}${i % 7}\tx`,
  );
  const { validation, training } = await load(write(lines.join('\n')));
  expect(
    Math.max(...validation.map(({ source }) => source.length), ...training.map(({ source }) => source.length)),
  ).toBe(4);
});

test('without a file for validation, some sources are held out, with all their targets and whatever their order', async () => {
  const lines = Array.from(
    { length: 200 },
    (_, i) => `${'abcdefghij'[i % 10]}${'abcdefghij'[Math.floor(i / 20)]}\tt${i}`,
  );
  const task = await load(write(lines.join('\n')));
  const held = task.validation.map(({ source }) => source);
  expect(held).toHaveLength(5); // of 100 sources
  expect(task.validation.every(({ references }) => references.length === 2)).toBe(true);
  const seen = task.training.map((pair) => task.codecs.source.decode(Array.from(pair.source)));
  expect(seen).toHaveLength(190);
  expect(seen.filter((source) => held.includes(source))).toEqual([]);
  const again = await load(write(lines.toReversed().join('\n')));
  expect(again.validation.map(({ source }) => source).sort()).toEqual(held.sort());
});

test.each<[string, string | Uint8Array, RegExp]>([
  ['an empty file', '', /^.*0\.tsv|\.tsv: there are no pairs in it$/],
  ['a line without a tab', 'a\tb\nabc\n', /\.tsv, line 2: expected source<TAB>target, got 1 column$/],
  ['Latin-1', Uint8Array.of(0xe4, 9, 0x61), /\.tsv, line 1: it is not UTF-8; convert the file/],
  ['only long pairs', `${'a'.repeat(11)}\tb\nb${'a'.repeat(11)}\tb\n`, /: every pair is longer than --max-length 10$/],
  ['one source', 'a\tb\n', /: too few different sources to keep some for validation; give --valid$/],
])('%s', async (_, content, message) => {
  await expect(load(write(content))).rejects.toThrow(message);
});

test('no file', async () => {
  await expect(load(join(folder, 'none'))).rejects.toThrow(/^cannot read .*none: there is no such file$/);
  await expect(load(folder)).rejects.toThrow(/: it is a folder$/);
});

test('validation words of CMUdict keep all their pronunciations', () => {
  const { validation } = loadG2pTask({ maxLength: 20 });
  expect(validation.some(({ references }) => references.length > 1)).toBe(true);
});
