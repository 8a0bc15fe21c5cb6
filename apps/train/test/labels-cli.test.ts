/** The commands that train to give labels, as they are typed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { cli, type Result, tinyOptions } from './support';

const folder = mkdtempSync(join(tmpdir(), 'qkv-labels-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, content: string): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};

const words = (count: number): string =>
  Array.from({ length: count }, (_, i) => `dog${i % 5} NOUN\nruns${i % 7} VERB\n${'.!?'[i % 3]} PUNCT\n\n`).join('');
const train = file('train.txt', words(60));
const judged = file('test.txt', words(9));
const run = join(folder, 'run');
const short = ['--preset', 'tiny', '--steps', '40', '--validate-every', '20', '--threads', '1'];

let trained: Result;
beforeAll(async () => {
  trained = await cli(['tag', '--train', train, ...short, '--output', run]);
}, 60_000);

describe('tag', () => {
  test('says what it has, how it goes, how well it did, and how to go on', () => {
    expect(trained.err).toBe('');
    expect(trained.code).toBe(0);
    expect(trained.out).toMatch(
      /train\.txt: \d+ sentences \(\d+ words\) to train on, \d+ \(\d+\) for validation \(of /,
    );
    expect(trained.out).toMatch(/3 tags, \d+ words that are known/);
    expect(trained.out).toMatch(/step 40\/40 {2}loss \d\.\d{3} {2}\d+ words\/s {2}0 s left/);
    expect(trained.out).toMatch(/validation words: accuracy \d+\.\d %, macro F1 \d+\.\d %/);
    expect(trained.out).toContain(`next: train evaluate --run ${run} --test sentences.conllu, train predict --run`);
    expect(JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'))).toMatchObject({
      data: { task: 'tag', format: 'columns', column: null, tokenizer: null },
      vocabularies: { label: { format: 'qkv.symbols', symbols: ['NOUN', 'PUNCT', 'VERB'] } },
    });
  });

  test('evaluate shows each tag and what was confused, as text and as JSON', async () => {
    const { out, code } = await cli(['evaluate', '--run', run, '--test', judged]);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^27 test words: accuracy \d+\.\d %, macro F1 \d+\.\d %\n\nlabel +expected +given +precision +recall +F1\n/,
    );
    expect(out).toMatch(/^NOUN +9 +/m);
    const json = await cli(['evaluate', '--run', run, '--test', judged, '--json']);
    const event = JSON.parse(json.out);
    expect(event).toMatchObject({ event: 'test', examples: 27, confusions: expect.any(Array) });
    expect(event.labels).toHaveLength(3);
    const { tests } = JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8'));
    expect(tests[judged].accuracy).toBe(event.accuracy);
  });

  test('evaluate tells that a file was trained on', async () => {
    const { err, code } = await cli(['evaluate', '--run', run, '--test', train, '--quiet']);
    expect(code).toBe(0);
    expect(err).toMatch(
      /train\.txt is what the run was trained on: how well it does on other data, this does not say\n/,
    );
  });

  test('predict reads standard input', async () => {
    const { out, err } = await cli(['predict', '--run', run], { input: 'dog1 runs2 !\n' });
    expect(err).toBe('');
    expect(out).toMatch(/^dog1\/[A-Z]+ runs2\/[A-Z]+ !\/[A-Z]+\n$/);
    const to = join(folder, 'tags.txt');
    const filed = await cli(['predict', '--run', run, '--input', judged, '--output', to, '--columns']);
    expect(filed.out).toBe(`36 lines in ${to}\n`);
  });

  test('compare shows it beside others, export tells what it costs', async () => {
    const other = join(folder, 'other');
    await cli(['tag', '--train', train, ...short, '--window', '1', '--output', other, '--quiet']);
    const { out } = await cli(['compare', run, other]);
    expect(out.split('\n')[0]).toMatch(/^run +parameters +updates +time +validation .*window/);
    expect(out).toMatch(/accuracy \d+\.\d % macro F1 \d+\.\d %/);
    const exported = await cli(['export', '--run', run, '--format', 'int8']);
    expect(exported.err).toBe('');
    expect(exported.out).toMatch(
      /\nint8: \d+ validation words: .*\n.* times those of the run; accuracy [+−]\d\.\d\d points; in /,
    );
  }, 60_000);
});

describe('help tells what there is', () => {
  test.each([
    ['tag', ['--train <file>', '--column <name>', '--tokenizer <spec>', '--character-dimension <n>', '--window <n>']],
    [
      'classify',
      ['--train <file>', '--separator <name>', '--encoding <name>', '--pooling <name>', '--word-dropout <rate>'],
    ],
    ['nodes', ['--graph <file>', '--feature-dropout <rate>', '--weight-decay <strength>', '--patience <n>']],
    ['speech', ['--folder <folder>', '--label <name>', '--split <name>', '--mel-bands <n>', '--scaling <name>']],
    ['evaluate', ['--test <file>', '--beam <n>', '--length-penalty <alpha>', '--bleu <tokenizer>']],
    ['predict', ['--input <file>', '--columns', '--n-best <n>']],
  ])('%s', async (command, options) => {
    const { code, out } = await cli([command, '--help']);
    expect(code).toBe(0);
    for (const option of options) expect(out).toContain(option);
  });
});

test.each<[string[], string]>([
  [['tag'], "error: required option '--train <file>' not specified"],
  [['tag', '--train', join(folder, 'no')], 'no: there is no such file'],
  [['tag', '--train', train, '--heads', '3'], 'error: --dimension 128 is not a multiple of --heads 3'],
  [
    ['tag', '--train', train, '--window', '2', '--encoder', 'lstm'],
    'error: --window is for --encoder attention, not lstm',
  ],
  [['tag', '--train', train, '--column', 'lemma'], "error: option '--column <name>' argument 'lemma' is invalid."],
  [
    ['tag', '--train', train, '--metric', 'token-error-rate'],
    "argument 'token-error-rate' is invalid. Expected accuracy",
  ],
  [['tag', '--train', train, '--decoder-layers', '2'], "error: unknown option '--decoder-layers'"],
  [['nodes', '--graph', train], 'train.txt: it is not JSON'],
  [['nodes', '--graph', train, '--batch', '2'], "error: unknown option '--batch'"],
  [['speech'], 'error: name the recordings: --folder with WAV files, or --train with a list'],
  [['speech', '--folder', folder], 'there are no WAV files in it'],
  [['speech', '--folder', folder, '--train', train], "cannot be used with option '--folder <folder>'"],
  [['evaluate', '--run', run], 'error: name the sentences to judge by: --test sentences.conllu'],
  [
    ['evaluate', '--run', run, '--test', judged, '--beam', '4'],
    'is one of tag, which writes no texts; leave --beam out',
  ],
  [['predict', '--run', run, '--n-best', '2'], 'error: --n-best is for a beam search; give --beam, too'],
  [['verify', '--run', run], 'is one of tag; verify is for g2p and seq2seq'],
  [['pronounce', 'word', '--run', run], 'does not pronounce; use predict with it'],
  [['tag', '--train', train, ...short, '--output', run], 'error: there is a run in'],
  [['seq2seq', '--train', train, ...tinyOptions, '--output', run, '--resume', 'auto'], 'error: '],
])('%j', async (args, line) => {
  const { code, out, err } = await cli(args);
  expect(err).toContain(line);
  expect(err.split('\n').filter((text) => text.startsWith('error:'))).toHaveLength(1);
  expect(out).toBe('');
  expect(code).toBe(1);
});
