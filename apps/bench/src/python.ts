import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

import type { Runtime } from './channel';

export interface Torch {
  readonly runtime: Runtime;
  /** torch's version. */
  readonly version: string;
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

/** The first Python that has torch. Throws one line that says what was tried. */
export async function findTorch(candidates: readonly string[] = CANDIDATES): Promise<Torch> {
  const program = 'import platform, torch; print(platform.python_version(), torch.__version__)';
  for (const path of candidates) {
    try {
      const { stdout } = await promisify(execFile)(path, ['-c', program], { timeout: 60_000 });
      const [python, version] = stdout.trim().split('\n').at(-1)!.split(' ');
      return { runtime: { kind: 'python', version: `Python ${python}`, path }, version };
    } catch {
      // Another may have it.
    }
  }
  throw new Error(`no torch in ${candidates.join(' or ')} (Debian: apt-get install python3-torch)`);
}
