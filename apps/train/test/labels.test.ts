/** The commands that train to give labels, on tiny data of each kind: trained, stopped and gone on with, judged, used. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { formatConllu, parseConllu, writeWav } from '@qkv/data';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { evaluate } from '../src/commands/evaluate';
import { loadClassifyTask } from '../src/data/classify-task';
import { loadNodesTask } from '../src/data/nodes-task';
import { loadSpeechTask } from '../src/data/speech-task';
import { loadTagTask } from '../src/data/tag-task';
import { describeError } from '../src/failure';
import { installEngine } from '../src/engine';
import { classifyPresets, nodesPresets, speechPresets, tagPresets } from '../src/presets';
import type { TrainingRecipe } from '../src/recipe';
import type { Task } from '../src/run/kind';
import { readMetrics } from '../src/run/metrics';
import { readSummary } from '../src/run/summary';
import { type RunOptions, trainRun } from '../src/run/training';
import { loadRun } from '../src/run/weights';
import { Reporter } from '../src/terminal/reporter';
import type { StepReport } from '../src/terminal/progress';

const folder = mkdtempSync(join(tmpdir(), 'qkv-labels-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let backend: RunOptions['backend'];
beforeAll(async () => {
  backend = await installEngine();
});

let written = 0;
function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, String(written++), name);
  mkdirSync(dirname(path));
  writeFileSync(path, content);
  return path;
}

/** A number that looks random, below `limit`. */
const draw = (i: number, limit: number): number => ((i * 7919 + (i >> 3) * 104_729) % 9973) % limit;

const tagged = (count: number, from = 0): string =>
  Array.from({ length: count }, (_, i) => {
    const words = Array.from({ length: 2 + draw(from + i, 5) }, (__, k) => {
      const n = draw(from + 31 * i + k, 12);
      const [upos, form] = n < 5 ? ['NOUN', `dog${n}s`] : n < 9 ? ['VERB', `run${n}ning`] : ['PUNCT', '.,!'[n - 9]];
      return `${k + 1}\t${form}\t_\t${upos}\tX${n}\t_\t${k === 0 ? '0\troot' : '1\tdep'}\t_\t_\n`;
    });
    return `# text ${from + i}\n${words.join('')}\n`;
  }).join('');

const labelled = (count: number, from = 0): string =>
  Array.from({ length: count }, (_, i) => {
    const good = draw(from + i, 2) === 0;
    return `${good ? 'good' : 'bad news'}\tthe film ${from + i} is ${good ? 'fine and bright' : 'dull'} ${draw(i, 9)}\n`;
  }).join('');

const graph = (nodes = 24) =>
  JSON.stringify({
    numNodes: nodes,
    numFeatures: 4,
    features: Array.from({ length: nodes }, (_, i) => [i % 2, 2 + draw(i, 2)]),
    labels: Array.from({ length: nodes }, (_, i) => i % 2),
    edges: Array.from({ length: nodes - 2 }, (_, i) => [i, i + 2]),
    train: [0, 1, 2, 3, 4, 5, 6, 7],
    val: [8, 9, 10, 11],
    test: [12, 13, 14, 15, 16, 17],
  });

/** A tone that rises, one that falls, and one that does both. */
function tone(digit: number, index: number): Uint8Array {
  const length = 800 + 40 * draw(index, 9);
  let phase = 0;
  const samples = Float64Array.from({ length }, (_, t) => {
    const at = [t / length, 1 - t / length, Math.abs((2 * t) / length - 1)][digit];
    phase += (2 * Math.PI * (300 + 3000 * at)) / 8000;
    return 0.5 * Math.sin(phase) + 0.01 * (draw(t + index, 100) / 50 - 1);
  });
  return writeWav({ sampleRate: 8000, channels: [samples] });
}

function recordings(): string {
  const to = join(folder, `wavs${written++}`);
  mkdirSync(to);
  for (const digit of [0, 1, 2])
    for (const speaker of ['ann', 'bob'])
      for (let i = 0; i < 9; i++) writeFileSync(join(to, `${digit}_${speaker}_${i}.wav`), tone(digit, 9 * digit + i));
  return to;
}

const train = write('train.conllu', tagged(60));
const testFile = write('test.conllu', tagged(12, 500));
const columns = write(
  'train.txt',
  parseConllu(tagged(60))
    .map(({ words }) => words.map(({ form, upos }) => `${form}\t${upos}\n`).join(''))
    .join('\n'),
);
const texts = write('texts.tsv', labelled(60));
const textsToJudge = write('judge.tsv', labelled(20, 900));
const graphFile = write('graph.json', graph());
const wavs = recordings();

interface Case {
  readonly name: string;
  readonly load: () => Promise<Task>;
  readonly recipe: TrainingRecipe;
  readonly test?: string;
  readonly better: number;
}
const length = { steps: 40, epochs: undefined, batch: 8, cells: 2, validateEvery: 10, checkpointEvery: 7 };
const random = { dropout: 0.1, average: 0.5, ...length };
const word = { ...tagPresets.tiny, ...random, wordDropout: 0.1 };
const text = { ...classifyPresets.tiny, ...random, wordDropout: 0.1 };
const { batch: _, cells: __, ...alone } = random;
const column = 'upos';
const form = { separator: 'tab', encoding: 'utf-8', tokenizer: 'word' } as const;
const cases: Case[] = [
  { name: 'tag', load: () => loadTagTask({ train, column, recipe: word }), recipe: word, test: testFile, better: 0.9 },
  {
    name: 'tag, sub-words',
    load: () => loadTagTask({ train, column, recipe: word, tokenizer: 'bpe:290' }),
    recipe: word,
    test: testFile,
    better: 0.9,
  },
  {
    name: 'tag, two columns, an LSTM',
    load: () => loadTagTask({ train: columns, column, recipe: word }),
    recipe: { ...word, encoder: 'lstm' } as TrainingRecipe,
    test: columns,
    better: 0.9,
  },
  {
    name: 'classify',
    load: () => loadClassifyTask({ ...form, train: texts, recipe: text }),
    recipe: text,
    test: textsToJudge,
    better: 0.9,
  },
  {
    name: 'classify, sub-words, two batches an update',
    load: () => loadClassifyTask({ ...form, train: texts, recipe: text, tokenizer: 'bpe:290' }),
    recipe: { ...text, accumulate: 2, pooling: 'class' } as TrainingRecipe,
    test: textsToJudge,
    better: 0.9,
  },
  {
    name: 'nodes',
    load: () => loadNodesTask(graphFile),
    recipe: { ...nodesPresets.tiny, ...alone, warmup: 0 },
    better: 0.9,
  },
  {
    name: 'speech',
    load: () => loadSpeechTask({ folder: wavs, label: 'digit', split: 'official', recipe: speechPresets.tiny }),
    recipe: { ...speechPresets.tiny, ...random },
    better: 0.9,
  },
];

/** Ends a run as Ctrl-C would, after so many updates. */
class Stopper extends Reporter {
  readonly #controller = new AbortController();

  constructor(readonly after = Infinity) {
    super('quiet');
  }

  override step({ step }: StepReport): void {
    if (step >= this.after) this.#controller.abort();
  }

  get interruption(): RunOptions['interruption'] {
    const { signal } = this.#controller;
    return {
      signal,
      get happened() {
        return signal.aborted;
      },
      end() {},
    } as RunOptions['interruption'];
  }
}

async function run({ load, recipe }: Case, to: string, after?: number) {
  const reporter = new Stopper(after);
  const { interruption } = reporter;
  const task = await load();
  return trainRun({ task, recipe, folder: to, resume: 'auto', overwrite: false, backend, reporter, interruption });
}

const results = (to: string) => ({
  model: readFileSync(join(to, 'model.safetensors')),
  metrics: readMetrics(join(to, 'metrics.jsonl')).map((record) => ({ ...record, seconds: 0 })),
});

describe.each(cases)('$name', (one) => {
  const whole = join(folder, `${one.name} whole`);
  beforeAll(async () => {
    await run(one, whole);
  }, 60_000);

  test('learns, is judged on data of its own, and the scores are noted', async () => {
    await evaluate({ run: whole, test: one.test, mode: 'quiet' });
    const { validation, tests, reason, steps, modelStep } = (await readSummary(whole))!;
    expect({ reason, steps }).toEqual({ reason: 'finished', steps: 40 });
    expect(validation.accuracy).toBeGreaterThan(one.better);
    const validated = results(whole).metrics.filter((record) => 'validation/accuracy' in record);
    const best = Math.max(...validated.map((record) => Number(record['validation/accuracy'])));
    expect(modelStep).toBe(validated.find((record) => record['validation/accuracy'] === best)!.step);
    const [scores] = Object.values(tests!);
    expect(scores.accuracy).toBeGreaterThan(one.better);
    expect(scores.macroF1).toBeGreaterThan(0.5);
    expect(readFileSync(join(whole, 'curves.svg'), 'utf8')).toContain('scores on validation data');
    expect(readFileSync(join(whole, 'log.txt'), 'utf8')).toMatch(/loss \d\.\d{3}, accuracy \d+\.\d %, macro F1 /);
  });

  test('stopped and gone on with, it has the same bits', async () => {
    const to = join(folder, `${one.name} stopped`);
    expect(await run(one, to, 11)).toBeUndefined();
    expect(await run(one, to, 23)).toBeUndefined();
    await run(one, to);
    expect(results(to)).toEqual(results(whole));
  }, 60_000);

  test('loads its data once more, and exports keep its scores', async () => {
    const { kind, config, model } = await loadRun(whole);
    const task = await kind.loadTask(config);
    expect(JSON.stringify(task.codecs)).toBe(JSON.stringify(config.codecs));
    const scores = kind.score(await kind.judge(model, kind.validationOf(task)));
    expect(scores).toEqual((await readSummary(whole))!.validation);
  });

  test('other settings are another run', async () => {
    const other = { ...one, recipe: { ...one.recipe, seed: 9 } };
    await expect(run(other, whole)).rejects.toThrow(/cannot go on: its seed is 1, not 9/);
  });
});

const predict = async (name: string, input: string | undefined, more: { columns?: boolean } = {}) => {
  const loaded = await loadRun(join(folder, `${name} whole`));
  return (await loaded.kind.predict(loaded, { input, isWatched: false, ...more })).text;
};

describe('predict', () => {
  test('tags of words: word/TAG, or an item on each line', async () => {
    const input = write('in.txt', 'dog1s run6ning .\n\nrun8ning\n');
    expect(await predict('tag', input)).toBe('dog1s/NOUN run6ning/VERB ./PUNCT\n\nrun8ning/VERB\n');
    expect(await predict('tag, sub-words', input)).toBe('dog1s/NOUN run6ning/VERB ./PUNCT\n\nrun8ning/VERB\n');
    const lines = 'dog1s\tNOUN\nrun6ning\tVERB\n.\tPUNCT\n\n\nrun8ning\tVERB\n\n';
    expect(await predict('tag', input, { columns: true })).toBe(lines);
  });

  test('CoNLL-U comes back with its column filled, and all else as it was', async () => {
    const expected = tagged(5, 700);
    const sentences = parseConllu(expected).map((sentence) => ({
      ...sentence,
      words: sentence.words.map((word) => ({ ...word, upos: null })),
    }));
    const emptied = formatConllu(sentences);
    expect(emptied).not.toBe(expected);
    expect(await predict('tag', write('in.conllu', emptied))).toBe(expected);
    expect(await predict('tag', write('in.txt', emptied))).toBe(expected); // by its look
    const broken = write('broken.conllu', emptied.replace('\troot\t', '\t'));
    await expect(predict('tag', broken)).rejects.toThrow(/broken\.conllu: line 2: expected 10 columns, got 9/);
    await expect(predict('tag, two columns, an LSTM', write('in.conllu', emptied))).rejects.toThrow(
      /in\.conllu: the run learned two columns, and knows no column of CoNLL-U; give it plain text$/,
    );
  });

  test('sentences longer than the model sees are cut, and come back whole', async () => {
    const long = Array.from({ length: 300 }, (__, i) => `dog${i % 5}s`);
    const tags = (await predict('tag', write('in.txt', `${long.join(' ')}\n`))).trim().split(' ');
    expect(tags.map((both) => both.split('/')[0])).toEqual(long);
  });

  test('classes of texts, nodes and recordings, with their probabilities', async () => {
    const said = await predict('classify', write('in.txt', 'it is fine and bright\nit is dull\n\n'));
    expect(said.split('\n').map((line) => line.split('\t')[0])).toEqual(['good', 'bad news', expect.any(String), '']);
    expect(said).toMatch(/^good\t[01]\.\d{4}\n/);

    const lines = (await predict('nodes', undefined)).trim().split('\n');
    expect(lines).toHaveLength(24);
    expect(lines[23]).toMatch(/^23\t1\t[01]\.\d{4}$/);

    const paths = ['0_ann_3.wav', '2_bob_8.wav'].map((name) => join(wavs, name));
    const heard = await predict('speech', write('list.txt', `${paths.join('\n')}\n`));
    expect(heard.split('\n').map((line) => line.split('\t').slice(0, 2))).toEqual([
      [paths[0], '0'],
      [paths[1], '2'],
      [''],
    ]);
  });
});

describe('bad input is named with its place', () => {
  const recipe = tagPresets.tiny;
  const problem = async (loading: Promise<unknown>): Promise<string> => {
    try {
      await loading;
    } catch (error) {
      return describeError(error);
    }
    return 'nothing is wrong';
  };
  const tagOf = (content: string | Uint8Array, name = 'bad.conllu') =>
    problem(loadTagTask({ train: write(name, content), column: 'upos', recipe }));
  const classOf = (content: string | Uint8Array, more = {}) =>
    problem(loadClassifyTask({ ...form, train: write('bad.tsv', content), recipe: classifyPresets.tiny, ...more }));
  const graphOf = (change: object) =>
    problem(loadNodesTask(write('bad.json', JSON.stringify({ ...JSON.parse(graph()), ...change }))));
  const soundOf = (bytes: Uint8Array, name = '1_ann_0.wav') => {
    const to = recordings();
    writeFileSync(join(to, name), bytes);
    return problem(loadSpeechTask({ folder: to, recipe: speechPresets.tiny }));
  };

  test('sentences', async () => {
    expect(await tagOf('')).toMatch(/bad\.conllu: there are no sentences in it$/);
    expect(await tagOf('1\ta\n')).toMatch(/bad\.conllu: line 1: expected 10 columns, got 2; separate them by tabs$/);
    expect(await tagOf(tagged(9).replace('NOUN', '_'))).toMatch(
      /bad\.conllu: line \d+: "dog\ds" has no upos; fill it in, or choose another --column$/,
    );
    expect(await tagOf('a NOUN\nb\n', 'bad.txt')).toMatch(/bad\.txt: line 2: expected token<TAB>label/);
    expect(await tagOf(Uint8Array.of(0xff, 0x20, 0x41), 'bad.txt')).toMatch(/bad\.txt: line 1: it is not UTF-8/);
    expect(await tagOf('a NOUN\n', 'one.txt')).toMatch(/one\.txt: too few different sentences .*; give --valid$/);
    expect(await problem(loadTagTask({ train: join(folder, 'none'), column: 'upos', recipe }))).toMatch(
      /^cannot read .*none: there is no such file$/,
    );
    expect(await problem(loadTagTask({ train, column: 'upos', recipe, tokenizer: 'word' }))).toMatch(
      /^--tokenizer is for sub-words/,
    );
  });

  test('texts', async () => {
    expect(await classOf('')).toMatch(/bad\.tsv: there are no examples in it$/);
    expect(await classOf('a\tb\nc d\n')).toMatch(
      /bad\.tsv: line 2: expected label<TAB>text, got no tab; if a space ends the label, say --separator space$/,
    );
    expect(await classOf(Uint8Array.of(0x61, 9, 0xe4, 10))).toMatch(
      /bad\.tsv: line 1: it is not UTF-8; .*--encoding latin1/,
    );
    expect(await classOf(Uint8Array.of(0x61, 9, 0xe4, 10), { encoding: 'latin1' })).toMatch(/too few different texts/);
    expect(await classOf('a\tx\na\ty\na\tz\n')).toMatch(/bad\.tsv: there is one label, a; there must be two/);
    const strange = write('strange.tsv', 'good\tx\nfunny\ty\n');
    expect(await classOf(labelled(20), { valid: strange })).toMatch(
      /strange\.tsv: line 2: the label "funny" is in no training text; labels are bad news, good$/,
    );
    const spaced = write('spaced.txt', 'good x\n');
    expect(await problem(evaluate({ run: join(folder, 'classify whole'), test: spaced, mode: 'quiet' }))).toMatch(
      /line 1: expected label<TAB>text, got no tab; write it as the run was trained, label<TAB>text in utf-8$/,
    );
    const toJudge = evaluate({ run: join(folder, 'classify whole'), test: strange, mode: 'quiet' });
    expect(await problem(toJudge)).toMatch(/strange\.tsv: line 2: the label "funny"/);
    expect(await problem(evaluate({ run: join(folder, 'classify whole'), mode: 'quiet' }))).toBe(
      'name the texts to judge by: --test texts.tsv',
    );
  });

  test('graphs', async () => {
    expect(await graphOf({ edges: [[0, 99]] })).toMatch(/bad\.json: edges\[0\]\[1\] is 99, expected a whole number/);
    expect(await graphOf({ train: [] })).toMatch(/bad\.json: there are no nodes in "train"$/);
    expect(await graphOf({ val: [0] })).toMatch(/bad\.json: val\[0\]: node 0 already is train\[0\]/);
    expect(await problem(loadNodesTask(write('bad.json', '{')))).toMatch(/bad\.json: it is not JSON/);
    const wide = write('wide.json', JSON.stringify({ ...JSON.parse(graph()), numFeatures: 5 }));
    await expect(predict('nodes', wide)).rejects.toThrow(
      /wide\.json: its nodes have 5 features, those of training had 4$/,
    );
  });

  test('recordings', async () => {
    expect(await soundOf(tone(1, 0).subarray(0, 500))).toMatch(/1_ann_0\.wav: byte 4: .*cut off/);
    expect(await soundOf(new Uint8Array(100))).toMatch(/1_ann_0\.wav: byte 0: expected "RIFF"/);
    expect(await soundOf(tone(1, 0), 'hello.wav')).toMatch(/hello\.wav: expected a name such as 7_jackson_32\.wav/);
    const fast = writeWav({ sampleRate: 16_000, channels: [new Float64Array(4000)] });
    expect(await soundOf(fast)).toMatch(/1_ann_0\.wav: 16000 samples a second, the others have 8000; convert it/);
    const silent = writeWav({ sampleRate: 8000, channels: [new Float64Array(20)] });
    expect(await soundOf(silent)).toBe('nothing is wrong'); // shorter than a frame, and silent
    expect(await problem(loadSpeechTask({ folder, recipe: speechPresets.tiny }))).toMatch(
      /there are no WAV files in it$/,
    );
    const list = write('list.tsv', '1_ann_0.wav\n');
    expect(await problem(loadSpeechTask({ train: list, recipe: speechPresets.tiny }))).toMatch(
      /list\.tsv: line 1: expected path<TAB>label, got no tab$/,
    );
    expect(await problem(loadSpeechTask({ recipe: speechPresets.tiny }))).toMatch(/^name the recordings: --folder/);
  });

  test('tags that training did not see count as wrong, and are told', async () => {
    const odd = write('odd.conllu', tagged(12, 500).replace('\tNOUN\t', '\tODD\t'));
    const { kind, ...loaded } = await loadRun(join(folder, 'tag whole'));
    const notices: string[] = [];
    const reporter = Object.assign(new Reporter('quiet'), { notice: (line: string) => notices.push(line) });
    const { examples } = await kind.testExamples({ kind, ...loaded }, { test: odd, reporter });
    expect(notices).toEqual([expect.stringMatching(/^1 of \d+ words have tags that training did not see \(ODD\)/)]);
    expect(kind.score(await kind.judge(loaded.model, examples)).accuracy).toBeLessThan(1);
  });

  test('data that have changed since training', async () => {
    const name = 'classify whole';
    const { kind, config } = await loadRun(join(folder, name));
    const before = readFileSync(texts);
    writeFileSync(texts, labelled(61));
    expect(await problem(kind.loadTask(config))).toMatch(
      /texts\.tsv has changed since training; put it back as it was$/,
    );
    await expect(run(cases[3], join(folder, name))).rejects.toThrow(/cannot go on: its data are others/);
    writeFileSync(texts, before);
    const heard = await loadRun(join(folder, 'speech whole'));
    const sound = join(wavs, '0_ann_0.wav');
    const bytes = readFileSync(sound);
    writeFileSync(sound, tone(2, 0));
    const toJudge = evaluate({ run: join(folder, 'speech whole'), mode: 'quiet' });
    expect(await problem(toJudge)).toMatch(/^the recordings of .* have changed since training; put them back/);
    writeFileSync(sound, bytes);
    expect(await problem(heard.kind.loadTask(heard.config))).toBe('nothing is wrong');
  });
});

test('a list of recordings: paths begin where the list is', async () => {
  const to = recordings();
  const lines = (indices: number[]) =>
    indices.flatMap((i) => [0, 1].map((digit) => `${digit}_ann_${i}.wav\t${['zero', 'one'][digit]}\n`)).join('');
  const list = join(to, 'list.tsv');
  writeFileSync(list, lines([0, 1, 2, 3, 4, 5]));
  const valid = join(to, 'valid.tsv');
  writeFileSync(valid, lines([6, 7]));
  const task = await loadSpeechTask({ train: list, valid, recipe: speechPresets.tiny });
  expect(task.codecs.label.names).toEqual(['one', 'zero']);
  expect(task.training).toHaveLength(12);
  expect(task.validation).toHaveLength(4);
  expect(task.data).toMatchObject({ label: null, split: null, sampleRate: 8000, valid: { path: valid } });
});
