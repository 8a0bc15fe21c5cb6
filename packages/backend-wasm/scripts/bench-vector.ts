/**
 * Speed of the vector kernels on one thread: billions of elements a second, and GB/s of operands read and written; of
 * processor time, so that a busy machine disturbs less.
 * node --conditions=@qkv/source --import tsx packages/backend-wasm/scripts/bench-vector.ts [filter] [fma|nofma]
 */
import type { Step } from '@qkv/tensor';

import { createWasmBackend } from '../src/wasm';

type Operand = Step['inputs'][number];
type Spec = {
  shape: number[];
  dtype?: Operand['dtype'];
  strides?: number[];
  inPlaceOf?: number;
  data?: ArrayLike<number>;
};

const filter = process.argv[2] ?? '';
const backend = await createWasmBackend({ numerics: (process.argv[3] ?? 'fma') as 'fma' | 'nofma' });

function elements(spec: Spec): number {
  const strides = spec.strides ?? contiguous(spec.shape);
  return spec.shape.reduce((last, n, d) => last + (n - 1) * strides[d], 1);
}

function contiguous(shape: number[]): number[] {
  return shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));
}

function bench(
  name: string,
  kernel: string,
  inputs: Spec[],
  outputs: Spec[],
  attributes: Step['attributes'] = {},
): void {
  if (!name.includes(filter)) return;
  let end = 0;
  const bases: number[] = [];
  const operand = (spec: Spec): Operand => {
    const byteOffset = spec.inPlaceOf === undefined ? end : bases[spec.inPlaceOf];
    if (spec.inPlaceOf === undefined) end += Math.ceil((4 * elements(spec)) / 64) * 64 + 64;
    bases.push(byteOffset);
    return {
      slot: 0,
      byteOffset,
      shape: spec.shape,
      strides: spec.strides ?? contiguous(spec.shape),
      dtype: spec.dtype ?? 'float32',
    };
  };
  const places = inputs.map(operand);
  const targets = outputs.map(operand);
  const bytes = backend.capabilities.workspace({ kernel, inputs: places, outputs: targets, attributes });
  const size = end + bytes + 64;
  const step: Step = {
    kernel,
    inputs: places,
    outputs: targets,
    attributes,
    workspace: { slot: 0, byteOffset: end, bytes },
    nodes: [],
  };
  const prepared = backend.prepare({ slots: [{ kind: 'arena', bytes: size }], steps: [step], inputs: [], outputs: [] });
  const arena = backend.allocate(size);
  inputs.forEach((spec, i) => {
    const length = elements(spec);
    const data = spec.dtype === undefined ? new Float32Array(length) : new Int32Array(length);
    for (let e = 0; e < length; e++)
      data[e] = spec.data ? spec.data[e % spec.data.length] : ((e * 7919) % 2003) / 500 - 2;
    backend.write(arena, places[i].byteOffset, new Uint8Array(data.buffer));
  });
  const time = (times: number): number => {
    const started = process.cpuUsage();
    for (let i = 0; i < times; i++) void backend.run(prepared, [arena]);
    return process.cpuUsage(started).user / 1000 / times;
  };
  for (let i = 0; i < 20; i++) time(5); // let V8 reach its optimising tier
  const times = Math.max(1, Math.ceil(10 / Math.max(time(20), 0.001)));
  const best = Math.min(...Array.from({ length: 15 }, () => time(times)));
  const n = Math.max(...[...inputs, ...outputs].map(elements));
  const total = [...inputs, ...outputs].reduce((sum, spec) => sum + 4 * elements(spec), 0);
  console.log(
    `${name.padEnd(34)} ${(n / best / 1e6).toFixed(3).padStart(8)} G/s ${(total / best / 1e6).toFixed(1).padStart(8)} GB/s`,
  );
  prepared.release();
  backend.free(arena);
}

const N = 1 << 16; // 256 KiB: second-level cache
const LARGE = 1 << 23; // 32 MiB: memory
for (const op of ['exp', 'log', 'sin', 'tanh', 'erf', 'gelu', 'geluTanh', 'silu', 'sigmoid', 'neg', 'sqrt']) {
  bench(op, 'elementwise', [{ shape: [N] }], [{ shape: [N] }], {
    program: { inputs: 1, instructions: [{ op, args: [0], dtype: 'float32' }], results: [1] },
  });
}
for (const op of ['add', 'mul', 'div', 'maximum', 'pow', 'geluBackward']) {
  const program = { inputs: 2, instructions: [{ op, args: [0, 1], dtype: 'float32' as const }], results: [2] };
  bench(op, 'elementwise', [{ shape: [N] }, { shape: [N] }], [{ shape: [N] }], { program });
  if (op === 'add') {
    bench('add, 32 MiB', 'elementwise', [{ shape: [LARGE] }, { shape: [LARGE] }], [{ shape: [LARGE] }], { program });
    bench(
      'add, row broadcast',
      'elementwise',
      [{ shape: [512, 128] }, { shape: [512, 128], strides: [0, 1] }],
      [{ shape: [512, 128] }],
      { program },
    );
    bench(
      'add, column broadcast',
      'elementwise',
      [{ shape: [512, 128] }, { shape: [512, 128], strides: [1, 0] }],
      [{ shape: [512, 128] }],
      { program },
    );
    bench(
      'add, transposed',
      'elementwise',
      [{ shape: [512, 128] }, { shape: [512, 128], strides: [1, 512] }],
      [{ shape: [512, 128] }],
      { program },
    );
  }
}
const chain = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => ({
  op: i % 2 ? 'add' : 'mul',
  args: [2 + i - (i === 0 ? 2 : 1), 1],
  dtype: 'float32' as const,
}));
bench('8 × mul/add', 'elementwise', [{ shape: [N] }, { shape: [N] }], [{ shape: [N] }], {
  program: { inputs: 2, instructions: chain, results: [9] },
});

for (const [rows, columns] of [
  [2048, 128],
  [256, 1024],
  [65536, 128],
]) {
  const x = { shape: [rows, columns] };
  const row = { shape: [rows] };
  const column = { shape: [columns] };
  const size = `${rows}×${columns}`;
  bench(`reduce sum rows ${size}`, 'reduce', [x], [row], { op: 'sum', axes: 1 });
  bench(`reduce sum columns ${size}`, 'reduce', [{ shape: [columns, rows], strides: [1, columns] }], [column], {
    op: 'sum',
    axes: 1,
  });
  bench(`reduce max rows ${size}`, 'reduce', [x], [row], { op: 'max', axes: 1 });
  bench(`softmax ${size}`, 'softmax', [x], [x]);
  bench(`softmaxBackward ${size}`, 'softmaxBackward', [x, x], [x]);
  bench(`logSoftmax ${size}`, 'logSoftmax', [x], [x]);
  bench(`layerNorm ${size}`, 'layerNorm', [x, column, column], [x, row, row], { epsilon: 1e-5 });
  bench(`layerNormBackward ${size}`, 'layerNormBackward', [x, column, row, row, x], [x, column, column], {
    epsilon: 1e-5,
  });
  bench(`rmsNorm ${size}`, 'rmsNorm', [x, column], [x, row], { epsilon: 1e-5 });
  bench(`rmsNormBackward ${size}`, 'rmsNormBackward', [x, column, row, x], [x, column], { epsilon: 1e-5 });
  const ids = { ...row, dtype: 'int32' as const, data: [1, 5, 7] };
  bench(`crossEntropy ${size}`, 'crossEntropy', [x, ids], [row, row], { smoothing: 0.1, ignoreIndex: -100 });
  bench(`crossEntropyBackward ${size}`, 'crossEntropyBackward', [x, ids, row, row], [x], {
    smoothing: 0.1,
    ignoreIndex: -100,
  });
  bench(`argMax ${size}`, 'argMax', [x], [{ ...row, dtype: 'int32' }]);
}
for (const n of [N, LARGE]) {
  const x = { shape: [n] };
  const one = { shape: [], data: [1] };
  const state = { shape: [4], dtype: 'int32' as const };
  const adam = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, decoupled: true };
  const places = [0, 2, 3].map((inPlaceOf) => ({ ...x, inPlaceOf }));
  bench(`adamW ${n}`, 'adamW', [x, x, x, { ...x, data: [1] }, one, one, one, one], places, adam);
  bench(`dropout ${n}`, 'dropout', [x, state], [x], { rate: 0.1, site: 7 });
  bench(`random ${n}`, 'random', [state], [{ shape: [n], dtype: 'int32' }], { site: 7 });
}
backend.close();
