import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

import { Failure, systemReason } from '../failure';

/** Bytes read at a time. */
const CHUNK = 2 ** 18;

/** Cuts UTF-8 into lines, at LF and CRLF. */
class LineReader {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #rest = '';
  #line = 1;

  constructor(readonly name: string) {}

  /** The lines that have ended. */
  read(bytes: Uint8Array): string[] {
    const lines = (this.#rest + this.#decode(bytes)).split('\n');
    this.#rest = lines.pop()!;
    this.#line += lines.length;
    return lines.map(withoutReturn);
  }

  /** The last line, if it has no end. */
  end(): string[] {
    const rest = this.#rest + this.#decode();
    return rest === '' ? [] : [withoutReturn(rest)];
  }

  #decode(bytes?: Uint8Array): string {
    try {
      return bytes === undefined ? this.#decoder.decode() : this.#decoder.decode(bytes, { stream: true });
    } catch {
      throw new Failure(`${this.name} is not UTF-8 (after line ${this.#line}); convert it first (iconv -t UTF-8)`);
    }
  }
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);

/** The lines of a file, without holding all of it. */
export function* linesOfFile(path: string, onRead: (bytes: number) => void = () => {}): Generator<string> {
  const file = openFile(path);
  try {
    const reader = new LineReader(path);
    const buffer = new Uint8Array(CHUNK);
    for (let length; (length = readChunk(file, buffer, path)) > 0;) {
      onRead(length);
      yield* reader.read(buffer.subarray(0, length));
    }
    yield* reader.end();
  } finally {
    closeSync(file);
  }
}

/** Bytes of a file that can be read. @throws Failure if it cannot. */
export function sizeOfFile(path: string): number {
  const file = openFile(path);
  try {
    const stat = fstatSync(file);
    if (stat.isDirectory()) throw new Failure(`cannot read ${path}: it is a folder`);
    return stat.size;
  } finally {
    closeSync(file);
  }
}

/** The lines of standard input as they come. */
export async function* linesOfInput(stream: NodeJS.ReadStream = process.stdin): AsyncGenerator<string> {
  const reader = new LineReader('standard input');
  for await (const chunk of stream) yield* reader.read(chunk as Buffer);
  yield* reader.end();
}

function openFile(path: string): number {
  return orFailure(path, () => openSync(path, 'r'));
}

function readChunk(file: number, buffer: Uint8Array, path: string): number {
  return orFailure(path, () => readSync(file, buffer, 0, buffer.length, null));
}

function orFailure<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new Failure(`cannot read ${path}: ${systemReason(error, 'read')}`, { cause: error });
  }
}
