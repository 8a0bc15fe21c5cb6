import { realpath, stat, writeFile } from 'node:fs/promises';

import { writeFileDurably } from '@qkv/safetensors/node';

import { Failure, systemReason } from './failure';

/**
 * Writes a file that the user has named: in one step if it is a file or not there yet. A pipe or a device is written to, a
 * link is followed: neither is replaced.
 */
export async function writeOutput(path: string, text: string): Promise<void> {
  try {
    const target = await realpath(path).catch(() => path);
    const there = await stat(target).catch(() => undefined);
    if (there === undefined || there.isFile()) await writeFileDurably(target, text);
    else await writeFile(target, text);
  } catch (error) {
    throw new Failure(`cannot write ${path}: ${systemReason(error)}`, { cause: error });
  }
}
