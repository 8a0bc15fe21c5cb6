import { textLines } from './text-lines';

/** A line of a file of pairs. */
export interface TextPair {
  readonly source: string;
  readonly target: string;
  /** 1 for the first. */
  readonly line: number;
}

/** A file that does not hold pairs; the message begins with the line, if it is about one. */
export class PairsError extends Error {
  override readonly name = 'PairsError';

  constructor(
    message: string,
    /** 1 for the first; undefined if the error is about the whole file. */
    readonly line?: number,
  ) {
    super(line === undefined ? message : `line ${line}: ${message}`);
  }
}

/**
 * Reads tab-separated pairs: one `source<TAB>target` on each line, in UTF-8, without a header. Line ends may be those of
 * Unix or Windows, a byte order mark is ignored, white space around a side is not part of it.
 *
 * @throws PairsError that names the first line with another number of columns, an empty side, or bytes that are not UTF-8;
 * and for a file without a line.
 */
export function parsePairs(bytes: Uint8Array): TextPair[] {
  const pairs: TextPair[] = [];
  let line = 0;
  for (const text of textLines(bytes, (message, at) => new PairsError(message, at))) {
    line++;
    const columns = text.split('\t');
    if (columns.length !== 2) {
      const found = text.trim() === '' ? 'an empty line' : `${columns.length} column${columns.length === 1 ? '' : 's'}`;
      throw new PairsError(
        `expected source<TAB>target, got ${found}${columns.length > 2 ? '; keep two (cut -f 1,2)' : ''}`,
        line,
      );
    }
    const [source, target] = columns.map((column) => column.trim());
    if (source === '' || target === '') {
      throw new PairsError(`its ${source === '' ? 'source' : 'target'} is empty; fill it in or remove the line`, line);
    }
    pairs.push({ source, target, line });
  }
  if (pairs.length === 0) throw new PairsError('there are no pairs in it');
  return pairs;
}
