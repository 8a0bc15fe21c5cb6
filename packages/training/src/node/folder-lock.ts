import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** Somebody else writes to the folder. */
export class FolderLockedError extends Error {
  override readonly name = 'FolderLockedError';
}

export interface FolderLock {
  release(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, as the system counts it: another process may get the same number later. */
  readonly started: string;
}

/**
 * Takes a folder for this process alone, with a file `lock` that names it. A lock whose process is gone counts as none, so
 * a killed run can go on at once.
 *
 * @throws FolderLockedError naming the process that holds it.
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const path = join(folder, 'lock');
  const own = join(folder, `lock.${process.pid}`);
  const text = JSON.stringify({
    pid: process.pid,
    host: hostname(),
    started: await startOf(process.pid),
  } satisfies Holder);
  await writeFile(own, text);
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        await link(own, path); // fails if the name is taken; a lock is never there without its text
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const held = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined; // it was released this moment
        throw new FolderLockedError(`${path} cannot be read (${error.code}): delete it if no process uses ${folder}`);
      });
      if (held === undefined && attempt < 100) continue;
      if (held === undefined || attempt >= 100 || (await isAlive(held)))
        throw new FolderLockedError(`${folder} is in use by ${describe(held ?? '', path)}`);
      await setAside(path, held);
    }
  } finally {
    await rm(own, { force: true });
  }
  await removeUnfinished(folder);
  return {
    async release() {
      const held = await readFile(path, 'utf8').catch(() => undefined);
      if (held === text) await rm(path, { force: true });
    },
  };
}

/** Takes the lock of a dead process away. Of several who try, one moves it; who moved a living one by mistake puts it back. */
async function setAside(path: string, dead: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => '')) !== dead) return; // it has another holder by now
  const aside = `${path}.dead.${process.pid}`;
  try {
    await rename(path, aside);
  } catch {
    return; // somebody else was faster
  }
  const moved = await readFile(aside, 'utf8').catch(() => dead);
  if (moved !== dead) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

/** What processes that were killed while they took the lock have left. */
async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = /^lock\.(?:dead\.)?(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !exists(Number(pid))) await rm(join(folder, name), { force: true });
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'; // it may be somebody else's
  }
}

function parse(text: string): Partial<Holder> {
  try {
    return (JSON.parse(text) as Partial<Holder> | null) ?? {};
  } catch {
    return {};
  }
}

function describe(text: string, path: string): string {
  const { pid, host } = parse(text);
  return host === hostname() ? `process ${pid}` : `process ${pid} of ${host}; if that is gone, delete ${path}`;
}

async function isAlive(text: string): Promise<boolean> {
  const { pid, host, started } = parse(text);
  if (host !== hostname()) return host !== undefined; // of another machine nothing is known
  return typeof pid === 'number' && exists(pid) && (await startOf(pid)) === started;
}

/** Field 22 of /proc/PID/stat, behind the name, which may contain anything. Empty where there is no such file. */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
