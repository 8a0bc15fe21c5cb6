import { grad } from '@qkv/autograd';
import {
  compile,
  type Engine,
  gelu,
  layerNorm,
  randomUniform,
  scaledDotProductAttention,
  softmax,
  type Tensor,
  Variable,
} from '@qkv/tensor';

import { createMeteredEngine } from '../engine';
import { subjectOf } from '../jobs.mjs';
import { createCopyMeter, createPeakMeter } from '../peak';
import type { Facts, Settings, Subject } from '../subject';
import {
  ATTENTION,
  ATTENTION_SIZES,
  type AttentionItem,
  chosen,
  ELEMENTWISE,
  type ElementwiseItem,
  GEMM,
  type GemmItem,
  type Item,
} from '../workload.mjs';

interface Job {
  readonly run: () => Promise<void>;
  readonly calls: number;
}

const variable = (...shape: number[]): Variable =>
  new Variable({ shape, initialize: () => randomUniform(shape, -0.5, 0.5) });
const variables = (count: number, ...shape: number[]): Variable[] =>
  Array.from({ length: count }, () => variable(...shape));

/** A compiled call with enough products for some milliseconds, so that the call itself weighs little. */
function product(engine: Engine, { M, N, K, layout, calls }: GemmItem): Job {
  const stored = (rows: number, columns: number, letter: string): (() => Tensor) => {
    const operand = letter === 'T' ? variable(columns, rows) : variable(rows, columns);
    return () => (letter === 'T' ? operand.value.transpose() : operand.value);
  };
  // Each product has a left side of its own: equal ones would be computed once.
  const a = Array.from({ length: calls }, () => stored(M, K, layout[0]));
  const b = stored(K, N, layout[1]);
  const c = variables(calls, M, N);
  return { calls, run: compile(() => c.forEach((result, i) => result.assign(a[i]().matmul(b()))), { engine }) };
}

function elementwise(engine: Engine, { op, shape }: ElementwiseItem): Job {
  const [x, y, result] = variables(3, ...shape);
  const [gain, bias] = variables(2, shape[1]);
  const operations: Record<ElementwiseItem['op'], () => Tensor> = {
    add: () => x.value.add(y.value),
    gelu: () => gelu(x.value),
    softmax: () => softmax(x.value),
    'layer norm': () => layerNorm(x.value, gain.value, bias.value),
  };
  return { calls: 1, run: compile(() => result.assign(operations[op]()), { engine }) };
}

function attention(engine: Engine, { T, backward, calls }: AttentionItem): Job {
  const { B, H, Dh } = ATTENTION_SIZES;
  const [q, k, v, cotangent, result, ...gradients] = variables(8, B, T, H, Dh);
  const once = compile(
    () => {
      const { output } = scaledDotProductAttention(q.value, k.value, v.value);
      result.assign(output);
      if (!backward) return;
      // The sum itself is never computed: only its gradients are asked for.
      const found = grad(output.mul(cotangent.value).sum(), [q, k, v]);
      found.forEach((gradient, i) => gradients[i].assign(gradient));
    },
    { engine },
  );
  const run = async (): Promise<void> => {
    for (let i = 0; i < calls; i++) await once();
  };
  return { calls, run };
}

/** Products, element-wise work or attention, of Variables and through the public interface; results stay on the device. */
export async function create(settings: Settings): Promise<Subject> {
  const { backend, engine } = await createMeteredEngine(settings);
  // The bound of element-wise work is memory: a copy of a matrix as large.
  const peak =
    settings['work'] === 'elementwise'
      ? createCopyMeter(4 * ELEMENTWISE[0].shape[0] * ELEMENTWISE[0].shape[1])
      : await createPeakMeter(backend.numerics);
  const facts: Facts = { numerics: backend.numerics };
  const subject = <T extends Item>(items: readonly T[], job: (engine: Engine, item: T) => Job): Promise<Subject> =>
    subjectOf(chosen(items, settings['items']), (item) => job(engine, item), facts, {
      before: peak,
      kernels: () => backend.milliseconds,
    });
  if (settings['work'] === 'gemm') return subject(GEMM, product);
  if (settings['work'] === 'elementwise') return subject(ELEMENTWISE, elementwise);
  return subject(ATTENTION, attention);
}
