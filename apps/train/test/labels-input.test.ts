/** Data of one's own that are unusual or wrong: what becomes of them before anything is trained. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { writeWav } from '@qkv/data';
import { afterAll, describe, expect, test } from 'vitest';

import { loadClassifyTask } from '../src/data/classify-task';
import { loadNodesTask } from '../src/data/nodes-task';
import { loadSpeechTask, reloadSpeechTask } from '../src/data/speech-task';
import { loadTagTask, readTaggedTestFile } from '../src/data/tag-task';
import { classifyPresets, speechPresets, tagPresets } from '../src/presets';

const folder = mkdtempSync(join(tmpdir(), 'qkv-labels-input-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let written = 0;
function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, String(written++), name);
  mkdirSync(dirname(path));
  writeFileSync(path, content);
  return path;
}

describe('texts', () => {
  const form = { separator: 'tab', encoding: 'utf-8', tokenizer: 'word', recipe: classifyPresets.tiny } as const;
  const common = Array.from({ length: 60 }, (_, i) => `${i % 2 ? 'odd' : 'even'}\tnumber ${i} of many\n`).join('');
  const rare = Array.from({ length: 40 }, (_, i) => `rare${i}\tthe only one, ${i}\n`).join('');

  test('the only text of a label is not kept for validation', async () => {
    const { training, validation, codecs } = await loadClassifyTask({ ...form, train: write('t.tsv', common + rare) });
    expect(training.length + validation.length).toBe(100);
    expect(validation.length).toBeGreaterThan(0);
    expect(codecs.label.size).toBe(42);
    expect(validation.every(({ labels: [label] }) => codecs.label.idOf(label) !== undefined)).toBe(true);
  });

  test('how many are cut is told', async () => {
    const long = `odd\t${'very '.repeat(200)}long\n`;
    const { description } = await loadClassifyTask({ ...form, train: write('t.tsv', common + long + long) });
    expect(description).toContain('2 texts are longer than --max-length 128: the rest of them is not read');
    const none = await loadClassifyTask({ ...form, train: write('t.tsv', common) });
    expect(none.description.join()).not.toContain('longer');
  });

  test('a tab where a space should end the label is named', async () => {
    const loading = loadClassifyTask({ ...form, separator: 'space', train: write('t.tsv', common) });
    await expect(loading).rejects.toThrow(
      /t\.tsv: line 1: its label holds a tab, "even\\tnumber"; leave --separator space out$/,
    );
  });
});

describe('tags', () => {
  const recipe = tagPresets.tiny;
  const conllu = '1\tdog\t_\tNOUN\tNN\t_\t0\troot\t_\t_\n2\truns\t_\tVERB\tVBZ\t_\t1\tdep\t_\t_\n\n';

  test('one tag is an error', async () => {
    const train = write('t.txt', Array.from({ length: 9 }, (_, i) => `w${i} X\n\n`).join(''));
    await expect(loadTagTask({ train, column: 'upos', recipe })).rejects.toThrow(
      /t\.txt: there is one tag, X; there must be two to tell apart$/,
    );
  });

  test('files to judge by are known by their ending or their look', async () => {
    for (const name of ['x.conllu', 'x.txt']) {
      const { sentences } = await readTaggedTestFile(write(name, conllu), 'upos');
      expect(sentences).toEqual([{ words: ['dog', 'runs'], labels: ['NOUN', 'VERB'] }]);
      await expect(readTaggedTestFile(write(name, conllu), null)).rejects.toThrow(
        /x\.\w+: the run learned two columns, and knows no column of CoNLL-U; give it word<TAB>tag$/,
      );
    }
    const { sentences } = await readTaggedTestFile(write('x.txt', 'dog NOUN\n'), 'upos');
    expect(sentences).toEqual([{ words: ['dog'], labels: ['NOUN'] }]);
  });
});

describe('graphs', () => {
  const graph = (change: object) =>
    write(
      'g.json',
      JSON.stringify({
        numNodes: 4,
        numFeatures: 2,
        features: [[0], [1], [0], [1]],
        labels: [0, 1, 0, 1],
        edges: [],
        train: [0, 1],
        val: [2],
        test: [3],
        ...change,
      }),
    );

  test.each<[string, object, RegExp]>([
    [
      'labels that are no count',
      { labels: [0, 5_000_000, 0, 1] },
      /g\.json: its labels go up to 5,000,000, and .* 4 nodes/,
    ],
    [
      'one class',
      { labels: [0, 0, 0, null], test: [] },
      /g\.json: all nodes of "train" have the label 0; there must be two/,
    ],
    [
      'more nodes than attention of all pairs has room for',
      {
        numNodes: 40_000,
        features: Array.from({ length: 40_000 }, () => []),
        labels: Array.from({ length: 40_000 }, (_, i) => i % 2),
      },
      /g\.json: 40,000 nodes; attention is computed for all pairs, and at most 32,768 nodes have room: take a part/,
    ],
  ])('%s', async (_, change, message) => {
    await expect(loadNodesTask(graph(change))).rejects.toThrow(message);
  });

  test('nodes without an edge, and no nodes to be judged by, are all right', async () => {
    const { description } = await loadNodesTask(graph({ test: [] }));
    expect(description[1]).toBe('2 nodes to train on, 1 for validation, 0 to be judged by');
  });
});

describe('recordings', () => {
  const recipe = { ...speechPresets.tiny, maxLength: 20 };
  const sound = (seconds: number) =>
    writeWav({
      sampleRate: 8000,
      channels: [Float64Array.from({ length: 8000 * seconds }, (_, t) => Math.sin(t * t * 1e-5))],
    });
  const recordings = (): string => {
    const to = join(folder, `wavs${written++}`);
    mkdirSync(to);
    for (const digit of [0, 1])
      for (let i = 0; i < 12; i++) writeFileSync(join(to, `${digit}_ann_${i}.wav`), sound(i === 7 ? 0.5 : 0.1));
    return to;
  };

  test('a folder with a list for validation is loaded once more', async () => {
    const to = recordings();
    const valid = join(to, 'valid.tsv');
    writeFileSync(valid, '0_ann_11.wav\t0\n1_ann_11.wav\t1\n');
    const { data, validation } = await loadSpeechTask({ folder: to, split: 'official', valid, recipe });
    expect(validation).toHaveLength(2);
    const again = await reloadSpeechTask(data, recipe);
    expect(again.data).toEqual(data);
    expect(again.validation).toEqual(validation);
  });

  test('what a list chooses by is not trained on, and what is judged by is not chosen by', async () => {
    const to = recordings();
    const valid = join(to, 'valid.tsv');
    writeFileSync(valid, '0_ann_11.wav\t0\n./1_ann_11.wav\t1\n');
    const { training } = await loadSpeechTask({ folder: to, split: 'official', valid, recipe });
    expect(training).toHaveLength(12);
    writeFileSync(valid, '0_ann_11.wav\t0\n1_ann_4.wav\t1\n');
    await expect(loadSpeechTask({ folder: to, split: 'official', valid, recipe })).rejects.toThrow(
      /valid\.tsv: .*1_ann_4\.wav is one of the recordings that --split official leaves to be judged by; take it out$/,
    );
  });

  test('how far the reading has come is told', async () => {
    const reports: unknown[] = [];
    await loadSpeechTask({ folder: recordings(), recipe, onProgress: (report) => reports.push(report) });
    expect(reports).toHaveLength(24);
    expect(reports.at(-1)).toEqual({ stage: 'recordings', done: 24, total: 24 });
  });

  test('what only names of a folder say is not asked of a list', async () => {
    const list = join(recordings(), 'list.tsv');
    writeFileSync(list, Array.from({ length: 12 }, (_, i) => `${i % 2}_ann_${i}.wav\t${i % 2}\n`).join(''));
    await expect(loadSpeechTask({ train: list, split: 'official', recipe })).rejects.toThrow(
      '--split is for a --folder, whose names say it; a list says what is in it, leave --split out',
    );
    await expect(loadSpeechTask({ train: list, label: 'digit', recipe })).rejects.toThrow('leave --label out');
  });

  test('how many are cut is told', async () => {
    const { description } = await loadSpeechTask({ folder: recordings(), recipe });
    expect(description).toContain('2 recordings are longer than --max-length 20: the rest of them is not heard');
  });

  test('official split: what is judged by is neither trained on nor chosen by', async () => {
    const { training, validation } = await loadSpeechTask({ folder: recordings(), split: 'official', recipe });
    const indices = [...training, ...validation].map((one) => (one as unknown as { index: number }).index);
    expect(Math.min(...indices)).toBe(5);
    expect(new Set([...training, ...validation].map((one) => (one as unknown as { path: string }).path)).size).toBe(14);
  });
});
