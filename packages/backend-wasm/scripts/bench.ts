/**
 * Speed of single kernels on one thread as a share of the multiply-add peak, measured in the same run and interleaved:
 * node --conditions=@qkv/source --import tsx packages/backend-wasm/scripts/bench.ts [gemm|attention] [rounds] [fma|nofma]
 */
import asc from 'assemblyscript/asc';

import type { Plan, Step, TensorSpec } from '@qkv/tensor';

import type { Operand } from '../src/encoder';
import { createWasmBackend } from '../src/index';

const kind = process.argv[2] ?? 'gemm';
const rounds = Number(process.argv[3] ?? 15);
const numerics = (process.argv[4] ?? 'fma') as 'fma' | 'nofma';

/** GFLOP/s of independent multiply-adds that touch no memory: the bound for 128-bit WebAssembly. */
async function peakMeter(): Promise<() => number> {
  const chains = 12;
  const madd = numerics === 'fma' ? 'v128.relaxed_madd<f32>(a, b, C)' : 'f32x4.add(f32x4.mul(a, b), C)';
  const names = Array.from({ length: chains }, (_, i) => `c${i}`);
  const source = `export function peak(n: i32, x: f32, y: f32): f32 {
    const a = f32x4.splat(x); const b = f32x4.splat(y);
    ${names.map((c, i) => `let ${c} = f32x4.splat(${i}.5);`).join(' ')}
    for (let i = 0; i < n; i++) { ${names.map((c) => `${c} = ${madd.replace('C', c)};`).join(' ')} }
    return f32x4.extract_lane(${names.slice(1).reduce((sum, c) => `f32x4.add(${sum}, ${c})`, 'c0')}, 0);
  }`;
  let bytes = new Uint8Array();
  const { error, stderr } = await asc.main(
    ['peak.ts', '--outFile', 'peak.wasm', '-O3', '--runtime', 'stub', '--enable', 'simd', '--enable', 'relaxed-simd'],
    {
      readFile: (name) => (name === 'peak.ts' ? source : null),
      writeFile: (_, content) => void (bytes = content as Uint8Array<ArrayBuffer>),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(stderr.toString());
  const { instance } = await WebAssembly.instantiate(bytes);
  const peak = instance.exports.peak as (n: number, x: number, y: number) => number;
  const n = 200_000;
  const calls = 10; // a function is replaced by its optimised version only when it is called again
  return () => {
    const started = performance.now();
    for (let i = 0; i < calls; i++) peak(n, 0.999, 0.998);
    return (calls * n * chains * 8) / (performance.now() - started) / 1e6;
  };
}

const backend = await createWasmBackend({ numerics });

interface Case {
  name: string;
  /** Runs for about 10 ms; GFLOP/s. */
  run: () => number;
}

type Layout = TensorSpec & { strides?: readonly number[] };

function contiguous(shape: readonly number[]): number[] {
  return shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));
}

/** One step alone, on an arena of numbers in [−½, ½). */
function kernel(
  name: string,
  flop: number,
  kernelName: string,
  inputs: Layout[],
  outputs: Layout[],
  attributes: Step['attributes'],
): Case {
  let end = 0;
  const place = (layout: Layout): Operand => {
    const byteOffset = end;
    end += 64 * Math.ceil(layout.shape.reduce((a, b) => a * b, 1) / 16);
    return { slot: 0, byteOffset, strides: contiguous(layout.shape), ...layout };
  };
  const description = { kernel: kernelName, inputs: inputs.map(place), outputs: outputs.map(place), attributes };
  const bytes = backend.capabilities.workspace(description);
  const step: Step = { ...description, workspace: { slot: 0, byteOffset: end, bytes }, nodes: [] };
  const plan: Plan = { slots: [{ kind: 'arena', bytes: end + bytes }], steps: [step], inputs: [], outputs: [] };
  const arena = backend.allocate(end + bytes);
  const data = Float32Array.from({ length: end / 4 }, (_, i) => ((i * 7919) % 1000) / 1000 - 0.5);
  backend.write(arena, 0, new Uint8Array(data.buffer));
  const prepared = backend.prepare(plan);
  const repeats = Math.max(1, Math.round(4e8 / flop));
  return {
    name,
    run: () => {
      const started = performance.now();
      for (let i = 0; i < repeats; i++) backend.run(prepared, [arena]);
      return (flop * repeats) / (performance.now() - started) / 1e6;
    },
  };
}

function gemm(batch: number, m: number, n: number, k: number, layouts: string): Case {
  const operand = (shape: number[], transposed: boolean): Layout => {
    const [, r, c] = shape;
    return { shape, strides: transposed ? [r * c, 1, r] : [r * c, c, 1], dtype: 'float32' };
  };
  const inputs = [operand([batch, m, k], layouts[0] === 'T'), operand([batch, k, n], layouts[1] === 'T')];
  const name = `${layouts} ${batch > 1 ? `${batch}×` : ''}${m}×${n}×${k}`;
  return kernel(name, 2 * batch * m * n * k, 'matmul', inputs, [operand([batch, m, n], false)], {});
}

function attention(B: number, T: number, S: number, H: number, Dh: number, causal: boolean): Case[] {
  const tensor = (...shape: number[]): Layout => ({ shape, dtype: 'float32' });
  const [q, k, o, lse] = [tensor(B, T, H, Dh), tensor(B, S, H, Dh), tensor(B, T, H, Dh), tensor(B, H, T)];
  const attributes = { scale: Dh ** -0.5, causal, mask: false };
  const name = `B=${B} T=${T} S=${S} H=${H} Dh=${Dh}${causal ? ' causal' : ''}`;
  const products = 2 * B * H * T * S * Dh * (causal ? 0.5 : 1);
  return [
    kernel(`forward  ${name}`, 2 * products, 'attention', [q, k, k], [o, lse], attributes),
    kernel(`backward ${name}`, 5 * products, 'attentionBackward', [q, k, k, o, lse, o], [q, k, k], attributes),
  ];
}

const shapes = [
  [1, 256, 256, 256],
  [1, 512, 512, 512],
  [1, 1024, 1024, 1024],
  [1, 4096, 1024, 256],
  [1, 2048, 128, 128],
  [1, 2048, 512, 128],
  [1, 2048, 128, 512],
  [1, 128, 512, 2048],
  [1, 128, 128, 2048],
  [1, 512, 128, 2048],
  [128, 64, 64, 32],
  [1, 32, 512, 512],
  [1, 1, 2048, 512],
] as const;
const cases =
  kind === 'gemm'
    ? shapes.flatMap(([batch, m, n, k]) => ['NN', 'NT', 'TN', 'TT'].map((layouts) => gemm(batch, m, n, k, layouts)))
    : [
        ...attention(32, 64, 64, 4, 32, false),
        ...attention(32, 64, 64, 4, 32, true),
        ...attention(32, 65, 65, 3, 64, false),
        ...attention(4, 512, 512, 4, 32, false),
        ...attention(1, 2048, 2048, 4, 32, true),
        ...attention(32, 1, 128, 4, 32, false),
      ];

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
console.log(
  `node ${process.version}, ${backend.numerics}, peak ${median(peaks).toFixed(1)} GFLOP/s (median of ${peaks.length})`,
);
cases.forEach(({ name }, i) => {
  console.log(
    `${name.padEnd(46)} ${median(results[i]).toFixed(1).padStart(6)} GFLOP/s ${(100 * median(shares[i])).toFixed(1).padStart(6)} % of peak`,
  );
});
