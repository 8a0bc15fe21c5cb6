import { open, rename, unlink, type FileHandle, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { SafetensorsError, type SafetensorsErrorCode } from '../error';
import { parse, type SafetensorsFile } from '../parse';
import { layOut, type NamedTensors } from '../serialize';

/** Linux reads and writes at most 2 GiB - 4 KiB at a time. */
const CHUNK = 2 ** 30;

/**
 * Reads a safetensors file; its arrays are views of one buffer of the file's size.
 *
 * @throws SafetensorsError naming the file, if it is missing, unreadable, truncated or not valid.
 */
export async function readSafetensors(path: string | URL): Promise<SafetensorsFile> {
  const file = toPath(path);
  let bytes: Uint8Array;
  try {
    bytes = await readWhole(file);
  } catch (cause) {
    throw readError(file, cause);
  }
  try {
    return parse(bytes);
  } catch (cause) {
    if (!(cause instanceof SafetensorsError)) throw cause;
    throw new SafetensorsError(cause.code, `${file}: ${cause.message.replace(/^safetensors: /, '')}`, { cause });
  }
}

/**
 * Writes a safetensors file in one step: a reader, or a machine that loses power, finds the old file or the new one,
 * never a part. The bytes go to a temporary file in the same folder, which is synchronised and then renamed.
 *
 * @throws SafetensorsError naming the file, if it cannot be written; a file of that name is then as it was.
 */
export async function writeSafetensors(
  path: string | URL,
  tensors: NamedTensors,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  const file = toPath(path);
  const parts = layOut(tensors, metadata);
  try {
    await writeFileDurably(file, ...parts);
  } catch (cause) {
    throw writeError(file, cause);
  }
}

/**
 * Writes any file in one step, as {@link writeSafetensors} does: bytes, or text in UTF-8, one part behind the other. Errors
 * are the system's; a file of that name is then as it was.
 */
export async function writeFileDurably(path: string, ...parts: readonly (Uint8Array | string)[]): Promise<void> {
  await replaceFile(path, parts);
  await synchroniseFolder(dirname(path));
}

/**
 * Removes what writers that were killed have left in a folder: files under the names that they have until they are whole.
 * Nobody else may be writing there.
 */
export async function removeTemporaries(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (TEMPORARY.test(name)) await unlink(join(folder, name));
}

/** Puts a new file in the place of an old one; the folder is not synchronised. If it throws, the old one is there. */
export async function replaceFile(file: string, parts: readonly (Uint8Array | string)[]): Promise<void> {
  const temporary = await createTemporary(file);
  try {
    await fill(temporary.handle, parts);
    await rename(temporary.path, file);
  } catch (error) {
    await unlink(temporary.path).catch(() => {}); // the first error is the one to tell
    throw error;
  }
}

export async function readWhole(file: string): Promise<Uint8Array> {
  const handle = await open(file, 'r');
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw Object.assign(new Error('not a regular file'), { code: 'EISDIR' });
    const bytes = new Uint8Array(stat.size);
    let position = 0;
    while (position < bytes.length) {
      const { bytesRead } = await handle.read(bytes, position, Math.min(CHUNK, bytes.length - position), position);
      if (bytesRead === 0) break; // it shrank while we read: parse will say what is missing
      position += bytesRead;
    }
    return bytes.subarray(0, position);
  } finally {
    await handle.close();
  }
}

/** What `createTemporary` names a file. */
const TEMPORARY = /^\..+\.\d+-\d+\.tmp$/;

/** The name needs no randomness: whoever holds it already, in this process or another, makes us try the next one. */
async function createTemporary(file: string): Promise<{ path: string; handle: FileHandle }> {
  for (let attempt = 0; ; attempt++) {
    const path = join(dirname(file), `.${basename(file)}.${process.pid}-${attempt}.tmp`);
    try {
      return { path, handle: await open(path, 'wx') };
    } catch (error) {
      if (errorCode(error) !== 'EEXIST' || attempt === 1000) throw error;
    }
  }
}

/** Writes the parts, makes them survive a loss of power, and closes. */
export async function fill(handle: FileHandle, parts: readonly (Uint8Array | string)[]): Promise<void> {
  try {
    for (const part of parts) await handle.writeFile(part);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the rename itself survive a loss of power. */
export async function synchroniseFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // folders cannot be opened there
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems have no such call; the file is written all the same.
    if (!['EINVAL', 'ENOTSUP'].includes(errorCode(error))) throw error;
  } finally {
    await handle.close();
  }
}

export function readError(file: string, cause: unknown): unknown {
  const system = errorCode(cause);
  const [code, reason] = ((): [SafetensorsErrorCode, string] => {
    if (system === 'ENOENT' || system === 'ENOTDIR') return ['not-found', 'no such file; check the path'];
    if (system === 'EACCES' || system === 'EPERM') return ['unreadable', 'no permission to read it; change its mode'];
    if (system === 'EISDIR') return ['unreadable', 'not a regular file; name a .safetensors file'];
    if (cause instanceof RangeError) return ['unreadable', 'too large for the memory of this process'];
    return ['unreadable', `cannot be read (${system || String(cause)})`];
  })();
  return new SafetensorsError(code, `${file}: ${reason}`, { cause });
}

const writeReasons: Record<string, string> = {
  ENOENT: 'its folder does not exist; create it first',
  ENOTDIR: 'its folder is not a folder; check the path',
  EISDIR: 'a folder has this name; choose another',
  ENOTEMPTY: 'a folder has this name; choose another',
  EEXIST: 'too many temporary files beside it; delete them',
  EACCES: 'no permission to write in its folder; change its mode or choose another',
  EPERM: 'no permission to write in its folder; change its mode or choose another',
  EROFS: 'its folder is read-only; choose another',
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'the disk quota is used up; free some space',
  ENAMETOOLONG: 'its name is too long; choose a shorter one',
};

export function writeError(file: string, cause: unknown): SafetensorsError {
  const system = errorCode(cause);
  const reason = writeReasons[system] ?? `cannot be written (${system || String(cause)})`;
  return new SafetensorsError('unwritable', `${file}: ${reason}`, { cause });
}

export const errorCode = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? '');

export const toPath = (path: string | URL): string => (typeof path === 'string' ? path : fileURLToPath(path));
