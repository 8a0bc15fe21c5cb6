/**
 * Speed of `matmul` on one thread as a share of the multiply-add peak, measured in the same run and interleaved:
 * node --conditions=@qkv/source --import tsx packages/backend-wasm/scripts/bench-gemm.ts [rounds] [fma|nofma]
 */
import asc from 'assemblyscript/asc';

import type { Operand, Plan, Step } from '@qkv/tensor';

import { createWasmBackend } from '../src/index';

const rounds = Number(process.argv[2] ?? 15);
const numerics = (process.argv[3] ?? 'fma') as 'fma' | 'nofma';

/** GFLOP/s of independent multiply-adds that touch no memory: the bound for 128-bit WebAssembly. */
async function peakMeter(): Promise<() => number> {
  const chains = 12;
  const madd = numerics === 'fma' ? 'v128.relaxed_madd<f32>(a, b, C)' : 'f32x4.add(f32x4.mul(a, b), C)';
  const names = Array.from({ length: chains }, (_, i) => `c${i}`);
  const source = `export function peak(n: i32): f32 {
    const a = f32x4.splat(0.999); const b = f32x4.splat(0.998);
    ${names.map((c, i) => `let ${c} = f32x4.splat(${i}.5);`).join(' ')}
    for (let i = 0; i < n; i++) { ${names.map((c) => `${c} = ${madd.replace('C', c)};`).join(' ')} }
    return f32x4.extract_lane(${names.slice(1).reduce((sum, c) => `f32x4.add(${sum}, ${c})`, 'c0')}, 0);
  }`;
  let bytes = new Uint8Array();
  const { error, stderr } = await asc.main(['peak.ts', '--outFile', 'peak.wasm', '-O3', '--runtime', 'stub', '--enable', 'simd', '--enable', 'relaxed-simd'], {
    readFile: (name) => (name === 'peak.ts' ? source : null),
    writeFile: (_, content) => void (bytes = content as Uint8Array<ArrayBuffer>),
    listFiles: () => [],
  });
  if (error) throw new Error(stderr.toString());
  const { instance } = await WebAssembly.instantiate(bytes);
  const peak = instance.exports.peak as (n: number) => number;
  const n = 2_000_000;
  return () => {
    const started = performance.now();
    peak(n);
    return (n * chains * 8) / (performance.now() - started) / 1e6;
  };
}

const backend = await createWasmBackend({ numerics });

interface Case {
  name: string;
  shape: [batch: number, m: number, n: number, k: number];
  /** Runs once; GFLOP/s. */
  run: () => number;
}

function gemm(batch: number, m: number, n: number, k: number, kind: string): Case {
  const operand = (shape: number[], byteOffset: number, transposed: boolean): Operand => {
    const [, r, c] = shape;
    return { slot: 0, byteOffset, shape, strides: transposed ? [r * c, 1, r] : [r * c, c, 1], dtype: 'float32' };
  };
  const sizes = [batch * m * k, batch * k * n, batch * m * n].map((size) => 4 * Math.ceil(size / 16) * 16);
  const a = operand([batch, m, k], 0, kind[0] === 'T');
  const b = operand([batch, k, n], sizes[0], kind[1] === 'T');
  const c = operand([batch, m, n], sizes[0] + sizes[1], false);
  const description = { kernel: 'matmul', inputs: [a, b], outputs: [c], attributes: {} };
  const bytes = backend.capabilities.workspace(description);
  const end = sizes[0] + sizes[1] + sizes[2];
  const step: Step = { ...description, workspace: { slot: 0, byteOffset: end, bytes }, nodes: [] };
  const plan: Plan = { slots: [{ kind: 'arena', bytes: end + bytes }], steps: [step], inputs: [], outputs: [] };
  const arena = backend.allocate(end + bytes);
  const data = Float32Array.from({ length: (sizes[0] + sizes[1]) / 4 }, (_, i) => ((i * 7919) % 1000) / 1000 - 0.5);
  backend.write(arena, 0, new Uint8Array(data.buffer));
  const prepared = backend.prepare(plan);
  const flop = 2 * batch * m * n * k;
  const repeats = Math.max(1, Math.round(4e8 / flop));
  return {
    name: `${kind} ${batch > 1 ? `${batch}×` : ''}${m}×${n}×${k}`,
    shape: [batch, m, n, k],
    run: () => {
      const started = performance.now();
      for (let i = 0; i < repeats; i++) backend.run(prepared, [arena]);
      return (flop * repeats) / (performance.now() - started) / 1e6;
    },
  };
}

const kinds = ['NN', 'NT', 'TN', 'TT'];
const cases: Case[] = [];
for (const [batch, m, n, k] of [
  [1, 256, 256, 256],
  [1, 512, 512, 512],
  [1, 1024, 1024, 1024],
  [1, 4096, 1024, 256],
  [1, 2048, 128, 128],
  [1, 2048, 512, 128],
  [1, 128, 512, 2048],
  [128, 64, 64, 32],
  [128, 64, 32, 64],
  [1, 32, 512, 512],
  [1, 1, 2048, 512],
]) for (const kind of kinds) cases.push(gemm(batch, m, n, k, kind));

const peak = await peakMeter();
const median = (values: number[]): number => values.toSorted((x, y) => x - y)[values.length >> 1];
for (let i = 0; i < 3; i++) {
  peak();
  for (const c of cases) c.run();
}
await new Promise((resolve) => setTimeout(resolve, 500)); // lets the optimising compiler finish
const peaks: number[] = [];
const results = cases.map(() => [] as number[]);
const shares = cases.map(() => [] as number[]);
for (let round = 0; round < rounds; round++) {
  cases.forEach((c, i) => {
    const bound = peak();
    const speed = c.run();
    peaks.push(bound);
    results[i].push(speed);
    shares[i].push(speed / bound);
  });
}
console.log(`node ${process.version}, ${backend.numerics}, peak ${median(peaks).toFixed(1)} GFLOP/s (median of ${peaks.length})`);
cases.forEach(({ name }, i) => {
  console.log(`${name.padEnd(22)} ${median(results[i]).toFixed(1).padStart(6)} GFLOP/s ${(100 * median(shares[i])).toFixed(1).padStart(6)} % of peak`);
});
