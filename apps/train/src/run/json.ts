import { readFile } from 'node:fs/promises';

import { describeError, Failure, systemReason } from '../failure';

/** The content of a JSON file; undefined if there is none. */
export async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw new Failure(`cannot read ${file}: ${systemReason(error, 'read')}`);
  }
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown;
  } catch (error) {
    throw new Failure(`${file} is not JSON (${describeError(error)})`);
  }
}
