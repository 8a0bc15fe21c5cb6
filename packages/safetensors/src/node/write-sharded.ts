import { open, unlink } from 'node:fs/promises';
import { join } from 'node:path';

import type { TensorEntry } from '../dtypes';
import { quote, SafetensorsError } from '../error';
import { checkTensor, compareCodePoints, entriesOf, layOut, type NamedTensors } from '../serialize';
import { errorCode, fill, readWhole, replaceFile, synchroniseFolder, toPath, writeError } from './files';
import { indexName, isFileName, parseIndex, printIndex } from './shard-index';

export interface ShardOptions {
  /** Most bytes of tensors in one shard; a larger tensor has a shard of its own. 5 GB, as Hugging Face's libraries take. */
  readonly maxShardBytes?: number;
  /** Texts for the metadata of every shard. */
  readonly metadata?: Readonly<Record<string, string>>;
}

type Entry = [string, TensorEntry];

/**
 * Writes tensors as several files and an index, in the convention of Hugging Face: `model-00001-of-00003.safetensors`, …
 * and `model.safetensors.index.json`, for the name `model`. Gives the path of the index. Tensors are sorted by name.
 *
 * The set changes in one step, whatever happens: shards get names that no file has (`model-v2-00001-of-00003.safetensors`,
 * if need be), are synchronised, and only then named by a new index, which replaces the old one. At last the shards of the
 * old index are deleted. An interrupted call may leave files behind which no index names; later calls pass them by.
 *
 * @throws SafetensorsError as `serialize` does, and naming the file if one cannot be written; the old set is then as it was.
 */
export async function writeShardedSafetensors(
  folder: string | URL,
  name: string,
  tensors: NamedTensors,
  { maxShardBytes = 5e9, metadata }: ShardOptions = {},
): Promise<string> {
  const place = toPath(folder);
  if (!isFileName(name)) {
    throw new SafetensorsError(
      'unwritable',
      `writeShardedSafetensors: ${quote(name)} is no file name; leave out folders`,
    );
  }
  if (!(maxShardBytes > 0)) {
    throw new RangeError(`writeShardedSafetensors: maxShardBytes must be positive, got ${maxShardBytes}`);
  }
  const shards = split(tensors, maxShardBytes);
  const parts = shards.map((shard) => layOut(new Map(shard), metadata));
  const index = join(place, indexName(name));
  const old = await shardsOf(index, name);

  let current = index;
  try {
    const files = await claim(place, name, shards.length);
    try {
      for (const [i, file] of files.entries()) {
        current = join(place, file);
        await fill(await open(current, 'r+'), parts[i]);
      }
      current = index;
      // The names of the shards must survive a loss of power before that of the index may.
      await synchroniseFolder(place);
      const weightMap = shards.flatMap((shard, i) => shard.map(([tensor]) => [tensor, files[i]] as const));
      const size = shards.flat().reduce((sum, [, { data }]) => sum + data.byteLength, 0);
      await replaceFile(index, [new TextEncoder().encode(printIndex(size, new Map(weightMap)))]);
    } catch (error) {
      await discard(place, files);
      throw error;
    }
    // From here on the new set is the one. The old shards go when a loss of power cannot bring the old index back.
    await synchroniseFolder(place);
    await discard(
      place,
      old.filter((file) => !files.includes(file)),
    );
    return index;
  } catch (cause) {
    throw writeError(current, cause);
  }
}

/** Sorted by name, so that the same tensors give the same files; filled up one after the other. */
function split(tensors: NamedTensors, most: number): Entry[][] {
  const shards: Entry[][] = [];
  let room = -1;
  for (const entry of entriesOf(tensors).toSorted(([a], [b]) => compareCodePoints(a, b))) {
    checkTensor(...entry);
    const bytes = entry[1].data.byteLength;
    if (bytes > room || shards.length === 0) {
      shards.push([]);
      room = most;
    }
    shards.at(-1)!.push(entry);
    room -= bytes;
  }
  return shards;
}

/** Names of the shards of an index that are ours to delete: an index may name anything. None if it cannot be read. */
async function shardsOf(index: string, name: string): Promise<string[]> {
  try {
    const files = new Set(parseIndex(await readWhole(index)).values());
    const ours = /^(?:-v[0-9]+)?-[0-9]{5,}-of-[0-9]{5,}\.safetensors$/;
    return [...files].filter((file) => file.startsWith(name) && ours.test(file.slice(name.length)));
  } catch {
    return [];
  }
}

/** Makes empty files under the first names that are free; another writer can have none of them. */
async function claim(folder: string, name: string, count: number): Promise<string[]> {
  const number = (i: number): string => String(i).padStart(5, '0');
  for (let version = 1; ; version++) {
    const infix = version === 1 ? '' : `-v${version}`;
    const files: string[] = [];
    try {
      for (let i = 1; i <= count; i++) {
        const file = `${name}${infix}-${number(i)}-of-${number(count)}.safetensors`;
        const handle = await open(join(folder, file), 'wx');
        files.push(file);
        await handle.close();
      }
      return files;
    } catch (error) {
      await discard(folder, files);
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }
}

/** What cannot be deleted stays behind: no index names it. */
async function discard(folder: string, files: readonly string[]): Promise<void> {
  for (const file of files) await unlink(join(folder, file)).catch(() => {});
}
