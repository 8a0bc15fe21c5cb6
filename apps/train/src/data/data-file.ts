import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { z } from 'zod';

import { Failure, systemReason } from '../failure';

/** A file of a run's data: kept in its config, and compared when it goes on. */
export interface DataFile {
  readonly path: string;
  /** SHA-256 of the bytes. */
  readonly digest: string;
}

export const dataFileSchema = z.strictObject({ path: z.string(), digest: z.string() });

export const digestOf = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** The bytes of a file that the user has named. @throws Failure saying why it cannot be read. */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Failure(`cannot read ${path}: ${systemReason(error, 'read')}`, { cause: error });
  }
}

/** @throws Failure if a file of a run is not there, or not as it was. */
export async function requireUnchanged({ path, digest }: DataFile): Promise<void> {
  const bytes = await readBytes(path).catch((error: unknown) => {
    const advice = 'it is needed as it was in training; a path that is not absolute begins where training was started';
    throw new Failure(`${(error as Error).message}; ${advice}`, { cause: error });
  });
  if (digestOf(bytes) !== digest) throw new Failure(`${path} has changed since training; put it back as it was`);
}

/** The source of a run's data without the paths: what the files are, wherever they may be. */
export function withoutPaths(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const content = (value: unknown): unknown =>
    dataFileSchema.safeParse(value).success ? `sha256:${(value as DataFile).digest}` : value;
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, content(value)]));
}
