import { createWasmBackend } from '@qkv/backend-wasm';
import { type Compiled, compile, Engine, randomUniform, type Tensor, Variable } from '@qkv/tensor';

import { settle, timed } from '../clock';
import { MeteredBackend } from '../metered-backend';
import { createPeakMeter } from '../peak';
import type { Series, Subject } from '../subject';

/** M, N, K of (M, K) × (K, N). */
export const SHAPES = [
  [256, 256, 256],
  [512, 512, 512],
  [1024, 1024, 1024],
  [4096, 1024, 256],
] as const;
/** T: the operand is stored transposed, and used through `.transpose()`. */
export const LAYOUTS = ['NN', 'NT', 'TN', 'TT'] as const;

const variable = (rows: number, columns: number, name: string): Variable =>
  new Variable({ shape: [rows, columns], name, initialize: () => randomUniform([rows, columns], -0.5, 0.5) });

/** Calls of each case in a round. */
const CALLS = 2;

/** A compiled call with enough products for some milliseconds, so that the call itself weighs little. */
function products(
  engine: Engine,
  [M, N, K]: (typeof SHAPES)[number],
  layout: (typeof LAYOUTS)[number],
): { call: Compiled<[], void>; flops: number } {
  const [first, second] = layout;
  const count = Math.max(1, Math.round(3e8 / (2 * M * N * K)));
  const stored = (name: string, rows: number, columns: number, letter: string): (() => Tensor) => {
    const operand = letter === 'T' ? variable(columns, rows, name) : variable(rows, columns, name);
    return () => (letter === 'T' ? operand.value.transpose() : operand.value);
  };
  // Each product has a left side of its own: equal ones would be computed once.
  const a = Array.from({ length: count }, (_, i) => stored(`a${i}`, M, K, first));
  const b = stored('b', K, N, second);
  const c = Array.from({ length: count }, (_, i) => variable(M, N, `c${i}`));
  const call = compile(() => c.forEach((result, i) => result.assign(a[i]().matmul(b()))), { engine });
  return { call, flops: 2 * M * N * K * count };
}

/** Matrix products of Variables through the public interface; results stay on the device. */
export async function create(): Promise<Subject> {
  const backend = new MeteredBackend(await createWasmBackend());
  const engine = new Engine(backend);
  const peak = await createPeakMeter(backend.numerics);
  const cases = SHAPES.flatMap((shape) =>
    LAYOUTS.map((layout) => ({ name: `${layout} ${shape.join('×')}`, ...products(engine, shape, layout) })),
  );
  const facts: Record<string, string> = { numerics: backend.numerics };
  for (const { name, call } of cases) {
    backend.plans.length = 0;
    await call();
    const plan = backend.plans.find(({ steps }) => steps.some(({ kernel }) => kernel === 'matmul')); // another one initialises
    const extra = new Set(plan?.steps.map(({ kernel }) => kernel).filter((kernel) => kernel !== 'matmul'));
    if (extra.size > 0) facts[`more than products in ${name}`] = [...extra].join(', ');
  }
  await settle(async () => {
    for (const { call } of cases) await call();
  }, 2);
  await settle(peak, 0.2);
  return {
    facts,
    async round(): Promise<Series> {
      const series: Series = {};
      const add = (name: string, value: number): unknown => (series[name] ??= []).push(value);
      for (const { name, call, flops } of cases) {
        for (let i = 0; i < CALLS; i++) {
          const bound = peak();
          backend.milliseconds = 0;
          const { ms, cpu } = await timed(call);
          add('peak', bound);
          add(`${name} GFLOP/s`, flops / ms / 1e6);
          add(`${name} share`, flops / ms / 1e6 / bound);
          add(`${name} share of kernels`, flops / backend.milliseconds / 1e6 / bound);
          add(`${name} share by CPU time`, flops / cpu / 1e6 / bound);
        }
      }
      return series;
    },
  };
}
