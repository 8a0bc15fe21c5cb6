import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';

import { afterAll, expect, test } from 'vitest';

import { LineReader, linesOfFile, linesOfInput, sizeOfFile } from './lines';

const folder = mkdtempSync(join(tmpdir(), 'qkv-lines-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, 'text.txt');

test.each([
  ['', []],
  ['a', ['a']],
  ['a\n', ['a']],
  ['a\r\n\r\nb', ['a', '', 'b']],
  ['a\rb\u2028c\n', ['a\rb\u2028c']],
  ['\ufeffa\n', ['a']],
])('%j', async (text, lines) => {
  writeFileSync(path, text);
  expect([...linesOfFile(path)]).toEqual(lines);
  const bytes = Array.from(Buffer.from(text), (byte) => Buffer.of(byte)); // characters come in parts
  const read: string[] = [];
  for await (const line of linesOfInput(Readable.from(bytes) as NodeJS.ReadStream)) read.push(line);
  expect(read).toEqual(lines);
});

test('a file longer than what is read at a time, and its size', () => {
  const lines = Array.from({ length: 30_000 }, (_, i) => `${i} 世界 😀`);
  writeFileSync(path, lines.join('\r\n'));
  let bytes = 0;
  expect([...linesOfFile(path, (length) => (bytes += length))]).toEqual(lines);
  expect(bytes).toBe(sizeOfFile(path));
});

test('what cannot be read', () => {
  writeFileSync(path, Uint8Array.of(0x61, 10, 0xff, 10));
  expect(() => [...linesOfFile(path)]).toThrow(/text\.txt is not UTF-8 \(after line 1\); convert it first/);
  writeFileSync(path, Uint8Array.of(0x61, 10, 0xe4));
  expect(() => [...linesOfFile(path)]).toThrow(/is not UTF-8/);
  expect(() => [...linesOfFile(join(folder, 'none'))]).toThrow(/^cannot read .*none: there is no such file$/);
  expect(() => sizeOfFile(folder)).toThrow(/: it is a folder$/);
});

test('what is compressed', async () => {
  const bytes = gzipSync('text\n');
  writeFileSync(path, bytes);
  expect(() => [...linesOfFile(path)]).toThrow(/text\.txt is compressed with gzip; .*zcat/);
  const input = Readable.from(Array.from(bytes, (byte) => Buffer.of(byte))) as NodeJS.ReadStream;
  await expect(linesOfInput(input).next()).rejects.toThrow(/^standard input is compressed with gzip/);
});

test('what is no regular file has no size', () => {
  expect(sizeOfFile('/dev/null')).toBe(undefined);
  expect(() => sizeOfFile(join(folder, 'none'))).toThrow(/^cannot read .*none: there is no such file$/);
});

test('a long line takes time that grows with its length', () => {
  const reader = new LineReader('standard input');
  const chunk = new Uint8Array(2 ** 13).fill(0x61);
  const started = performance.now();
  for (let i = 0; i < 2 ** 13; i++) expect(reader.read(chunk).length).toBe(0);
  const [line] = reader.read(Uint8Array.of(10));
  expect(line.length).toBe(2 ** 26);
  expect(performance.now() - started).toBeLessThan(5000); // looked through again with each chunk, it is minutes
});

test('a line longer than a text can be', () => {
  const read = (...chunks: string[]) => {
    const reader = new LineReader('x.txt', 5);
    return [...chunks.flatMap((chunk) => reader.read(Buffer.from(chunk))), ...reader.end()];
  };
  expect(read('a\nbc', 'def\n', 'ghijk')).toEqual(['a', 'bcdef', 'ghijk']);
  const message = /^x\.txt, line 2: longer than 5 characters; cut it into lines$/;
  expect(() => read('a\nbc', 'defg')).toThrow(message);
  expect(() => read('a\nbc', 'defg\n')).toThrow(message);
});
