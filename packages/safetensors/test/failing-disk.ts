// node:fs/promises, as it behaves when a process is killed, a machine loses power, or a call fails; see sharded-crash.test.ts.
import { promises } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const { copyFile, readdir, rename, rm, truncate } = promises;

type Promises = typeof promises;
type Handle = Awaited<ReturnType<Promises['open']>>;

export const disk = {
  /** Calls that change something, so far. */
  calls: 0,
  /** What happened, for expectations on the order. */
  log: [] as string[],
  /** Fails the call of this number; from then on everything fails if it is a crash. */
  failAt: Infinity,
  kind: 'error' as 'error' | 'crash',
  /** Called before a file is opened. */
  beforeOpen: null as ((path: string) => Promise<void>) | null,
  /** Written since the last synchronisation. */
  dirty: new Set<string>(),
  /** Made since the last synchronisation of their folder. */
  unnamed: new Set<string>(),
  /** Replaced file → where its old content is kept, until the folder is synchronised. */
  replaced: new Map<string, string>(),
};

export function reset(failAt = Infinity, kind: 'error' | 'crash' = 'error'): void {
  Object.assign(disk, { calls: 0, log: [], failAt, kind, beforeOpen: null });
  for (const memory of [disk.dirty, disk.unnamed, disk.replaced]) memory.clear();
}

/** True if this call is to fail halfway; throws if the process is dead already. */
function step(what: string, path: string): boolean {
  disk.calls++;
  disk.log.push(`${what} ${basename(path)}`);
  const fails = disk.calls === disk.failAt || (disk.kind === 'crash' && disk.calls > disk.failAt);
  if (fails && disk.calls > disk.failAt) throw failure();
  return fails;
}
const failure = (): Error => Object.assign(new Error('planted'), { code: disk.kind === 'crash' ? 'EKILLED' : 'EIO' });

export function failing(real: Promises): Promises {
  const wrap = (handle: Handle, path: string, writes: boolean): Handle =>
    new Proxy(handle, {
      get(target, key) {
        const value = Reflect.get(target, key) as unknown;
        if (typeof value !== 'function') return value;
        const call = value.bind(target) as (...args: unknown[]) => Promise<unknown>;
        if (key === 'writeFile') {
          return async (bytes: Uint8Array) => {
            const fails = step('write', path);
            disk.dirty.add(path);
            await call(fails ? bytes.subarray(0, bytes.length / 2) : bytes);
            if (fails) throw failure();
          };
        }
        if (key === 'sync') {
          return async () => {
            if (step('sync', path)) throw failure();
            if (writes) disk.dirty.delete(path);
            else {
              for (const made of disk.unnamed) if (dirname(made) === path) disk.unnamed.delete(made);
              for (const file of disk.replaced.keys()) if (dirname(file) === path) disk.replaced.delete(file);
            }
          };
        }
        return call;
      },
    });
  return {
    ...real,
    open: (async (path: string, flags: string) => {
      await disk.beforeOpen?.(path);
      const writes = flags !== 'r';
      if (writes && step('open', path)) throw failure();
      const handle = await real.open(path, flags);
      if (flags === 'wx') disk.unnamed.add(path);
      return wrap(handle, path, writes);
    }) as Promises['open'],
    rename: (async (from: string, to: string) => {
      if (step('rename', to)) throw failure();
      const kept = join(dirname(to), `.kept-${disk.calls}`);
      await real.copyFile(to, kept).then(
        () => disk.replaced.set(to, kept),
        () => {},
      );
      await real.rename(from, to);
      disk.unnamed.delete(from);
    }) as Promises['rename'],
    unlink: (async (path: string) => {
      if (step('unlink', path)) throw failure();
      await real.unlink(path);
    }) as Promises['unlink'],
  };
}

/** What a loss of power may take: contents and names that were not synchronised; renames too, or not. */
export async function losePower(renames: 'kept' | 'lost'): Promise<void> {
  for (const path of disk.dirty) await truncate(path).catch(() => {});
  for (const path of disk.unnamed) await rm(path, { force: true });
  if (renames === 'lost') for (const [file, kept] of disk.replaced) await rename(kept, file);
}

/** Removes what `rename` keeps. */
export async function forget(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (name.startsWith('.kept-')) await rm(join(folder, name));
}

/** Contents of a folder, to start again from. */
export async function restore(from: string, to: string): Promise<void> {
  for (const name of await readdir(to)) await rm(join(to, name));
  for (const name of await readdir(from)) await copyFile(join(from, name), join(to, name));
}
