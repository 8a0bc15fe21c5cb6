import { afterEach, expect, test } from 'vitest';

import { type Plan, type Step } from '@qkv/tensor';

import { contiguous, sampler } from './testing';
import { containerQuota } from './threads';
import { createWasmBackend, type WasmOptions } from './wasm';
import type { WasmBackend } from './backend';

const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);

function operand(byteOffset: number, shape: number[], dtype: 'float32' | 'int32' = 'float32'): Step['inputs'][number] {
  return { slot: 0, byteOffset, shape, strides: contiguous(shape), dtype };
}

/** C ← A·B again and again, n × n each. */
function products(backend: WasmBackend, n: number, times: number): { plan: Plan; bytes: number; result: number } {
  const size = 4 * n * n;
  const [a, b, c] = [operand(0, [n, n]), operand(size, [n, n]), operand(2 * size, [n, n])];
  const description = { kernel: 'matmul', inputs: [a, b], outputs: [c], attributes: {} };
  const own = backend.capabilities.workspace(description);
  const workspace = { slot: 0, byteOffset: 3 * size, bytes: own };
  const steps = Array.from({ length: times }, (): Step => ({ ...description, workspace, nodes: [] }));
  const bytes = 3 * size + own;
  return { plan: { slots: [{ kind: 'arena', bytes }], steps, inputs: [], outputs: [] }, bytes, result: 2 * size };
}

function prepare(backend: WasmBackend, n: number, times: number): { run: () => Promise<Float32Array> } {
  const { plan, bytes, result } = products(backend, n, times);
  const arena = backend.allocate(bytes);
  const { next } = sampler(7);
  backend.write(arena, 0, new Uint8Array(Float32Array.from({ length: 2 * n * n }, () => next()).buffer));
  const prepared = backend.prepare(plan);
  return {
    async run() {
      await backend.run(prepared, [arena]);
      const [bytes] = await backend.read([{ handle: arena, byteOffset: result, bytes: 4 * n * n }]);
      return floats(bytes);
    },
  };
}

const open: WasmBackend[] = [];
async function create(options: WasmOptions): Promise<WasmBackend> {
  const backend = await createWasmBackend({ inlineBelow: 0, ...options });
  open.push(backend);
  return backend;
}
afterEach(() => open.splice(0).forEach((backend) => backend.close()));

test('1, 2, 3 and 16 threads give the same bits, run after run', async () => {
  const expected = await prepare(await create({ threads: 1 }), 100, 3).run();
  for (const threads of [2, 3, 16]) {
    const backend = await create({ threads });
    expect(backend.threads).toBe(threads);
    const { run } = prepare(backend, 100, 3);
    for (let i = 0; i < 20; i++) expect(await run()).toEqual(expected);
  }
});

test('a run that is small is done by the caller itself, with the same bits', async () => {
  const inline = prepare(await create({ threads: 2, inlineBelow: Infinity }), 50, 2);
  expect(await inline.run()).toEqual(await prepare(await create({ threads: 2 }), 50, 2).run());
});

test('the main thread goes on while workers compute', async () => {
  const { run } = prepare(await create({ threads: 2 }), 400, 40);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await run();
  clearInterval(timer);
  expect(turns).toBeGreaterThan(3);
});

test('an error in any part names the step once, and the next run is not affected', async () => {
  const n = 4000;
  const steps: Step[] = [
    { kernel: 'fill', inputs: [], outputs: [operand(0, [4, 1])], attributes: { value: 5 }, nodes: [] },
    {
      kernel: 'gather',
      inputs: [operand(0, [4, 1]), operand(64, [n], 'int32')],
      outputs: [operand(64 + 4 * n, [n, 1])],
      attributes: {},
      nodes: [],
    },
    { kernel: 'fill', inputs: [], outputs: [operand(0, [4, 1])], attributes: { value: 9 }, nodes: [] },
  ];
  const bytes = 64 + 8 * n;
  const plan: Plan = { slots: [{ kind: 'arena', bytes }], steps, inputs: [], outputs: [] };
  for (const threads of [1, 3]) {
    const backend = await create({ threads });
    const arena = backend.allocate(bytes);
    const prepared = backend.prepare(plan);
    const ids = new Int32Array(n).fill(1);
    for (const wrong of [[17], [n - 1], [17, n - 1], [17, n / 2, n - 1]]) {
      const bad = ids.slice();
      for (const position of wrong) bad[position] = 4;
      backend.write(arena, 64, new Uint8Array(bad.buffer));
      const error = expect.objectContaining({
        name: 'KernelError',
        step: 1,
        message: `gather: id 4 at position ${wrong[0]} is outside 0…3`,
      });
      await expect((async () => backend.run(prepared, [arena]))()).rejects.toThrow(error);
      // Nobody went on to the step behind it.
      const [first] = await backend.read([{ handle: arena, byteOffset: 0, bytes: 16 }]);
      expect([...floats(first)]).toEqual([5, 5, 5, 5]);
      backend.write(arena, 64, new Uint8Array(ids.buffer));
      await backend.run(prepared, [arena]);
    }
  }
});

test('failures and successes in turn, hundreds of times, never disturb each other', async () => {
  const backend = await create({ threads: 4 });
  const [table, ids, rows] = [operand(0, [4, 1]), operand(64, [16], 'int32'), operand(128, [16, 1])];
  const gather: Step = { kernel: 'gather', inputs: [table, ids], outputs: [rows], attributes: {}, nodes: [] };
  const fill: Step = { kernel: 'fill', inputs: [], outputs: [operand(192, [64])], attributes: { value: 1 }, nodes: [] };
  const plan = {
    slots: [{ kind: 'arena' as const, bytes: 448 }],
    steps: [fill, gather, fill, fill],
    inputs: [],
    outputs: [],
  };
  const prepared = backend.prepare(plan);
  const arena = backend.allocate(448);
  for (let i = 0; i < 300; i++) {
    backend.write(arena, 64, new Uint8Array(Int32Array.from({ length: 16 }, (_, n) => (n === i % 16 ? 4 : 0)).buffer));
    await expect((async () => backend.run(prepared, [arena]))()).rejects.toThrow(`at position ${i % 16} is outside`);
    backend.write(arena, 64, new Uint8Array(64));
    await backend.run(prepared, [arena]);
  }
});

interface Worker {
  terminate(): Promise<number>;
}
/** All workers that are started from now on, until `restore`. */
function watchWorkers(): { workers: Worker[]; restore: () => void } {
  const workers: Worker[] = [];
  const { process } = globalThis as unknown as {
    process: { getBuiltinModule(name: string): { Worker: new (...args: never[]) => Worker } };
  };
  const threads = process.getBuiltinModule('node:worker_threads');
  const { Worker } = threads;
  threads.Worker = class extends Worker {
    constructor(...args: never[]) {
      super(...args);
      workers.push(this);
    }
  };
  return { workers, restore: () => void (threads.Worker = Worker) };
}

const inNode = (globalThis as { process?: { getBuiltinModule?: unknown } }).process?.getBuiltinModule !== undefined;

test.runIf(inNode).each([0, 1, 2])(
  'a worker (%i) that is killed in the middle of a run is an error, never a hang',
  async (victim) => {
    const { workers, restore } = watchWorkers();
    const backend = await create({ threads: 3 });
    restore();
    const { run } = prepare(backend, 400, 200);
    const running = run();
    setTimeout(() => void workers[victim].terminate(), 5);
    await expect(running).rejects.toThrow(`worker ${victim} of the wasm backend is lost`);
    await expect(run()).rejects.toThrow(`worker ${victim} of the wasm backend is lost`);
    expect((await backend.lost).message).toMatch('is lost');
  },
);

test('a worker that traps is an error, and its message is told', async () => {
  const backend = await create({ threads: 2, maximumMemory: 2 ** 22 });
  const { plan } = products(backend, 64, 1);
  await expect((async () => backend.run(backend.prepare(plan), [2 ** 32 - 64]))()).rejects.toThrow(
    /worker \d of the wasm backend is lost: memory access out of bounds/,
  );
});

test('closing ends what runs', async () => {
  const backend = await create({ threads: 2 });
  const running = prepare(backend, 400, 200).run();
  backend.close();
  await expect(running).rejects.toThrow('the wasm backend is closed');
});

test('a second run before the first is done is refused', async () => {
  const backend = await create({ threads: 2 });
  const { run } = prepare(backend, 100, 3);
  const first = run();
  await expect(run()).rejects.toThrow('one thing at a time');
  await first;
});

test('memory that runs out is an error with threads too', async () => {
  const backend = await create({ threads: 2, maximumMemory: 2 ** 21 });
  expect(() => backend.allocate(2 ** 21)).toThrow('cannot allocate 2097152 bytes');
  expect((await prepare(backend, 64, 1).run()).length).toBe(64 * 64);
});

test('what runs can be profiled, step by step', async () => {
  for (const threads of [1, 2]) {
    const backend = await create({ threads });
    const { plan, bytes } = products(backend, 200, 4);
    const { milliseconds, peak } = await backend.profile(backend.prepare(plan), [backend.allocate(bytes)]);
    expect(milliseconds.length).toBe(4);
    expect(peak).toBeGreaterThan(1);
    expect(milliseconds.every((ms) => ms >= 0)).toBe(true);
    expect(milliseconds[0]).toBeGreaterThan(0);
  }
});

test.each([0, 65, 1.5, NaN])('%f threads are refused', async (threads) => {
  await expect(createWasmBackend({ threads })).rejects.toThrow(
    `threads must be an integer from 1 to 64, got ${threads}`,
  );
});

test('a time that is none is refused', async () => {
  for (const inlineBelow of [-1, NaN])
    await expect(createWasmBackend({ inlineBelow })).rejects.toThrow(
      `inlineBelow is a time in microseconds, got ${inlineBelow}`,
    );
});

test('quotas of containers', () => {
  const files = (table: Record<string, string>) => (path: string) => table[path] ?? '';
  expect(containerQuota(files({}))).toBe(Infinity);
  expect(containerQuota(files({ '/sys/fs/cgroup/cpu.max': 'max 100000\n' }))).toBe(Infinity);
  expect(containerQuota(files({ '/sys/fs/cgroup/cpu.max': '150000 100000\n' }))).toBe(1.5);
  const old = '/sys/fs/cgroup/cpu/cpu.cfs_';
  expect(containerQuota(files({ [`${old}quota_us`]: '400000\n', [`${old}period_us`]: '100000\n' }))).toBe(4);
  expect(containerQuota(files({ [`${old}quota_us`]: '-1\n', [`${old}period_us`]: '100000\n' }))).toBe(Infinity);
});
