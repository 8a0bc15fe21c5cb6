import { show, TokenizerError } from '../error';

/** The error that a file cannot be read: what it should be, the place in it, what is wrong there and how to mend it. */
export function fileError(kind: string, place: string, problem: string): TokenizerError {
  return new TokenizerError('invalid-file', `${kind}${place === '' ? '' : `, ${place}`}: ${problem}`);
}

/** A text from a file in quotes, safe for one line. */
export const quote = (text: string): string => `"${show(text.slice(0, 200))}"`;

const LFS = 'version https://git-lfs';

/** Throws if a file is empty or plainly of another kind, which is a more useful thing to say than its first bad byte. */
export function checkFileKind(kind: string, start: Uint8Array | string): void {
  if (start.length === 0) throw fileError(kind, '', 'the file is empty; get it again');
  const head = typeof start === 'string' ? start.slice(0, 64) : String.fromCharCode(...start.subarray(0, 64));
  const text = head.replace(/^(?:\ufeff|\u00ef\u00bb\u00bf)/u, '').trimStart();
  const is = (what: string, mend: string): TokenizerError => fileError(kind, '', `this is ${what}; ${mend}`);
  if (text.startsWith(LFS)) throw is('a Git LFS pointer, not the file it stands for', 'run git lfs pull');
  if (/^<(?:!doctype\s|html|head|\?xml)/iu.test(text)) {
    throw is('a page of HTML or XML', 'it may be a download that failed, get the raw file');
  }
  // Text that was read as UTF-8 has U+FFFD for the second byte of gzip's.
  if (head.startsWith('\x1f\x8b') || head.startsWith('\x1f\ufffd'))
    throw is('compressed (gzip)', 'decompress it first');
  if (head.startsWith('PK\x03\x04')) throw is('a zip archive', 'unpack it first');
}

/** The lines of a text with their numbers, without a byte order mark, and with LF or CRLF at their ends. */
export function linesOf(text: string): string[] {
  const lines = (text.startsWith('\ufeff') ? text.slice(1) : text).split('\n');
  for (let i = 0; i < lines.length; i++) if (lines[i].endsWith('\r')) lines[i] = lines[i].slice(0, -1);
  while (lines.length > 0 && lines[lines.length - 1] === '') lines.pop();
  return lines;
}

export const MAX_ID = 2 ** 31 - 1;
