import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';

import { build, type Plugin } from 'esbuild';

import { reasonOf } from '../channel';
import { encodeModel } from '../onnx/encoder.mjs';
import { gemmGraph } from '../onnx/models.mjs';
import type { Facts, Settings, Subject } from '../subject';

/** A program that multiplies [[1, 2], [3, 4]] by itself, and `result`. */
interface StartProgram {
  /** For a page: what is bundled. */
  readonly page?: string;
  /** For Node, from its package; the bundle itself where this is missing. */
  readonly node?: string;
  /** Files that a page loads beside the bundle. */
  readonly wasm?: readonly string[];
}

const SAY =
  'if (Math.abs(result[3] - 22) > 1e-3) throw new Error(`wrong product ${result}`); console.log(performance.now());';

const jax = `
import { defaultDevice, init, numpy as np } from '@jax-js/jax';
if (!('navigator' in globalThis)) Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'node' } });
await init('wasm');
defaultDevice('wasm');
const a = np.array([[1, 2], [3, 4]]);
const result = await np.matmul(a.ref, a).data();
${SAY}`;

const tfjs = (paths: string): string => `
import * as tf from '@tensorflow/tfjs-core';
import * as wasm from '@tensorflow/tfjs-backend-wasm';
${paths}
await tf.setBackend('wasm');
const a = tf.tensor2d([[1, 2], [3, 4]]);
const result = tf.matMul(a, a).dataSync();
${SAY}`;

const square = { name: '', flops: 0, bytes: 0, calls: 1, M: 2, N: 2, K: 2, layout: 'NN' };
const onnxruntime = (name: string): string => `
import * as ort from '${name}';
const { InferenceSession, Tensor } = ort.InferenceSession ? ort : ort.default;
const model = Uint8Array.from(atob('${Buffer.from(encodeModel(gemmGraph(square))).toString('base64')}'), (c) => c.charCodeAt(0));
const session = await InferenceSession.create(model);
const a = new Tensor('float32', Float32Array.of(1, 2, 3, 4), [2, 2]);
const result = (await session.run({ a, b: a })).c.data;
${SAY}`;

const PROGRAMS: Readonly<Record<string, StartProgram>> = {
  qkv: {
    page: `
import { useWasm } from '@qkv/backend-wasm';
import { tensor } from '@qkv/tensor';
await useWasm();
const a = tensor([[1, 2], [3, 4]]);
const result = await a.matmul(a).data();
${SAY}`,
  },
  'jax-js': { page: jax, node: jax },
  tfjs: {
    page: tfjs(''),
    node: tfjs(`import { createRequire } from 'node:module';
wasm.setWasmPaths(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm').replace(/[^/]*$/, ''));`),
    wasm: ['@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm'],
  },
  'onnxruntime-web': {
    page: onnxruntime('onnxruntime-web/wasm'),
    node: onnxruntime('onnxruntime-web'),
    wasm: ['onnxruntime-web/dist/ort-wasm-simd-threaded.wasm'],
  },
  'onnxruntime-node': { node: onnxruntime('onnxruntime-node') },
  node: { node: 'console.log(performance.now());' },
};

/** A page that runs it loads one variant of our kernels. */
const UNUSED = 'kernels-nofma';

/**
 * Our packages say `sideEffects: false`, which is meant for what npm gives out: one file each, which is taken whole or not at
 * all. Here they are many files, of which those that only register something must not be dropped.
 */
const sources: Plugin = {
  name: 'sources',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^(@qkv\/|\.)/ }, async ({ path, pluginData, resolveDir, kind, importer }) => {
      if (pluginData === 'resolving') return undefined;
      const found = await resolve(path, { resolveDir, kind, importer, pluginData: 'resolving' });
      return found.path.includes(`${sep}packages${sep}`) ? { ...found, sideEffects: true } : undefined;
    });
  },
};

/** Bundles for a page, minified; writes the files and gives the path of the first, and the bytes that are loaded. */
async function bundle(program: string, folder: string, resolveDir: string): Promise<{ path: string; facts: Facts }> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: program, resolveDir, sourcefile: 'program.js' },
    outdir: folder,
    entryNames: 'page',
    bundle: true,
    minify: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    conditions: ['@qkv/source'],
    plugins: [sources],
    outExtension: { '.js': '.mjs' },
    metafile: true,
    write: false,
    absWorkingDir: folder,
    logLevel: 'silent',
  });
  const unused = Object.entries(metafile.outputs)
    .filter(([, { inputs }]) => Object.keys(inputs).some((input) => input.includes(UNUSED)))
    .map(([output]) => join(folder, output));
  for (const { path, contents } of outputFiles) writeFileSync(path, contents);
  const loaded = outputFiles.filter(({ path }) => !unused.includes(path));
  const bytes = loaded.reduce((sum, { contents }) => sum + contents.length, 0);
  const gzip = loaded.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0);
  return { path: join(folder, 'page.mjs'), facts: { 'script bytes': bytes, 'script gzip': gzip } };
}

/** Milliseconds from spawn to exit, and to the first result by the program's own clock, which begins with the process. */
function runOnce(path: string): Promise<{ ms: number; first: number }> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, errors] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      const ms = performance.now() - started;
      const first = Number(out.trim().split('\n').at(-1));
      if (code === 0 && first > 0) resolve({ ms, first });
      else reject(new Error(reasonOf(errors, code, null)));
    });
  });
}

/** How long a program takes to its first product, and what a page would load for it. */
export async function create({ program, home, version }: Settings): Promise<Subject> {
  const name = String(program);
  const { page, node, wasm = [] } = PROGRAMS[name];
  const here = fileURLToPath(new URL('../..', import.meta.url));
  // Beside the peer's packages, from where they resolve; never cleared, and ignored by git.
  const folder = home === undefined ? join(here, '.peers', name) : dirname(String(home));
  mkdirSync(folder, { recursive: true });
  const facts: Facts =
    version === undefined ? {} : { about: `version ${version}, from its package; bytes: of its bundle` };
  let path = join(folder, 'start.mjs');
  if (page !== undefined) {
    try {
      const bundled = await bundle(page, folder, home === undefined ? here : folder);
      Object.assign(facts, bundled.facts);
      if (node === undefined) path = bundled.path;
    } catch (error) {
      facts['failed: bundle'] = (error as Error).message.split('\n').slice(0, 2).join(' ');
    }
  }
  if (node !== undefined) writeFileSync(path, node);
  if (wasm.length > 0) {
    const { resolve } = createRequire(pathToFileURL(join(folder, 'package.json')));
    const root = join(
      dirname(
        resolve(
          `${wasm[0]
            .split('/')
            .slice(0, wasm[0].startsWith('@') ? 2 : 1)
            .join('/')}`,
        ),
      ),
      '..',
    );
    const files = wasm.map((file) => readFileSync(join(root, 'dist', file.split('/').at(-1)!)));
    facts['wasm bytes'] = files.reduce((sum, file) => sum + file.length, 0);
    facts['wasm gzip'] = files.reduce((sum, file) => sum + gzipSync(file, { level: 9 }).length, 0);
  }
  await runOnce(path); // fills the file system's cache, and shows whether it works
  return {
    facts,
    async round() {
      const { ms, first } = await runOnce(path);
      return { 'start ms': [ms], 'first result ms': [first] };
    },
  };
}
