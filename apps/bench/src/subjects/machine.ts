import { Worker } from 'node:worker_threads';

import { settle } from '../clock';
import { createMeteredEngine } from '../engine';
import { createCopyMeter, createPeakMeter, peakModule } from '../peak';
import type { Series, Settings, Subject } from '../subject';

/** Some 30 ms, beside which the messages weigh nothing. */
const TURNS = 24_000_000;

/** GFLOP/s of multiply-adds on several threads at once. */
async function createParallelMeter(numerics: string, threads: number): Promise<() => Promise<number>> {
  const { module, flopsPerTurn } = await peakModule(numerics);
  const program = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { exports } = new WebAssembly.Instance(workerData);
    parentPort.on('message', (turns) => parentPort.postMessage(exports.peak(turns)));`;
  const workers = Array.from({ length: threads }, () => new Worker(program, { eval: true, workerData: module }));
  const run = (turns: number): Promise<unknown> =>
    Promise.all(
      workers.map((worker) => {
        worker.postMessage(turns);
        return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      }),
    );
  await run(TURNS);
  return async () => {
    const started = performance.now();
    await run(TURNS);
    return (TURNS * flopsPerTurn * threads) / (performance.now() - started) / 1e6;
  };
}

/** Peaks of arithmetic and of memory, beside which the other cases are to be read. */
export async function create({ cores }: Settings): Promise<Subject> {
  const { backend } = await createMeteredEngine({ threads: 1 }); // switches on the SIMD that the engine uses
  const { numerics } = backend;
  const one = await createPeakMeter(numerics);
  const all = await createParallelMeter(numerics, Number(cores));
  const [small, large] = [8, 256].map((mebibytes) => createCopyMeter(mebibytes * 2 ** 20));
  await settle(one, 0.5);
  small();
  large();
  return {
    facts: { numerics },
    async round(): Promise<Series> {
      return {
        [`128-bit arithmetic (${numerics}), 1 core GFLOP/s`]: [one()],
        [`the same, ${cores} cores GFLOP/s`]: [await all()],
        'copying 8 MiB GB/s': [small()],
        'copying 256 MiB GB/s': [large()],
      };
    },
  };
}
