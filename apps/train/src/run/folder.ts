import { mkdir, open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { Failure, systemReason } from '../failure';

/** What a run writes, all in its folder. */
export const files = {
  config: 'config.json',
  /** Of a run whose tokens are sub-words. */
  tokenizers: { source: 'source-tokenizer.json', target: 'target-tokenizer.json' },
  checkpoints: 'checkpoints',
  metrics: 'metrics.jsonl',
  events: 'events.out.tfevents.0.qkv',
  log: 'log.txt',
  curves: 'curves.svg',
  model: 'model.safetensors',
  summary: 'summary.json',
  verify: 'verify',
  lock: 'lock',
} as const;

/** As mkdir's `recursive`, which in Node 20 never returns where the system makes no folders, such as in /proc. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(folder) === folder) throw error;
    await makeFolder(dirname(folder));
    await mkdir(folder);
  }
}

/** Makes the folder, and makes sure, before hours are spent, that the run will find its place there. */
export async function prepareFolder(folder: string, neededBytes: number): Promise<void> {
  const probe = join(folder, `.probe.${process.pid}`);
  try {
    await makeFolder(folder);
    await (await open(probe, 'w')).close();
    await rm(probe);
  } catch (error) {
    throw new Failure(`cannot write to ${resolve(folder)}: ${systemReason(error)}; choose another with --output`);
  }
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < neededBytes) {
    const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
    throw new Failure(
      `${resolve(folder)}: the disk is full: the run needs ${mebibytes(neededBytes)}, ${mebibytes(bavail * bsize)} are free`,
    );
  }
}

/**
 * Removes what a run has written, but neither verifications nor exports in its folder, nor anything else. The config goes
 * last: as long as there is something left, it is known to be a run's.
 */
export async function clearFolder(folder: string): Promise<void> {
  const checkpoints = join(folder, files.checkpoints);
  for (const name of await readdir(checkpoints).catch(() => [])) {
    if (isCheckpoint(name)) await rm(join(checkpoints, name), { force: true });
  }
  for (const name of [...written, ...Object.values(files.tokenizers), files.config])
    await rm(join(folder, name), { force: true });
}

/** The files of a run beside its checkpoints, its config and what that names, in the order in which they are removed. */
const written = [files.model, files.summary, files.metrics, files.events, files.curves, files.log] as const;

const isCheckpoint = (name: string): boolean => /^step-\d+\.safetensors$/.test(name);

/** A file that looks as if a run had written it, undefined if there is none. */
export async function leftoverIn(folder: string): Promise<string | undefined> {
  const names = await readdir(folder);
  const checkpoints = await readdir(join(folder, files.checkpoints)).catch(() => []);
  const checkpoint = checkpoints.find(isCheckpoint);
  return checkpoint === undefined
    ? [...written, files.config].find((name) => names.includes(name))
    : join(files.checkpoints, checkpoint);
}
