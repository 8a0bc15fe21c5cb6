interface Host {
  readonly crossOriginIsolated?: boolean;
  readonly SharedArrayBuffer?: unknown;
  readonly Worker?: unknown;
  readonly navigator?: { readonly hardwareConcurrency?: number };
  readonly process?: { getBuiltinModule?: (name: string) => unknown };
}
const host = globalThis as Host;

interface Os {
  availableParallelism(): number;
}
interface FileSystem {
  readFileSync(path: string, encoding: 'utf8'): string;
}

/** Cores that this process may use at a time: those of the machine or, in a container with less, its quota. */
export function availableCores(): number {
  const os = host.process?.getBuiltinModule?.('node:os') as Os | undefined;
  if (os === undefined) return host.navigator?.hardwareConcurrency ?? 1;
  const { readFileSync } = host.process!.getBuiltinModule!('node:fs') as FileSystem;
  const quota = containerQuota((path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return '';
    }
  });
  return Math.max(1, Math.min(os.availableParallelism(), Math.floor(quota)));
}

/** Processor time per time that Linux control groups (version 2 or 1) grant; infinite where nothing is said. */
export function containerQuota(read: (path: string) => string): number {
  const [limit, period] = read('/sys/fs/cgroup/cpu.max').split(' ').map(Number);
  if (limit > 0 && period > 0) return limit / period;
  const folder = '/sys/fs/cgroup/cpu';
  const [old, each] = ['cfs_quota_us', 'cfs_period_us'].map((name) => Number(read(`${folder}/cpu.${name}`)));
  return old > 0 && each > 0 ? old / each : Infinity;
}

/** Whether workers can share memory here: always in Node, in pages only where they are cross-origin isolated. */
export function canShareMemory(): boolean {
  if (host.SharedArrayBuffer === undefined || host.crossOriginIsolated === false) return false;
  return host.process?.getBuiltinModule?.('node:worker_threads') !== undefined || host.Worker !== undefined;
}
