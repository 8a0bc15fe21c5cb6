import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

import type { Runtime } from './channel';

export interface Torch {
  readonly runtime: Runtime;
  /** torch's version. */
  readonly version: string;
  /** OpenBLAS's kernels that must be named to be used; undefined where it finds the right ones by itself. */
  readonly kernels?: string;
}

const CANDIDATES = ['/usr/bin/python3', 'python3'];

/**
 * Debian's torch takes the system's BLAS, and where that is OpenBLAS with threads of its own beside torch's OpenMP, both
 * wait for each other: a step takes four times as long. The build for OpenMP lies beside it.
 */
const OPENBLAS = ['/usr/lib/x86_64-linux-gnu/openblas-openmp', '/usr/lib/aarch64-linux-gnu/openblas-openmp'];

/** So that `threads` limits both torch and the library below it. */
export function torchEnvironment(
  threads: number,
  folder: string | undefined = OPENBLAS.find((path) => existsSync(path)),
): Record<string, string> {
  const count = String(threads);
  const limits = { OMP_NUM_THREADS: count, OPENBLAS_NUM_THREADS: count, MKL_NUM_THREADS: count };
  if (folder === undefined) return limits;
  const others = process.env['LD_LIBRARY_PATH'];
  return { ...limits, LD_LIBRARY_PATH: others === undefined || others === '' ? folder : `${folder}:${others}` };
}

/** What OpenBLAS falls back to for a processor newer than itself: SSE3, a quarter of the speed of what the processor has. */
const FALLBACKS = ['Prescott', 'Core2', 'Nehalem', 'Sandybridge'];

/** The kernels to name, from what OpenBLAS says (`Core: Prescott`) and what the processor has. */
export function kernelsFor(said: string, cpuinfo: string): string | undefined {
  const core = /^Core: (\w+)/m.exec(said)?.[1];
  if (core === undefined || !FALLBACKS.includes(core)) return undefined;
  const flags = new Set(/^flags\s*: (.*)$/m.exec(cpuinfo)?.[1].split(' '));
  const has = (...names: string[]): boolean => names.every((name) => flags.has(name));
  if (has('avx512f', 'avx512bw', 'avx512dq', 'avx512vl')) return 'SkylakeX';
  return has('avx2', 'fma') ? 'Haswell' : undefined;
}

function cpuinfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}

/** The first Python that has torch. Throws one line that says what was tried. */
export async function findTorch(candidates: readonly string[] = CANDIDATES): Promise<Torch> {
  const program = 'import platform, torch; print(platform.python_version(), torch.__version__)';
  for (const path of candidates) {
    try {
      const env = { ...process.env, ...torchEnvironment(1), OPENBLAS_VERBOSE: '2' };
      const { stdout, stderr } = await promisify(execFile)(path, ['-c', program], { timeout: 60_000, env });
      const [python, version] = stdout.trim().split('\n').at(-1)!.split(' ');
      const kernels = kernelsFor(stderr, cpuinfo());
      const runtime: Runtime = { kind: 'python', version: `Python ${python}`, path };
      return { runtime, version, ...(kernels === undefined ? {} : { kernels }) };
    } catch {
      // Another may have it.
    }
  }
  throw new Error(`no torch in ${candidates.join(' or ')} (Debian: apt-get install python3-torch)`);
}
