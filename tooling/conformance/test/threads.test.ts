/** Threads where they have a hard time. Whatever happens, the answer is the right one or an error, and never a hang. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

import { Encoder } from '@qkv/attention';
import { grad } from '@qkv/autograd';
import { createWasmBackend } from '@qkv/backend-wasm';
import { crossEntropy, initialize, Linear, Module } from '@qkv/nn';
import { AdamW } from '@qkv/optim';
import { compile, Engine, read, tensor, type Tensor } from '@qkv/tensor';
import { afterEach, expect, test } from 'vitest';

const [B, T, D, C] = [4, 24, 32, 5];

class Classifier extends Module {
  readonly encoder = new Encoder({ dimension: D, heads: 4, feedForward: 64, layers: 2, activation: 'gelu', dropout: 0.1 });
  readonly head = new Linear({ inputs: D, outputs: C });

  override forward(x: Tensor): Tensor {
    return this.head.forward(this.encoder.forward(x).mean(1)); // (B, C)
  }
}

/** All weights after some steps, as one text. */
async function train(engine: Engine, steps = 12): Promise<string> {
  const model = new Classifier();
  initialize(model, { seed: 5 });
  const parameters = model.parameters();
  const optimizer = new AdamW(parameters, { learningRate: 1e-2, clipNorm: 1 });
  const step = compile(
    (x: Tensor, labels: Tensor) => {
      const loss = crossEntropy(model.forward(x), labels).mean();
      optimizer.apply(grad(loss, parameters));
      return loss;
    },
    { mode: 'train', seed: 3, engine },
  );
  for (let i = 0; i < steps; i++) {
    const x = Float32Array.from({ length: B * T * D }, (_, j) => Math.sin(i + 7 * j));
    await step(tensor(x, [B, T, D]), tensor(Int32Array.from({ length: B }, (_, j) => (i + j) % C)));
  }
  const weights = await read(parameters.map((parameter) => parameter.value), { engine });
  return JSON.stringify(weights.map((values) => [...values]));
}

const engines: Engine[] = [];
async function engineWith(threads: number, maximumMemory?: number): Promise<Engine> {
  const engine = new Engine(await createWasmBackend({ threads, inlineBelow: 0, maximumMemory }));
  engines.push(engine);
  return engine;
}
const others: ChildProcess[] = [];
afterEach(async () => {
  for (const other of others.splice(0)) other.kill('SIGKILL');
  await Promise.all(engines.splice(0).map((engine) => engine.close()));
});

test('a training run has the same weights with 1, 2 and 16 threads', async () => {
  const expected = await train(await engineWith(1));
  expect(await train(await engineWith(2))).toBe(expected);
  expect(await train(await engineWith(16))).toBe(expected);
}, 60_000);

test('and while other processes use all cores', async () => {
  const expected = await train(await engineWith(1));
  for (let i = 0; i < 2 * availableParallelism(); i++) others.push(spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
  expect(await train(await engineWith(2))).toBe(expected);
  expect(others.every(({ exitCode }) => exitCode === null)).toBe(true); // they were there all the time
}, 60_000);

test('memory that runs out names the tensor, and what fits goes on', async () => {
  const engine = await engineWith(2, 2 ** 24);
  const square = compile((x: Tensor) => x.matmul(x).exp().matmul(x), { engine });
  const big = tensor(new Float32Array(2048 * 2048).fill(1e-4), [2048, 2048]);
  await expect((async () => square(big))()).rejects.toThrow(/^out of memory: the arena of this plan needs .* its largest tensor is \[2048, 2048\] \(16\.0 MB\) of matmul/);
  const small = await square(tensor(new Float32Array(64 * 64).fill(0.01), [64, 64]));
  expect((await small.data())[0]).toBeCloseTo(64 * 0.01 * Math.exp(64 * 1e-4), 5);
}, 60_000);

test('several engines share the cores', async () => {
  const [first, second, alone] = [await engineWith(2), await engineWith(2), await engineWith(1)];
  const [a, b] = await Promise.all([train(first), train(second)]);
  expect(a).toBe(b);
  expect(a).toBe(await train(alone));
}, 60_000);

test('workers see a memory that has grown, also where the host checks bounds itself', () => {
  const flags = ['--disable-wasm-trap-handler', '--conditions=@qkv/source', '--import', 'tsx'];
  const script = fileURLToPath(new URL('fixtures/grow.ts', import.meta.url));
  const cwd = fileURLToPath(new URL('../../..', import.meta.url));
  const env = { ...process.env, NODE_OPTIONS: '' };
  const text = execFileSync(process.execPath, [...flags, script], { cwd, env, encoding: 'utf8', timeout: 60_000 });
  expect(text.trim()).toBe('1 4 9 16');
}, 70_000);
