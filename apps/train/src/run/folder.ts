import { mkdir, open, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { Failure, systemReason } from '../failure';

/** What a run writes, all in its folder. */
export const files = {
  config: 'config.json',
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

/** Removes what a run has written, and nothing else. The config goes first: what is left is no run. */
export async function clearFolder(folder: string): Promise<void> {
  for (const name of Object.values(files)) {
    if (name !== files.lock) await rm(join(folder, name), { recursive: true, force: true });
  }
}
