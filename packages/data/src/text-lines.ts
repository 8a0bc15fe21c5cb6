import { DataFormatError } from './format-error';

/** What all parsers of text take. */
export interface TextOptions {
  /** Stands before the message of an error, such as the path of the file. */
  readonly name?: string;
  /** What bytes are read as. Default 'utf-8'. */
  readonly encoding?: 'utf-8' | 'latin1';
}

/** Makes an error about a line, or about the whole text. */
export type Failure = (message: string, line?: number) => Error;

export const failureOf =
  ({ name }: TextOptions): Failure =>
  (message, line) =>
    new DataFormatError(message, line, name);

const NEWLINE = 0x0a;
const utf16 = [
  [0xff, 0xfe],
  [0xfe, 0xff],
];

/**
 * The lines of a text without their ends, which may be those of Unix or Windows, and without a byte order mark.
 *
 * Bytes are cut into lines before they are decoded, so that an error can name the line: in both encodings a byte below
 * 128 is never a part of another character.
 */
export function* textLines(
  text: string | Uint8Array,
  fail: Failure,
  encoding: 'utf-8' | 'latin1' = 'utf-8',
): Generator<string> {
  let number = 0;
  for (const line of typeof text === 'string' ? stringLines(text) : byteLines(text, fail, encoding)) {
    number++;
    if (line.includes('\0')) throw fail('it has a zero byte: this is not a text file', number);
    yield (number === 1 ? line.replace(/^\uFEFF/, '') : line).replace(/\r$/, '');
  }
}

function* stringLines(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const found = text.indexOf('\n', start);
    const end = found < 0 ? text.length : found;
    yield text.slice(start, end);
    start = end + 1;
  }
}

function* byteLines(bytes: Uint8Array, fail: Failure, encoding: 'utf-8' | 'latin1'): Generator<string> {
  if (utf16.some(([a, b]) => bytes[0] === a && bytes[1] === b)) {
    throw fail('it is encoded in UTF-16; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)');
  }
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  let number = 0;
  for (let start = 0; start < bytes.length;) {
    number++;
    const found = bytes.indexOf(NEWLINE, start);
    const end = found < 0 ? bytes.length : found;
    let line: string;
    try {
      line = decoder.decode(bytes.subarray(start, end));
    } catch {
      throw fail('it is not UTF-8; convert the file (such as with iconv -f LATIN1 -t UTF-8)', number);
    }
    yield line;
    start = end + 1;
  }
}
