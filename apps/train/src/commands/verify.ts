import { spawn } from 'node:child_process';
import { join } from 'node:path';

import { installEngine } from '../engine';
import type { PairsTask } from '../data/task';
import { Failure } from '../failure';
import { requirePairs } from '../kinds/pairs';
import { files } from '../run/folder';
import { loadRun } from '../run/weights';
import { record, STEPS } from '../verify/record';
import { verifyFiles, writeVerification } from '../verify/write';

export interface VerifyOptions {
  readonly run: string;
  /** Where the files go; `verify` in the run's folder by default. */
  readonly output?: string;
  /** Most pairs of a batch that are taken. */
  readonly rows: number;
  /** Whether the script is run, too. */
  readonly execute: boolean;
  /** A Python that has torch and numpy; by default `python3`, or the system's own where that lacks them. */
  readonly python?: string;
}

/** `verify`: writes a script in PyTorch that computes what the run's model computes and learns, and runs it. */
export async function verify({
  run,
  output = join(run, files.verify),
  rows,
  execute,
  python,
}: VerifyOptions): Promise<void> {
  await installEngine();
  const { kind, config, model } = requirePairs(await loadRun(run), 'verify');
  const { training } = (await kind.loadTask(config)) as PairsTask;
  const recording = await record(model, config.recipe, training, rows);
  await writeVerification(output, model, config.recipe, recording);
  const script = join(output, verifyFiles.script);
  console.log(`logits and ${STEPS} training steps of the model in ${run}: ${script} compares them with PyTorch`);
  if (!execute) return;
  const chosen = await findPython(python === undefined ? PYTHONS : [python], script);
  const { code, signal } = await start(chosen, [script], 'inherit');
  if (code === null) throw new Failure(`${chosen} ${script} was ended by ${signal}`);
  process.exitCode = code;
}

const PYTHONS = ['python3', '/usr/bin/python3'];

/** The first that has torch and numpy. @throws Failure that says what to install, and how to go on. */
async function findPython(candidates: readonly string[], script: string): Promise<string> {
  let problem = '';
  for (const python of candidates) {
    try {
      if ((await start(python, ['-c', 'import numpy, torch'], 'ignore')).code === 0) return python;
      problem ||= `${python} has no torch, or no numpy`;
    } catch {
      problem ||= `${python} cannot be started, which PyTorch needs`;
    }
  }
  throw new Failure(
    `${problem}: install both (pip install torch numpy) or name a Python that has them with --python; nothing was compared, ${candidates[0]} ${script} does it`,
  );
}

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

function start(command: string, args: readonly string[], output: 'inherit' | 'ignore'): Promise<Ended> {
  // One thread, unless the user says otherwise: the figures then depend on no count of processors.
  const env = { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', output, output] });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
}
