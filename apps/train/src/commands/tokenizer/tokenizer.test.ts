import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Tokenizer, trainTokenizer } from '@qkv/tokenizers';
import { afterAll, afterEach, expect, test, vi } from 'vitest';

import { codecSource } from '../../data/codec-source';
import { convertTokenizer } from './convert';
import { decodeIds } from './decode';
import { encodeTexts } from './encode';
import { inspectTokenizer } from './inspect';
import { trainTokenizerOn, type TrainTokenizerOptions } from './train';

const folder = mkdtempSync(join(tmpdir(), 'qkv-tokenizer-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

afterEach(() => void vi.restoreAllMocks());

/** What is printed meanwhile. */
async function printed(run: () => Promise<void>): Promise<string> {
  let text = '';
  const add = (part: unknown) => ((text += String(part)), true);
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(add),
    vi.spyOn(console, 'log').mockImplementation((line) => void add(`${line}\n`)),
  ];
  await run();
  for (const spy of spies) spy.mockRestore();
  return text;
}

const texts = write('texts.txt', 'the cat sat on the mat\n');
const bpe = write('bpe.json', JSON.stringify(trainTokenizer(['the cat'], { preset: 'bpe', vocabSize: 260 })));
const bad = write('bad.json', '{"model":{"type":"BPE","vocab":{"a":"x"},"merges":[]}}');
const none = join(folder, 'none');
const output = join(folder, 'new.json');

const train = (paths: string[], more: Partial<TrainTokenizerOptions> = {}) =>
  trainTokenizerOn(paths, { model: 'bpe', vocabSize: 300, output, overwrite: false, mode: 'quiet', ...more });
const encode = (tokenizer: string, more: object = {}, given = ['x']) =>
  encodeTexts(given, { tokenizer, special: true, ...more });

test.each<[string, () => Promise<void>, RegExp]>([
  ['no texts', () => train([none]), /none: there is no such file$/],
  ['a folder of texts', () => train([folder]), /: it is a folder$/],
  ['Latin-1', () => train([write('latin.txt', Uint8Array.of(0x61, 10, 0xe4, 10))]), /is not UTF-8 \(after line 1\)/],
  ['empty texts', () => train([write('empty.txt', '\n\n')]), /^there is no text in /],
  ['no such column', () => train([texts], { column: 2 }), /texts\.txt, line 1: there is no column 2/],
  [
    'a file in the way',
    () => train([texts], { output: texts }),
    /texts\.txt is there already; --overwrite replaces it$/,
  ],
  ['a folder in the way', () => train([texts], { output: folder }), /: it is a folder$/],
  [
    'an output below a file',
    () => train([texts], { output: join(texts, 'x.json') }),
    /^cannot write to .*texts\.txt: /,
  ],
  [
    'Unigram and a frequency',
    () => train([texts], { model: 'unigram', minFrequency: 2 }),
    /^--min-frequency is not for /,
  ],
  ['no tokenizer', () => encode(none), /none: there is no such file$/],
  ['a malformed tokenizer', () => encode(bad), /bad\.json: tokenizer\.json\.model\.vocab/],
  ['a tokenizer that is no JSON', () => encode(write('cut.json', '{"model":')), /cut\.json: not JSON: [^\n]*$/],
  ['an empty tokenizer', () => encode(write('no.json', '')), /no\.json: empty; expected a tokenizer$/],
  ['texts and a file of them', () => encode(bpe, { file: texts }), /^give texts or --file, not both$/],
  ['no file of texts', () => encode(bpe, { file: none }, []), /none: there is no such file$/],
  [
    'an id out of range',
    () => decodeIds(['5', '999'], { tokenizer: bpe }),
    /^id 999 at position 1 is no token; ids run from 0 to 259; /,
  ],
  ['no id', () => decodeIds(['5,x'], { tokenizer: bpe }), /^"x" at position 1 is no id; expected whole numbers/],
  ['a negative id', () => decodeIds(['-5'], { tokenizer: bpe }), /^"-5" at position 0 is no id/],
  [
    'a pair without a text',
    () => inspectTokenizer(bpe, { pair: 'x' }),
    /^--pair is a second text: give the first with/,
  ],
  ['texts in place of a tokenizer', () => inspectTokenizer(texts, {}), /texts\.txt: /],
  [
    'a vocab.json without merges',
    () => inspectTokenizer(write('vocab.json', '{"a":0}'), {}),
    /merges\.txt: there is no such file$/,
  ],
  [
    'a .tiktoken of no known encoding',
    () => convertTokenizer(write('x.tiktoken', 'YQ== 0\n'), output, { overwrite: false }),
    /x\.tiktoken: which encoding it is must be said/,
  ],
  ['a conversion over a file', () => convertTokenizer(bpe, texts, { overwrite: false }), /texts\.txt is there already/],
])('%s', async (_, run, message) => {
  await expect(run()).rejects.toThrow(message);
  expect(existsSync(output)).toBe(false);
});

test('a stride in the file has no say in how --max-length cuts', async () => {
  const json = JSON.parse(readFileSync(bpe, 'utf8'));
  const truncation = { direction: 'Left', max_length: 512, strategy: 'LongestFirst', stride: 128 };
  const strided = write('strided.json', JSON.stringify({ ...json, truncation }));
  const text = 'a'.repeat(150);
  const [all, cut] = [
    await printed(() => encode(strided, {}, [text])),
    await printed(() => encode(strided, { maxLength: 100 }, [text])),
  ];
  expect(cut.trim().split(' ')).toEqual(all.trim().split(' ').slice(-100));
});

test('an error names the line', async () => {
  const word = write('word.json', '{"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"?"}}');
  const file = write('words.txt', 'a\na\nb\n');
  await printed(() => expect(encode(word, { file }, [])).rejects.toThrow(/words\.txt, line 3: [^\n]*"\?"[^\n]*$/));
  vi.spyOn(Tokenizer.prototype, 'encode').mockImplementation((text) => {
    throw new RangeError(`Invalid string length ${String(text)}`);
  });
  await expect(encode(bpe, { file }, [])).rejects.toThrow(/words\.txt, line 1: RangeError: Invalid string length a$/);
  await expect(encode(bpe, {}, ['x'])).rejects.toThrow(/^text 1: RangeError: /);
});

test('an added token with a large id', async () => {
  const json = JSON.parse(readFileSync(bpe, 'utf8'));
  const own = JSON.parse(await printed(() => inspectTokenizer(bpe, { json: true })));
  const far = { id: 1_003_999, content: '<far>', special: true };
  const path = write('far.json', JSON.stringify({ ...json, added_tokens: [...json.added_tokens, far] }));
  const facts = JSON.parse(await printed(() => inspectTokenizer(path, { json: true })));
  expect(facts).toMatchObject({ size: own.size + 1, idBound: 1_004_000 });
  expect(own.longestTokens).toHaveLength(10);
  expect(facts.longestTokens).toEqual(own.longestTokens);
  await expect(codecSource({ path })).rejects.toThrow(
    /far\.json: its ids go up to 1,003,999 and need an embedding of 1,004,000 rows, more than 1,000,000; /,
  );
});
