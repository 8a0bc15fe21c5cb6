import { constants } from 'node:buffer';
import { accessSync, closeSync, constants as fileConstants, openSync, readSync, statSync } from 'node:fs';

import { Failure, systemReason } from '../failure';

/** Bytes read at a time. */
const CHUNK = 2 ** 18;

/** Cuts UTF-8 into lines, at LF and CRLF. */
export class LineReader {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  /** The first bytes, by which compressed files are known. */
  readonly #head: number[] = [];
  /** The line that has begun, in parts: joined once, as it may be long. */
  #parts: string[] = [];
  #length = 0;
  #line = 1;

  constructor(
    readonly name: string,
    readonly longest = constants.MAX_STRING_LENGTH,
  ) {}

  /** The lines that have ended. */
  read(bytes: Uint8Array): string[] {
    if (this.#head.length < 2) this.#head.push(...bytes.subarray(0, 2 - this.#head.length));
    const lines = this.#decode(bytes).split('\n');
    const rest = lines.pop()!;
    if (lines.length > 0) {
      this.#add(lines[0]);
      lines[0] = this.#take();
      this.#line += lines.length;
    }
    this.#add(rest);
    return lines.map(withoutReturn);
  }

  /** The last line, if it has no end. */
  end(): string[] {
    this.#add(this.#decode());
    const rest = this.#take();
    return rest === '' ? [] : [withoutReturn(rest)];
  }

  #add(part: string): void {
    if (part === '') return;
    this.#length += part.length;
    if (this.#length > this.longest) {
      throw new Failure(
        `${this.name}, line ${this.#line}: longer than ${this.longest.toLocaleString('en')} characters; cut it into lines`,
      );
    }
    this.#parts.push(part);
  }

  #take(): string {
    const line = this.#parts.join('');
    [this.#parts, this.#length] = [[], 0];
    return line;
  }

  #decode(bytes?: Uint8Array): string {
    try {
      return bytes === undefined ? this.#decoder.decode() : this.#decoder.decode(bytes, { stream: true });
    } catch {
      if (this.#head[0] === 0x1f && this.#head[1] === 0x8b) {
        throw new Failure(`${this.name} is compressed with gzip; unpack it on the way: zcat FILE | … /dev/stdin`);
      }
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

/**
 * Bytes of a file that can be read; undefined if that is not known, as of a pipe. Opens nothing: a pipe can be opened once.
 *
 * @throws Failure if it cannot be read.
 */
export function sizeOfFile(path: string): number | undefined {
  return orFailure(path, () => {
    const stat = statSync(path);
    if (stat.isDirectory()) throw new Failure(`cannot read ${path}: it is a folder`);
    if (!stat.isFile()) return undefined;
    accessSync(path, fileConstants.R_OK);
    return stat.size;
  });
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
    if (error instanceof Failure) throw error;
    throw new Failure(`cannot read ${path}: ${systemReason(error, 'read')}`, { cause: error });
  }
}
