import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type { TensorEntry } from '../dtypes';
import { quote, SafetensorsError } from '../error';
import type { SafetensorsFile } from '../parse';
import { readError, readSafetensors, readWhole, toPath } from './files';
import { parseIndex, type WeightMap } from './shard-index';

/** How often a set that is replaced while we read it is read anew. */
const ATTEMPTS = 3;

/**
 * Reads a set of shards by its index, such as `model.safetensors.index.json`, as Hugging Face's libraries write it. The
 * metadata are those texts that all shards have in common. A set that is replaced meanwhile is read anew, never mixed.
 *
 * @throws SafetensorsError naming the file: index or shard missing or not valid, a shard outside of the index's folder, a
 * tensor that is missing, stands in another shard than the index says, or is not in the index.
 */
export async function readShardedSafetensors(indexPath: string | URL): Promise<SafetensorsFile> {
  const index = toPath(indexPath);
  for (let attempt = 1; ; attempt++) {
    const before = await identity(index);
    let file: SafetensorsFile | undefined;
    let failure: unknown;
    try {
      file = await readSet(index);
    } catch (error) {
      failure = error;
    }
    if ((await identity(index)) === before) {
      if (file === undefined) throw failure;
      return file;
    }
    if (attempt === ATTEMPTS) {
      throw new SafetensorsError('unreadable', `${index}: is replaced again and again while it is read; try later`);
    }
  }
}

/** Of this very file: another one has it only if the index was replaced. Empty if there is none. */
async function identity(file: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join();
  } catch {
    return ''; // reading will say why
  }
}

async function readSet(index: string): Promise<SafetensorsFile> {
  let bytes: Uint8Array;
  try {
    bytes = await readWhole(index);
  } catch (cause) {
    throw readError(index, cause);
  }
  let weightMap: WeightMap;
  try {
    weightMap = parseIndex(bytes);
  } catch (cause) {
    if (!(cause instanceof SafetensorsError)) throw cause;
    throw new SafetensorsError(cause.code, `${index}: ${cause.message.replace(/^safetensors: /, '')}`, { cause });
  }
  const tensors = new Map<string, TensorEntry>();
  let metadata: Record<string, string> | undefined;
  for (const name of new Set(weightMap.values())) {
    const shard = await readShard(join(dirname(index), name), index);
    for (const [tensor, entry] of shard.tensors) {
      const expected = weightMap.get(tensor);
      if (expected !== name) {
        const says = expected === undefined ? 'does not list' : `puts into ${quote(expected)}`;
        throw wrong(index, `shard ${quote(name)} holds tensor ${quote(tensor)}, which the index ${says}`);
      }
      tensors.set(tensor, entry);
    }
    metadata = metadata === undefined ? shard.metadata : common(metadata, shard.metadata);
  }
  for (const [tensor, name] of weightMap) {
    if (!tensors.has(tensor)) throw wrong(index, `shard ${quote(name)} lacks tensor ${quote(tensor)}`);
  }
  return { tensors, metadata: metadata ?? (Object.create(null) as Record<string, string>) };
}

const wrong = (index: string, what: string): SafetensorsError =>
  new SafetensorsError('index', `${index}: ${what}; fetch or save the set again`);

async function readShard(path: string, index: string): Promise<SafetensorsFile> {
  try {
    return await readSafetensors(path);
  } catch (cause) {
    if (!(cause instanceof SafetensorsError)) throw cause;
    throw new SafetensorsError(cause.code, `${cause.message} (${index} names it)`, { cause });
  }
}

function common(a: Record<string, string>, b: Record<string, string>): Record<string, string> {
  const shared = Object.create(null) as Record<string, string>;
  for (const [key, value] of Object.entries(a)) if (b[key] === value) shared[key] = value;
  return shared;
}
