import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { Runtime } from './channel';
import { own, peer } from './entries';
import type { Entry } from './runner';
import type { Surroundings } from './surroundings';
import { TOKENIZING } from './workload.mjs';

/** As the Rust library reads it: one core for every subject. */
const ONE_THREAD = { RAYON_NUM_THREADS: '1', TOKENIZERS_PARALLELISM: 'false' };

/** Files for all subjects: vocabularies, and texts line by line. They are deleted when the bench ends. */
async function prepare(): Promise<string> {
  const { BENCH_TOKENIZERS, benchLines, trainingLines } = await import('@qkv/tokenizer-parity/bench');
  const folder = mkdtempSync(join(tmpdir(), 'qkv-bench-tokenizers-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  TOKENIZING.tokenizers.forEach((name, i) => {
    writeFileSync(join(folder, `${i}.json`), JSON.stringify(BENCH_TOKENIZERS[name]()));
  });
  writeFileSync(join(folder, 'lines.txt'), benchLines(TOKENIZING.bytes).join('\n'));
  for (const [name, lines] of Object.entries(trainingLines())) {
    writeFileSync(join(folder, `${name}.txt`), lines.map((line) => `${line}\n`).join(''));
  }
  return folder;
}

/** The first Python that has the Rust library: QKV_PYTHON, the system's, that of the path. */
async function findPython(): Promise<{ runtime: Runtime; version: string } | null> {
  const candidates = [process.env['QKV_PYTHON'] ?? '', '/usr/bin/python3', 'python3'].filter((path) => path !== '');
  const program = 'import platform, tokenizers; print(platform.python_version(), tokenizers.__version__)';
  for (const path of candidates) {
    try {
      const { stdout } = await promisify(execFile)(path, ['-c', program], { timeout: 60_000 });
      const [python, version] = stdout.trim().split(' ');
      return { runtime: { kind: 'python', version: `Python ${python}`, path }, version };
    } catch {
      // Another may have it.
    }
  }
  return null;
}

export async function tokenizerEntries(around: Surroundings): Promise<Entry[]> {
  const settings = { folder: await prepare() };
  const python = around.peers.size === 0 ? null : await findPython();
  return [
    ...around.nodes.map((node) => own(node, 'tokenizers.ts', settings)),
    ...peer(around, 'rust-tokenizers', settings).map((entry) => ({ ...entry, environment: ONE_THREAD })),
    ...peer(around, 'hf-tokenizers', settings, 2),
    ...(python === null
      ? []
      : [
          {
            label: 'rust-python 1t',
            module: 'tokenizers.py',
            settings: { ...settings, version: python.version },
            runtime: python.runtime,
            environment: ONE_THREAD,
            threads: 1,
          },
        ]),
  ];
}
