import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { readTokenizer } from '@qkv/tokenizers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { bundle, type CliOptions, type Result, reversedPairs, start, tinyOptions } from './support';

const folder = mkdtempSync(join(tmpdir(), 'qkv-tokenizer-'));
const at = (name: string): string => join(folder, name);
const texts = at('texts.txt');
const bpe = at('bpe.json');
const words = ['the cat sat on the mat', 'the dog sat on the cat', 'a naïve dog – 世界', "don't sit on the mat"];
writeFileSync(texts, Array.from({ length: 40 }, (_, i) => words[i % 4]).join('\n'));

let main: string;
const cli = (args: readonly string[], options?: CliOptions): Promise<Result> => start([main, ...args], options);
const tokenizer = (...args: string[]): Promise<Result> => cli(['tokenizer', ...args]);

/** Tokens that the texts have to give: bytes, and what they are merged to. */
const SIZE = 280;

/** One line, and a code that is not 0. */
function expectFailure({ code, out, err }: Result, line: string | RegExp): void {
  expect(err.replace('(--help shows what there is)\n', '').trimEnd()).toMatch(/^error: .*$/);
  expect(err).toMatch(line);
  expect(out).toBe('');
  expect(code).toBe(1);
}

let trained: Result;
beforeAll(async () => {
  main = await bundle();
  trained = await tokenizer('train', texts, '--vocab-size', String(SIZE), '--output', bpe);
}, 60_000);
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(dirname(main), { recursive: true, force: true });
});

describe('tokenizer', () => {
  test('train says what it has made, and asks before it replaces a file', async () => {
    expect(trained).toMatchObject({ code: 0, err: '' });
    expect(trained.out).toMatch(
      /^280 tokens from 40 lines, 800 characters, in \d+ s\n\d\.\d\d characters a token\nsaved in .*bpe\.json \([\d,]+ bytes\)\n$/,
    );
    const before = readFileSync(bpe);
    expectFailure(
      await tokenizer('train', texts, '--output', bpe),
      'bpe.json is there already; --overwrite replaces it',
    );
    expect(readFileSync(bpe)).toEqual(before);
    const args = ['--model', 'wordpiece', '--lowercase', '--special', '[UNK]', '--special', '[X]', '--json'];
    const other = await tokenizer('train', ...args, texts, '--vocab-size', '44', '--output', bpe + 2);
    expect(JSON.parse(other.out)).toMatchObject({ event: 'tokenizer', model: 'wordpiece', size: 44, lines: 40 });
    const wordpiece = readTokenizer(readFileSync(bpe + 2, 'utf8'));
    expect(wordpiece.tokenToId('[X]')).toBe(1);
    expect(wordpiece.encode('THE').ids).toEqual(wordpiece.encode('the').ids);
    const again = await tokenizer(
      'train',
      texts,
      '--vocab-size',
      String(SIZE),
      '--output',
      bpe,
      '--overwrite',
      '--quiet',
    );
    expect(again).toMatchObject({ code: 0, out: '', err: '' });
    expect(readFileSync(bpe)).toEqual(before);
  });

  test('train reads a pipe once, and measures on what it kept', () => {
    const [long, output] = [at('long.txt'), at('piped.json')];
    writeFileSync(long, `${words.join('\n')}\n`.repeat(15_000)); // 1,200,000 characters
    const expected =
      /^280 tokens from 60,000 lines, 1,200,000 characters, in .*\n\d\.\d\d characters a token in the first 1,000,000 characters\nsaved/;
    const train = `node ${main} tokenizer train --vocab-size ${SIZE} --overwrite --output ${output}`;
    for (const command of [
      `${train} <(cat ${long})`,
      `cat ${long} | ${train} /dev/stdin`,
      `mkfifo ${at('fifo')}; cat ${long} > ${at('fifo')} & ${train} ${at('fifo')}`,
      `${train} ${long}`,
    ]) {
      const { status, stdout, stderr } = spawnSync('bash', ['-c', command], { encoding: 'utf8', timeout: 20_000 });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toMatch(expected);
    }
  }, 60_000);

  test('encode prints what the library gives, decode gives the text back', async () => {
    const lines = [...words, '', 'unseen 🙂'];
    const input = lines.join('\n');
    const own = readTokenizer(readFileSync(bpe, 'utf8'));
    const ids = await cli(['tokenizer', 'encode', '--tokenizer', bpe], { input });
    expect(ids).toMatchObject({ code: 0, err: '' });
    expect(ids.out.split('\n').slice(0, -1)).toEqual(lines.map((line) => own.encode(line).ids.join(' ')));
    const back = await cli(['tokenizer', 'decode', '--tokenizer', bpe], { input: ids.out });
    expect(back).toMatchObject({ code: 0, err: '', out: `${input}\n` });
    const filed = await tokenizer('encode', '--tokenizer', bpe, '--file', texts, '--json');
    const { ids: first, tokens, offsets } = JSON.parse(filed.out.split('\n')[2]);
    const expected = own.encode(words[2]);
    expect({ first, tokens, offsets }).toEqual({
      first: [...expected.ids],
      tokens: expected.tokens,
      offsets: expected.offsets,
    });
    const shown = await tokenizer(
      'encode',
      '--tokenizer',
      bpe,
      '--tokens',
      '--offsets',
      '--max-length',
      '2',
      'the mat on',
    );
    expect(shown.out).toBe('the[0,3) Ġmat[4,7)\n');
  });

  test('inspect shows parts and a picture; convert makes a tokenizer.json', async () => {
    const vocab = at('vocab.txt');
    writeFileSync(vocab, ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'un', '##aff', '##able', '!'].join('\n'));
    const { out } = await tokenizer('inspect', vocab, '--text', 'Unaffable!', '--pair', 'un');
    expect(out).toMatch(/^vocabulary +8 tokens, ids from 0 to 7$/m);
    expect(out).toMatch(/^normalizer +BertNormalizer\(.*lowercase\)$/m);
    expect(out).toMatch(/^special tokens +\[PAD\] 0, \[UNK\] 1, \[CLS\] 2, \[SEP\] 3$/m);
    expect(out).toMatch(/^longest tokens +##able 6, /m);
    expect(out).toContain('tokens  [CLS]│un │##aff│##able│!   │[SEP]│un │[SEP]│');
    const converted = at('converted/tokenizer.json');
    expect(await tokenizer('convert', vocab, converted)).toMatchObject({
      code: 0,
      out: `8 tokens: saved in ${converted}\n`,
    });
    expect([...readTokenizer(readFileSync(converted, 'utf8')).encode('unaffable').ids]).toEqual([2, 4, 5, 6, 3]);
  });

  test('what is wrong is told in one line; a reader may have enough', async () => {
    expectFailure(await tokenizer('train', texts, '--vocab-size', '3'), 'Expected a whole number from 16 to 1000000.');
    for (const [special, line] of [
      [['--special', '--vocab-size', '300'], 'Expected a token that does not begin with --.'],
      [['--special', ''], 'Expected a token that is not empty.'],
      [['--special', 'X', '--special', 'X'], 'It was given before.'],
    ] as const) {
      expectFailure(await tokenizer('train', texts, ...special, '--output', at('none.json')), line);
    }
    expectFailure(
      await tokenizer('train', texts, '--output', join(texts, 'x.json')),
      /cannot write to .*texts\.txt: a /,
    );
    const line = `error: id 999 at position 1 is no token; ids run from 0 to ${SIZE - 1}; --unknown decodes it`;
    expectFailure(await tokenizer('decode', '5', '999', '--tokenizer', bpe), line);
    const command = `set -o pipefail; yes 'the cat' | node ${main} tokenizer encode --tokenizer ${bpe} | head -1`;
    const closed = spawnSync('bash', ['-c', command], { encoding: 'utf8' });
    expect(closed.stderr).toBe('');
    expect(closed.stdout).toMatch(/^\d+ \d+\n$/);
  });
});

describe('seq2seq with sub-words', () => {
  const pairs = at('pairs.tsv');
  const run = at('run');
  writeFileSync(pairs, reversedPairs(120));
  const args = ['seq2seq', ...tinyOptions, '--train', pairs, '--steps', '12', '--batch', '16', '--cells', '2'];
  const specs = ['--tokenizer', 'bpe:300', '--target-tokenizer', 'wordpiece:24'];
  const kept = (): string => readFileSync(join(run, 'source-tokenizer.json'), 'utf8');

  test('trains, goes on, evaluates, predicts and exports with its tokenizers', async () => {
    const first = await cli([...args, ...specs, '--output', run]);
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(first.out).toMatch(/\d+ source ids \(bpe:300\), \d+ target ids \(wordpiece:24\)/);
    expect(kept()).toContain('"<pad>"');
    const more = await cli([...args, ...specs, '--steps', '14', '--output', run, '--resume', 'auto']);
    expect(more.out).toMatch(/^going on with the run in /);
    expect((await cli(['evaluate', '--run', run, '--test', pairs])).out).toMatch(/ test sources: token error rate /);
    const predicted = await cli(['predict', '--run', run], { input: 'abc\nfed\n' });
    expect(predicted).toMatchObject({ code: 0, err: '' });
    expect(predicted.out.split('\n')).toHaveLength(3);
    const half = join(run, 'fp16');
    expect((await cli(['export', '--run', run, '--quiet'])).code).toBe(0);
    expect(readFileSync(join(half, 'source-tokenizer.json'), 'utf8')).toBe(kept());
    expect((await cli(['predict', '--run', half], { input: 'abc\n' })).code).toBe(0);
    // As another run's own file.
    const own = await cli([
      ...args,
      '--tokenizer',
      join(run, 'source-tokenizer.json'),
      '--output',
      at('file'),
      '--quiet',
    ]);
    expect(own).toMatchObject({ code: 0, err: '' });
    expect(readFileSync(join(at('file'), 'target-tokenizer.json'), 'utf8')).toBe(kept());
  }, 60_000);

  test('another tokenizer, one that was changed, one that is not there', async () => {
    const resume = ['--output', run, '--resume', 'auto'];
    expectFailure(
      await cli([...args, '--tokenizer', 'bpe:290', ...resume]),
      'cannot go on: its source tokens are bpe:300, not bpe:290',
    );
    expectFailure(await cli([...args, ...resume]), 'cannot go on: its source tokens are bpe:300, not characters');
    const [file, text] = [join(run, 'source-tokenizer.json'), kept()];
    writeFileSync(file, text.replace('"<pad>"', '"<PAD>"'));
    for (const command of [
      ['predict', '--run', run],
      [...args, ...specs, ...resume],
    ]) {
      expectFailure(await cli(command), 'source-tokenizer.json has changed since training; put it back as it was');
    }
    rmSync(file);
    expectFailure(
      await cli(['evaluate', '--run', run, '--test', pairs]),
      'source-tokenizer.json, which the run needs: there is no such file',
    );
    writeFileSync(file, text);
    for (const [spec, line] of [
      ['bpe:abc', 'Expected a vocabulary size from 16 to 1,000,000, as in bpe:8000.'],
      ['bpe:100000000', 'Expected a vocabulary size from 16 to 1,000,000'],
      ['bpee:300', 'bpee:300: there is no such file; a tokenizer is one of bpe:8000, '],
    ]) {
      expectFailure(await cli([...args, '--tokenizer', spec, '--output', at('new')]), line);
    }
    expectFailure(await cli([...args, '--tokenizer', 'word', '--source-unit', 'word']), 'cannot be used with');
    expect(existsSync(at('new'))).toBe(false);
  }, 60_000);

  test('killed before its config was written, a run begins anew; a file of somebody else stays', async () => {
    const again = at('again');
    mkdirSync(again);
    for (const name of ['source-tokenizer.json', 'target-tokenizer.json'])
      copyFileSync(join(run, name), join(again, name));
    const whole = await cli([...args, ...specs, '--output', again, '--quiet']);
    expect(whole).toMatchObject({ code: 0, err: '' });
    expect((await cli([...args, '--overwrite', '--output', again, '--quiet'])).code).toBe(0);
    expect(readdirSync(again)).not.toContain('source-tokenizer.json');
    const theirs = at('theirs');
    mkdirSync(theirs);
    writeFileSync(join(theirs, 'source-tokenizer.json'), 'mine');
    const refused = await cli([...args, ...specs, '--output', theirs]);
    expectFailure(refused, 'theirs has a source-tokenizer.json, but no run that it belongs to');
    expect(readFileSync(join(theirs, 'source-tokenizer.json'), 'utf8')).toBe('mine');
  }, 60_000);
});
