import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  lstatSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { bundle, cli, type Result, reversedPairs, root, start, tinyOptions } from './support';

const folder = mkdtempSync(join(tmpdir(), 'qkv-cli-'));
const run = join(folder, 'run');
const own = join(folder, 'own');
const pairs = join(folder, 'pairs.tsv');
const other = join(folder, 'other.tsv');
const tsv = [
  ...tinyOptions,
  '--train',
  pairs,
  '--steps',
  '30',
  '--batch',
  '16',
  '--cells',
  '2',
  '--learning-rate',
  '0.01',
];
writeFileSync(pairs, reversedPairs(200));
writeFileSync(other, reversedPairs(40, 3));

/** One line, and a code that is not 0. */
function expectFailure({ code, out, err }: Result, line: string | RegExp): void {
  expect(err.trimEnd()).toMatch(/^error: .*$/);
  expect(err).toMatch(line);
  expect(out).toBe('');
  expect(code).toBe(1);
}

let trained: Result;
let ownTrained: Result;
beforeAll(async () => {
  trained = await cli(['start', '--', '--steps', '2', ...tinyOptions, '--output', run]);
  ownTrained = await cli(['seq2seq', ...tsv, '--valid', other, '--output', own]);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('start', () => {
  test('trains, judges, shows and saves', () => {
    const { code, out, err } = trained;
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(out).toContain('110,880 words to train on');
    expect(out).toMatch(/step 2\/2 {2}loss \d\.\d{3} {2}\d+ tokens\/s {2}0 s left/);
    expect(out).toMatch(/1,000 validation words: PER \d+\.\d %, WER \d+\.\d %/);
    expect(out).toMatch(/2,000 held-out words: PER \d+\.\d %, WER \d+\.\d %/);
    expect(out.match(/^[✓✗] /gm)).toHaveLength(10);
    expect(out).toContain("share of a row's attention: blank below 10 %");
    expect(out).not.toContain('\u001b'); // no colours where nobody sees them
    expect(readdirSync(run)).toContain('model.safetensors');
    const { validation, tests } = JSON.parse(readFileSync(join(run, 'summary.json'), 'utf8'));
    expect(validation).toMatchObject({ examples: 1000 });
    expect(tests['held-out sample']).toMatchObject({ examples: 2000 });
  });

  test('once more, it has nothing to train, and says the same', async () => {
    const { code, out } = await cli(['start', '--steps', '2', ...tinyOptions, '--output', run]);
    expect(code).toBe(0);
    expect(out).toMatch(/^going on with the run in /);
    const scores = (text: string) => text.match(/^.*PER.*$/gm);
    expect(scores(out)).toEqual(scores(trained.out));
  });
});

test('pronounce loads what start has saved', async () => {
  const { code, out, err } = await cli(['pronounce', 'hello', "don't", '--run', run]);
  expect(err).toBe('');
  expect(code).toBe(0);
  expect(out).toMatch(/^HELLO {2}.*\nDON'T {2}.*\n$/);
});

describe('pairs of one’s own', () => {
  test('seq2seq trains on them', () => {
    expect(ownTrained.err).toBe('');
    expect(ownTrained.code).toBe(0);
    expect(ownTrained.out).toMatch(/200 pairs to train on, \d+ sources for validation \(of .*other\.tsv\)/);
    expect(ownTrained.out).toMatch(/validation sources: token error rate \d+\.\d %, sequence error rate/);
  });

  test('evaluate notes the scores, as text and as JSON', async () => {
    const { out, code } = await cli(['evaluate', '--run', own, '--test', other]);
    expect(code).toBe(0);
    expect(out).toMatch(/^\d+ test sources: token error rate \d+\.\d %, sequence error rate \d+\.\d %\n$/);
    const json = await cli(['evaluate', '--run', own, '--test', other, '--json']);
    const event = JSON.parse(json.out);
    expect(event).toMatchObject({ event: 'test', name: other });
    const { tests } = JSON.parse(readFileSync(join(own, 'summary.json'), 'utf8'));
    expect(tests[other].tokenErrorRate).toBe(event.tokenErrorRate);
  });

  test('predict gives a line for a line, to a file or to standard output', async () => {
    const input = 'abc\n\nxyz\r\nfed';
    const piped = await cli(['predict', '--run', own], { input });
    expect(piped.code).toBe(0);
    expect(piped.out.split('\n')).toHaveLength(5);
    expect(piped.out.split('\n')[1]).toBe('');
    expect(piped.err).toBe('1 of 4 lines have tokens that training did not see\n');
    const [from, to] = [join(folder, 'in.txt'), join(folder, 'out.txt')];
    writeFileSync(from, input);
    const filed = await cli(['predict', '--run', own, '--input', from, '--output', to]);
    expect(filed.out).toBe(`4 lines in ${to}\n`);
    expect(readFileSync(to, 'utf8')).toBe(piped.out);
  });

  test('beams: the best of them is the first of n, and no less likely than what greedy decoding finds', async () => {
    const [input, flags] = ['abc\nfed\n', ['--beam', '4']];
    const best = await cli(['predict', '--run', own, ...flags], { input });
    expect(best.err).toBe('');
    const several = await cli(['predict', '--run', own, ...flags, '--n-best', '3'], { input });
    const rows = several.out.trimEnd().split('\n');
    const ranked = rows.map((line) => line.split('\t'));
    expect(ranked.map(([line]) => line)).toEqual(['1', '1', '1', '2', '2', '2']);
    expect([ranked[0][2], ranked[3][2]]).toEqual(best.out.trimEnd().split('\n'));
    expect(Number(ranked[0][1])).toBeGreaterThanOrEqual(Number(ranked[1][1]));
    const judged = await cli(['evaluate', '--run', own, '--test', other, ...flags, '--bleu', 'char', '--json']);
    expect(judged.err).toMatch(/^\S+ is what the run was chosen by: .*\n$/);
    const event = JSON.parse(judged.out);
    expect(event).toMatchObject({ decoding: { beams: 4 }, signatures: { bleu: expect.stringContaining('tok:char') } });
    expect(event.chrF).toBeGreaterThanOrEqual(0);
    const { tests } = JSON.parse(readFileSync(join(own, 'summary.json'), 'utf8'));
    expect(tests[`${other}, 4 beams`].bleu).toBe(event.bleu);
    expectFailure(
      await cli(['predict', '--run', own, '--beam', '2', '--n-best', '3'], { input }),
      '--n-best 3 of --beam 2',
    );
  }, 60_000);

  test("predict shows the decoder's steps", async () => {
    const input = 'abc\n';
    const written = (await cli(['predict', '--run', own], { input })).out.trimEnd();
    const { out, err } = await cli(['predict', '--run', own, '--steps', '3'], { input });
    expect(err).toBe('');
    const [source, ...lines] = out.trimEnd().split('\n');
    expect([source, lines.at(-1)]).toEqual(['abc', `  = ${written}`]);
    const steps = lines.slice(0, -1);
    // Greedy: what follows is the most probable, and the next step is given it.
    expect(steps.map((line) => line.trim().split(/ +/)[0])).toEqual(['START', ...written]);
    const followed = steps.map((line) => / → \*(\S+) \d+\.\d %(  \S+ \d+\.\d %){2}$/.exec(line)?.[1]);
    expect(followed.slice(0, written.length)).toEqual([...written]);
    expect(followed.slice(written.length)).toEqual(['END']);
  });

  test('compare shows runs and what differs, and draws them', async () => {
    const curves = join(folder, 'both.svg');
    const { out, code } = await cli(['compare', run, own, '--curves', curves]);
    expect(code).toBe(0);
    expect(out).toMatch(/^run .*parameters .*validation .*steps/);
    expect(out).toContain(own);
    expect(readFileSync(curves, 'utf8')).toContain('own');
    const lines = (await cli(['compare', run, own, '--json'])).out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines[1]).toMatchObject({ run: own, steps: 30, settings: { task: 'seq2seq' } });
  });

  test('export makes smaller files that are used like runs, and tells what they cost', async () => {
    const bytes = (to: string) =>
      readdirSync(to).flatMap((name) => (name.endsWith('.safetensors') ? [statSync(join(to, name)).size] : []));
    const [half, shards] = [join(own, 'fp16'), join(folder, 'shards')];
    const fp16 = await cli(['export', '--run', own]);
    expect(fp16.err).toBe('');
    expect(fp16.out).toMatch(
      /^before: .*\nfp16: .*\n[\d,]+ bytes, 0\.\d{3} times those of the run; token error rate [+−]\d\.\d\d points; in /,
    );
    expect(bytes(half)).toHaveLength(1);
    const int8 = await cli([
      'export',
      '--run',
      own,
      '--format',
      'int8',
      '--max-shard',
      '0.002',
      '--output',
      shards,
      '--json',
    ]);
    const event = JSON.parse(int8.out) as { ratio: number; before: object; after: object };
    expect(event).toMatchObject({ event: 'export', format: 'int8' });
    expect(event.ratio).toBeLessThan(1);
    expect(bytes(shards).length).toBeGreaterThan(1);
    for (const to of [half, shards]) expect((await cli(['predict', '--run', to], { input: 'abc\n' })).out).not.toBe('');
    // In one file again: the shards go.
    expect((await cli(['export', '--run', shards, '--format', 'fp16', '--output', half, '--quiet'])).code).toBe(0);
    expect((await cli(['export', '--run', half, '--format', 'float32', '--output', shards, '--quiet'])).code).toBe(0);
    expect(readdirSync(shards).sort()).toEqual(['config.json', 'model.safetensors']);
    expectFailure(await cli(['export', '--run', own, '--output', run]), 'holds another run; choose another --output');
    expectFailure(await cli(['export', '--run', own, '--output', own]), '--output is the run itself');
    writeFileSync(other, reversedPairs(41, 3));
    expectFailure(await cli(['export', '--run', own]), 'other.tsv has changed since training; put it back as it was');
    writeFileSync(other, reversedPairs(40, 3));
  }, 60_000);

  test('a config file repeats a run', async () => {
    const again = join(folder, 'again');
    const config = join(own, 'config.json');
    const { code } = await cli([
      'seq2seq',
      '--config',
      config,
      '--train',
      pairs,
      '--valid',
      other,
      '--output',
      again,
      '--quiet',
    ]);
    expect(code).toBe(0);
    expect(readFileSync(join(again, 'model.safetensors'))).toEqual(readFileSync(join(own, 'model.safetensors')));
  });
});

describe('bad input gives one clear line, a code that is not 0, and loses nothing', () => {
  test('an unknown character', async () => {
    const line = `error: "naïve" has the character 'ï' (U+00EF), which the model does not know`;
    expectFailure(await cli(['pronounce', 'fine', 'naïve', '--run', run]), line);
  });

  test('no run', async () => {
    const missing = join(folder, 'missing');
    expectFailure(
      await cli(['pronounce', 'word', '--run', missing]),
      `error: there is no run in ${missing}; train first`,
    );
    expectFailure(await cli(['evaluate', '--run', missing]), `there is no run in ${missing}`);
    expectFailure(await cli(['compare', missing]), `there is no run in ${missing}`);
  });

  test('a truncated model, and where the error comes from with --debug', async () => {
    const weights = join(run, 'model.safetensors');
    const bytes = readFileSync(weights);
    truncateSync(weights, statSync(weights).size - 100);
    try {
      expectFailure(await cli(['pronounce', 'word', '--run', run]), /model\.safetensors: the file is truncated/);
      const { code, err } = await cli(['pronounce', 'word', '--run', run, '--debug']);
      expect(code).toBe(1);
      expect(err).toMatch(/\n\s+at .*parse\.ts/);
    } finally {
      writeFileSync(weights, bytes);
    }
  });

  test('a run of another version, a config with an unknown setting, a model of another run', async () => {
    const config = join(own, 'config.json');
    const text = readFileSync(config, 'utf8');
    try {
      writeFileSync(config, text.replace('"formatVersion": 1', '"formatVersion": 7'));
      expectFailure(await cli(['predict', '--run', own]), /config\.json has format version 7, this release reads 1; /);
      expectFailure(await cli(['seq2seq', ...tsv, '--output', own, '--resume', 'auto']), /has format version 7/);
      writeFileSync(config, text.replace('"seed": 1', '"seed": 1, "speed": 2'));
      expectFailure(
        await cli(['evaluate', '--run', own, '--test', other]),
        /config\.json: recipe: unknown setting speed/,
      );
      writeFileSync(config, text.replace('"seed": 1', '"seed": 2'));
      expectFailure(
        await cli(['predict', '--run', own]),
        /model\.safetensors and config\.json beside it are of different runs/,
      );
    } finally {
      writeFileSync(config, text);
    }
  });

  test('a folder that cannot be written to, before training', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const line = `error: cannot write to ${file}: a file has this name; choose another with --output`;
    expectFailure(await cli(['start', ...tinyOptions, '--output', file]), line);
  });

  test('pairs that are none', async () => {
    const bad = join(folder, 'bad.tsv');
    for (const [content, line] of [
      ['', /bad\.tsv: there are no pairs in it$/m],
      ['a\tb\nab\n', /bad\.tsv, line 2: expected source<TAB>target, got 1 column$/m],
      [Uint8Array.of(0x61, 9, 0xe4, 10), /bad\.tsv, line 1: it is not UTF-8; convert the file/],
    ] as const) {
      writeFileSync(bad, content);
      const output = join(folder, 'none');
      expectFailure(await cli(['seq2seq', ...tinyOptions, '--train', bad, '--output', output]), line);
      expectFailure(await cli(['evaluate', '--run', own, '--test', bad]), line);
      expect(readdirSync(folder)).not.toContain('none');
    }
  }, 60_000);

  test.each([
    [
      ['start', '--steps', 'many'],
      "error: option '--steps <n>' argument 'many' is invalid. Expected a whole number from 1 to 10000000.",
    ],
    [['start', '--batch', '0'], "error: option '--batch <pairs>' argument '0' is invalid."],
    [['start', '--dimension', '10'], 'error: --dimension 10 is not a multiple of --heads 4'],
    [
      ['g2p', '--steps', '3', '--epochs', '1'],
      'error: --steps 3 and --epochs 1 contradict each other; give one of them',
    ],
    [['g2p', '--schedule', 'fast'], "error: option '--schedule <name>' argument 'fast' is invalid. Expected cosine, "],
    [['start', '--speed', '9'], "error: unknown option '--speed'"],
    [['seq2seq'], "error: required option '--train <file>' not specified"],
    [['seq2seq', '--train', join(folder, 'no')], 'no: there is no such file'],
    [['predict', '--run', own, '--input', join(folder, 'no')], 'no: there is no such file'],
    [['evaluate', '--run', own], 'error: name the pairs to judge by: --test pairs.tsv'],
    [['pronounce', 'word', '--run', own], 'does not pronounce; use predict with it'],
    [['pronounce'], "error: missing required argument 'words'"],
    [['fly'], "error: unknown command 'fly'"],
  ])('%j', async (args, line) => {
    const { code, out, err } = await cli(args);
    expect(err).toContain(line);
    expect(err.split('\n').filter((text) => text.startsWith('error:'))).toHaveLength(1);
    expect(out).toBe('');
    expect(code).toBe(1);
  });

  test('a full disk: what was there stays, and the run goes on when there is room', async () => {
    const small = join(folder, 'small');
    mkdirSync(small);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1536k', 'tmpfs', small], { stdio: 'ignore' });
    } catch {
      console.log('skipped: no small disk can be made here (mount needs root)');
      return;
    }
    try {
      const output = join(small, 'run');
      const args = ['seq2seq', ...tsv, '--checkpoint-every', '1', '--keep-last', '1', '--output', output];
      const filler = join(small, 'filler');
      // Room enough to begin with; then somebody else takes it.
      const full = await cli([...args, '--steps', '2000', '--json'], {
        watch(out) {
          if (out.includes('"event":"checkpoint"'))
            try {
              writeFileSync(filler, new Uint8Array(2 ** 21));
            } catch {
              /* full now */
            }
        },
      });
      expect(full.code).toBe(1);
      expect(full.err).toMatch(/^error: .*the disk is full.*\n$/);
      const left = readdirSync(join(output, 'checkpoints'));
      expect(left).toHaveLength(1);
      rmSync(filler);
      const after = await cli([...args, '--steps', '40', '--resume', 'auto']);
      expect(after.err).toBe('');
      expect(after.code).toBe(0);
    } finally {
      execFileSync('umount', ['-l', small]);
    }
  }, 60_000);
});

test('outputs that are no files, are full or are closed', async () => {
  const named = async (to: string) => (await cli(['predict', '--run', own, '--input', pairs, '--output', to])).code;
  const target = join(folder, 'target.txt');
  const link = join(folder, 'link.txt');
  writeFileSync(target, '');
  symlinkSync(target, link);
  expect(await named(link)).toBe(0);
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  expect(readFileSync(target, 'utf8').split('\n')).toHaveLength(201);
  const shell = (line: string) => spawnSync('bash', ['-c', line], { cwd: root, encoding: 'utf8' });
  shell(`mkfifo ${join(folder, 'pipe')}`);
  const reader = spawn('cat', [join(folder, 'pipe')], { stdio: 'ignore' });
  expect(await named(join(folder, 'pipe'))).toBe(0);
  expect(lstatSync(join(folder, 'pipe')).isFIFO()).toBe(true);
  reader.kill();

  const main = await bundle();
  const full = shell(`node ${main} compare ${own} > /dev/full`);
  expect(full.stderr).toBe('error: cannot write to standard output: the disk is full\n');
  expect(full.status).toBe(1);
  const closed = join(folder, 'closed');
  const args = ['seq2seq', ...tsv, '--steps', '100000', '--json', '--output', closed].join(' ');
  const piped = shell(`set -o pipefail; node ${main} ${args} | head -2`);
  expect(piped.status).toBe(141);
  expect(readdirSync(join(closed, 'checkpoints'))).not.toEqual([]);
  expect(readdirSync(closed)).not.toContain('lock');
  rmSync(dirname(main), { recursive: true });
}, 60_000);

test('--help tells what there is', async () => {
  const { code, out } = await cli(['start', '--help']);
  expect(code).toBe(0);
  for (const option of ['--steps <n>', '--seed <n>', '--output <folder>', '--debug']) expect(out).toContain(option);
});

test('Ctrl-C ends in good order, and the same command with --resume auto goes on', async () => {
  const stopped = join(folder, 'stopped');
  let second: Promise<Result> | undefined;
  const args = ['seq2seq', ...tsv, '--output', stopped];
  const { code, out, err } = await cli([...args, '--steps', '100000'], {
    watch(text, kill) {
      if (second !== undefined || !text.includes(' of WebAssembly (')) return;
      // Another process in the same folder has no chance meanwhile.
      second = cli([...args, '--steps', '100000', '--resume', 'auto']);
      void second.then(() => kill('SIGINT'));
    },
  });
  expectFailure(await second!, /^error: .*stopped is in use by process \d+$/m);
  expect(err).toBe('');
  expect(code).toBe(130);
  const made = /\nstopped after ([\d,]+) of 100,000 updates; go on with the same command and --resume auto\n$/.exec(
    out,
  );
  expect(made).not.toBeNull();
  const steps = Number(made![1].replaceAll(',', '')) + 5;
  const more = await cli([...args, '--steps', String(steps), '--resume', 'auto']);
  expect(more.code).toBe(0);
  expect(more.out).toMatch(/^going on with the run in /);
});

test('from inside its own folder, and built', async () => {
  const output = join(folder, 'inside');
  const cwd = fileURLToPath(new URL('..', import.meta.url));
  const args = ['seq2seq', ...tsv, '--steps', '3', '--quiet'];
  const inside = await cli([...args, '--output', output], { cwd });
  expect(inside).toMatchObject({ code: 0, out: '', err: '' });
  const main = await bundle();
  try {
    const built = await start([main, ...args, '--output', join(folder, 'built')], { cwd: root });
    expect(built).toMatchObject({ code: 0, out: '', err: '' });
    expect(readFileSync(join(folder, 'built', 'model.safetensors'))).toEqual(
      readFileSync(join(output, 'model.safetensors')),
    );
  } finally {
    rmSync(dirname(main), { recursive: true });
  }
});
