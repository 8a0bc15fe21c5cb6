import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { digestOf, readBytes } from '../data/data-file';
import { Failure, systemReason } from '../failure';
import { linesOf } from '../input';
import { writeOutput } from '../output';

export interface SplitOptions {
  /** Tab-separated columns, UTF-8. */
  readonly input: string;
  /** Folder of train.tsv, valid.tsv and test.tsv. */
  readonly output: string;
  /** Which columns are kept, in this order, counted from 1. */
  readonly columns: readonly number[];
  /** Lines that are equal in this column stay together. */
  readonly by: number;
  /** Shares of the different values of that column. */
  readonly valid: number;
  readonly test: number;
}

/** `split`: a file into data to train on, to choose by, and to judge by at the end. What is of one source stays together. */
export async function split({ input, output, columns, by, valid, test }: SplitOptions): Promise<void> {
  if (valid + test >= 1) throw new Failure(`--valid ${valid} and --test ${test} leave nothing to train on`);
  const rows = linesOf(input, await readBytes(input)).map((line, i) => {
    const cells = line.split('\t');
    const missing = [by, ...columns].find((column) => (cells[column - 1] ?? '').trim() === '');
    if (missing === undefined) return cells;
    const found = `${cells.length} column${cells.length === 1 ? '' : 's'}`;
    throw new Failure(`${input}, line ${i + 1}: column ${missing} is missing or empty; the line has ${found}`);
  });
  if (rows.length === 0) throw new Failure(`${input}: it has no lines`);
  const keyOf = (cells: readonly string[]): string => cells[by - 1].trim();
  // By digests: neither the order of the lines nor what else the file holds decides where much of it goes.
  const keys = [...new Set(rows.map(keyOf))].map((key) => [digestOf(`split:${key}`), key] as const);
  keys.sort(([a], [b]) => (a < b ? -1 : 1));
  const [testEnd, validEnd] = [test, test + valid].map((share) => Math.round(share * keys.length));
  const partOf = new Map(
    keys.map(([, key], i) => [key, i < testEnd ? 'test' : i < validEnd ? 'valid' : 'train'] as const),
  );
  try {
    await mkdir(output, { recursive: true });
  } catch (error) {
    throw new Failure(`cannot make ${output}: ${systemReason(error)}`, { cause: error });
  }
  for (const part of ['train', 'valid', 'test'] as const) {
    const lines = rows
      .filter((cells) => partOf.get(keyOf(cells)) === part)
      .map((cells) => columns.map((column) => cells[column - 1].trim()).join('\t'));
    await writeOutput(join(output, `${part}.tsv`), lines.map((line) => `${line}\n`).join(''));
    console.log(`${join(output, `${part}.tsv`)}: ${lines.length.toLocaleString('en')} lines`);
  }
}
