import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { trainTokenizer } from '@qkv/tokenizers';
import { afterAll, describe, expect, test } from 'vitest';

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

describe('sub-words', () => {
  const lines = Array.from(
    { length: 100 },
    (_, i) => `${i % 2 ? 'the' : 'a'} cat number ${i}\tcat-${i} ${'abc'[i % 3]}`,
  );

  test('tokenizers are trained on the pairs to train on, each on its side', async () => {
    const train = write(lines.join('\n'));
    const units = { sourceUnit: 'wordpiece:200', targetUnit: 'sentencepiece-bpe:300' } as const;
    const stages = new Set<string>();
    const onProgress = ({ stage }: { stage: string }) => stages.add(stage.split(',')[0]);
    const task = await load(train, { ...units, maxLength: 30, onProgress });
    const { source, target } = task.codecs;
    expect(task.data).toMatchObject(units);
    expect([...stages]).toEqual(['source tokenizer', 'target tokenizer']);
    expect(task.validation).toHaveLength(5);
    expect(task.training.map((pair) => source.decode(Array.from(pair.source)))).toHaveLength(95);
    expect(target.decode(Array.from(task.training[0].target))).toMatch(/^cat-\d+ [abc]$/);
    // Pairs for validation have no part in it.
    const held = task.validation.map(({ source: text }) => text);
    const others = lines.map((line) => (held.includes(line.split('\t')[0]) ? line.replace(/\t.*/, '\tQQQ') : line));
    const again = await load(write(others.join('\n')), { ...units, maxLength: 30 });
    expect(JSON.stringify(again.codecs)).toBe(JSON.stringify(task.codecs));
    expect(target.hasUnknown('QQQ')).toBe(false); // byte by byte
  });

  test('long pairs are left out of training and validation by their tokens', async () => {
    const long = [...lines, ...Array.from({ length: 40 }, (_, i) => `${'many words '.repeat(9)}${i}\tx`)];
    const { training, validation, description, codecs } = await load(write(long.join('\n')), {
      sourceUnit: 'bpe:300',
      targetUnit: 'bpe:300',
      maxLength: 12,
    });
    expect(Math.max(...training.map(({ source }) => source.length))).toBeLessThanOrEqual(12);
    for (const { source } of validation) expect(codecs.source.encode(source).length).toBeLessThanOrEqual(12);
    expect(training.length).toBeLessThan(101);
    expect(description[2]).toMatch(/^left out: \d+ pairs longer than --max-length 12$/);
  });

  test('those of a run of the same data are taken, and no file is read again', async () => {
    const train = write(lines.join('\n'));
    const path = join(folder, 'own.json');
    const texts = lines.map((line) => line.split('\t')[0]);
    writeFileSync(path, JSON.stringify(trainTokenizer(texts, { preset: 'bpe', vocabSize: 300 })));
    const first = await load(train, { sourceUnit: { path }, targetUnit: 'bpe:300', maxLength: 30 });
    expect(first.codecs.source.size).toBe(303); // PAD, START and END come after its ids
    const data = first.data as Extract<typeof first.data, { task: 'seq2seq' }>;
    expect(data.sourceUnit).toMatchObject({ path, digest: expect.stringMatching(/^[0-9a-f]{64}$/) });
    rmSync(path);
    const { sourceUnit, targetUnit } = data;
    const second = await load(train, { sourceUnit, targetUnit, maxLength: 30, run: first });
    expect(second.codecs).toBe(first.codecs);
    expect(second.training).toEqual(first.training);
    const another = await load(train, { sourceUnit: 'word', targetUnit, maxLength: 30, run: first });
    expect(another.codecs).not.toBe(first.codecs);
  });

  test('a size that the characters do not fit in', async () => {
    const loading = load(write(lines.join('\n')), { sourceUnit: 'unigram:16', maxLength: 30 });
    await expect(loading).rejects.toThrow(/^source tokenizer: .*16, too small for/);
  });

  test.each<[string, string | undefined, RegExp]>([
    ['mistyped', undefined, /bpee:300: there is no such file; a tokenizer is one of bpe:8000, .*tokenizer\.json$/],
    ['malformed', '{"model":{"type":"BPE"}}', /\.json: tokenizer\.json\.model/],
    ['of an unknown model', '{"model":{"type":"Magic"}}', /\.json: .*Magic.*/],
    ['no JSON', '{"model"', /\.json: not JSON/],
    ['no tokenizer', 'some text\n', /\.json: /],
  ])('a tokenizer that is %s', async (_, content, message) => {
    const path = content === undefined ? join(folder, 'bpee:300') : join(folder, 'bad.json');
    if (content !== undefined) writeFileSync(path, content);
    await expect(load(write('a\tb\n'), { targetUnit: { path } })).rejects.toThrow(message);
  });
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
