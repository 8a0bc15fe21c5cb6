import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'tsup';

import manifest from '../package.json' with { type: 'json' };
import { createG2pCodecs } from '../src/data/g2p-task';
import { createModel, type TextModel } from '../src/model/model';
import { presets } from '../src/presets';
import { type PartialRecipe, type Recipe, resolveRecipe } from '../src/recipe';

/** For tests. */
export const tinyRecipe: Recipe = resolveRecipe(presets.quick, {
  dimension: 16,
  heads: 2,
  feedForward: 16,
  encoderLayers: 1,
  decoderLayers: 1,
  batch: 8,
  steps: 40,
  learningRate: 1e-2,
  validateEvery: 20,
});

export const tiny = (recipe: PartialRecipe): Recipe => resolveRecipe(tinyRecipe, recipe);

/** The same on the command line. */
export const tinyOptions = [
  '--dimension',
  '16',
  '--heads',
  '2',
  '--feed-forward',
  '16',
  '--encoder-layers',
  '1',
  '--decoder-layers',
  '1',
];

export const tinyPhonemes = ['AE', 'AO', 'B', 'D', 'K', 'T'];

export function tinyModel(recipe: Recipe = tinyRecipe): TextModel {
  return createModel(createG2pCodecs(tinyPhonemes), recipe, recipe.seed);
}

export interface Result {
  /** Null if a signal ended it. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface CliOptions {
  /** Sees the output as it grows. */
  readonly watch?: (out: string, kill: (signal: NodeJS.Signals) => void) => void;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Before the application: flags of Node. */
  readonly flags?: readonly string[];
}

export const root = fileURLToPath(new URL('../../..', import.meta.url));
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

/** Starts the application as the scripts of package.json do. */
export const cli = (args: readonly string[], options: CliOptions = {}): Promise<Result> =>
  start(['--conditions=@qkv/source', '--import', 'tsx', ...(options.flags ?? []), main, ...args], options);

/** Starts Node. */
export const start = (command: readonly string[], options: CliOptions = {}): Promise<Result> =>
  execute(process.execPath, command, options);

/** Starts a program, and waits for its end. */
export function execute(program: string, args: readonly string[], options: CliOptions = {}): Promise<Result> {
  const { watch = () => {}, input = '', env = {}, cwd = root } = options;
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env: { ...process.env, FORCE_COLOR: undefined, ...env } });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      watch(out, (signal) => child.kill(signal));
    });
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.on('close', (code) => resolve({ code, out, err }));
    child.stdin.on('error', () => {}); // it may end before it has read everything
    child.stdin.end(input);
  });
}

/** Pairs of words and their letters in the other order. */
export function reversedPairs(count: number, from = 0): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const letters = Array.from(
      { length: 2 + ((i * 7 + from) % 4) },
      (_, k) => 'abcdef'[(i * (k + 3) + (i >> 2) + k * k + from) % 6],
    );
    return `${letters.join('')}\t${letters.toReversed().join('')}\n`;
  });
  return lines.join('');
}

/** One file of the application and our packages, from their sources: it starts in a fraction of the time. Gives its path. */
export async function bundle(): Promise<string> {
  // Inside this package, so that it finds its libraries.
  const outDir = fileURLToPath(new URL(`../node_modules/.qkv-bundle-${process.pid}`, import.meta.url));
  await build({
    config: false,
    silent: true,
    entry: [main],
    format: 'esm',
    platform: 'node',
    target: 'node20',
    outDir,
    splitting: true, // commands load what they need when they run
    noExternal: [/^@qkv\//],
    external: Object.keys(manifest.dependencies).filter((name) => !name.startsWith('@qkv/')),
    esbuildOptions(options) {
      options.conditions = ['@qkv/source'];
    },
  });
  return join(outDir, 'main.js');
}
