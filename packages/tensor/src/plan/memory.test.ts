import { describe, expect, test } from 'vitest';

import { engineOf, valuesOf, variableOf } from '../../test/support';
import {
  adamW,
  compile,
  concat,
  constant,
  createReferenceBackend,
  type Engine,
  internals,
  pad,
  type Plan,
  run,
  select,
  tensor,
  type Tensor,
  validatePlan,
  type Variable,
  zeros,
} from '../index';
import { collect } from './collect';
import { buildPlan, type PlanOptions } from './build';

const ENGINES: readonly (readonly [string, PlanOptions])[] = [
  ['all passes', { poison: true }],
  ['no reuse', { poison: true, reuse: false }],
  ['not in place', { poison: true, inPlace: false }],
  ['not fused', { poison: true, fuse: false }],
];

/** Plans an assignment of values to Variables as `run` would, and checks it. */
function planOf(fn: () => readonly (readonly [Variable, Tensor])[], options: PlanOptions = {}): Plan {
  const { capabilities } = createReferenceBackend();
  const assigned = fn() as unknown as readonly (readonly [Variable, internals.Value])[];
  const plan = buildPlan(collect([], assigned), capabilities, options).plan;
  validatePlan(plan, 4);
  return plan;
}
const kernels = (plan: Plan): string[] => plan.steps.map((step) => step.kernel);

describe('a Variable is written where it lives', () => {
  test('by an element-wise program that reads it, without a copy', () => {
    const w = variableOf('w', [1, 2, 3, 4], [2, 2]);
    const plan = planOf(() => [[w, w.value.mul(2).add(tensor([1, 1]))]]);
    expect(kernels(plan)).toEqual(['elementwise']);
    expect(plan.steps[0]!.outputs[0]!.slot).toBe(1);
    expect(kernels(planOf(() => [[w, w.value.mul(2)]], { inPlace: false }))).toEqual(['elementwise', 'copy']);
  });

  test('by a kernel that does not read it', () => {
    const w = variableOf('w', [1, 2, 3, 4], [2, 2]);
    const x = tensor([1, 2, 3, 4], [2, 2]);
    expect(kernels(planOf(() => [[w, x.matmul(x)]]))).toEqual(['matmul']);
    expect(kernels(planOf(() => [[w, w.value.matmul(x)]]))).toEqual(['matmul', 'copy']);
    expect(kernels(planOf(() => [[w, concat([x.slice([0], [1]), x.slice([1], [1])])]]))).toEqual(['copy', 'copy']);
  });

  test('by adamW for all three', () => {
    const [p, m, v] = ['p', 'm', 'v'].map((name) => variableOf(name, [1, 2])) as [Variable, Variable, Variable];
    const { capabilities } = createReferenceBackend();
    const one = tensor(1);
    const next = adamW({ parameter: p.value, gradient: tensor([1, 1]), m: m.value, v: v.value, rate: one, correction1: one, correction2: one, gradientScale: one, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1, decoupled: true });
    const assigned = [[p, next.parameter], [m, next.m], [v, next.v]] as unknown as [Variable, internals.Value][];
    const plan = buildPlan(collect([], assigned), { ...capabilities, supports: ({ kernel }) => kernel === 'adamW' }).plan;
    validatePlan(plan, 4);
    expect(kernels(plan)).toEqual(['adamW']);
    expect(plan.steps[0]!.outputs.map(({ slot }) => slot)).toEqual([1, 2, 3]);
    const crossed = [[p, next.m], [m, next.parameter], [v, next.v]] as unknown as [Variable, internals.Value][];
    const careful = buildPlan(collect([], crossed), { ...capabilities, supports: ({ kernel }) => kernel === 'adamW' }).plan;
    validatePlan(careful, 4);
    expect(kernels(careful)).toEqual(['adamW', 'copy', 'copy']);
  });
});

describe.each(ENGINES)('hazards of overwriting, %s', (_, plan) => {
  const make = (): Engine => engineOf({}, { plan });
  const check = async (build: (a: Variable, b: Variable) => Tensor | void, a1: number[], b1: number[], result?: number[]): Promise<void> => {
    const engine = make();
    const a = variableOf('a', [1, 2, 3, 4], [2, 2]);
    const b = variableOf('b', [10, 20, 30, 40], [2, 2]);
    const out = await run(() => build(a, b), { engine });
    expect(await valuesOf(a)).toEqual(a1);
    expect(await valuesOf(b)).toEqual(b1);
    if (result !== undefined) expect(await valuesOf(out as Tensor)).toEqual(result);
  };
  const [A, B] = [[1, 2, 3, 4], [10, 20, 30, 40]];

  test('a swap', () => check((a, b) => {
    const [x, y] = [a.value, b.value];
    a.assign(y);
    b.assign(x);
  }, B, A));

  test('a swap without names is none: the second read sees the first assignment', () => check((a, b) => {
    a.assign(b.value);
    b.assign(a.value);
  }, B, B));

  test('a swap with arithmetic', () => check((a, b) => {
    const [x, y] = [a.value, b.value];
    a.assign(y.add(1));
    b.assign(x.mul(2));
  }, [11, 21, 31, 41], [2, 4, 6, 8]));

  test('both from both', () => check((a, b) => {
    const [x, y] = [a.value, b.value];
    a.assign(x.add(y));
    b.assign(x.sub(y));
  }, [11, 22, 33, 44], [-9, -18, -27, -36]));

  test('one value for two Variables, and for the reader', () => check((a, b) => {
    const next = a.value.add(b.value);
    a.assign(next);
    b.assign(next);
    return next;
  }, [11, 22, 33, 44], [11, 22, 33, 44], [11, 22, 33, 44]));

  test('the old value is read after the new one is made', () => check((a) => {
    const old = a.value;
    a.assign(old.mul(2));
    return old.matmul(a.value);
  }, [2, 4, 6, 8], B, [14, 20, 30, 44]));

  test('the old value is a result', () => check((a) => {
    const old = a.value;
    a.assign(old.mul(2));
    return old;
  }, [2, 4, 6, 8], B, A));

  test('a part of the old value is a result, and another', () => check((a) => {
    const old = a.value;
    a.assign(old.mul(2));
    return old.slice([1, 0], [1, 2]);
  }, [2, 4, 6, 8], B, [3, 4]));

  test('transposed onto itself', () => check((a) => a.assign(a.value.transpose()), [1, 3, 2, 4], B));
  test('minus its transpose', () => check((a) => a.assign(a.value.sub(a.value.transpose())), [0, -1, 1, 0], B));
  test('minus its first row', () => check((a) => a.assign(a.value.sub(a.value.slice([0, 0], [1, 2]))), [0, 0, 2, 2], B));
  test('minus its row sums', () => check((a) => a.assign(a.value.sub(a.value.sum(1, { keep: true }))), [-2, -1, -4, -3], B));
  test('times itself', () => check((a) => a.assign(a.value.matmul(a.value)), [7, 10, 15, 22], B));
  test('shifted within itself', () => check((a) => a.assign(pad(a.value.slice([0, 0], [1, 2]), [1, 0], [0, 0])), [0, 0, 1, 2], B));
  test('joined from its own parts', () => check((a) => a.assign(concat([a.value.slice([1], [1]), a.value.slice([0], [1])])), [3, 4, 1, 2], B));
  test('joined from old and new', () => check((a, b) => {
    const old = a.value;
    a.assign(old.neg());
    b.assign(concat([old.slice([0], [1]), a.value.slice([1], [1])]));
  }, [-1, -2, -3, -4], [1, 2, -3, -4]));
  test('reshaped onto itself changes nothing', () => check((a) => a.assign(a.value.reshape([4]).reshape([2, 2])), A, B));
  test('a constant, an argument, a literal', () => check((a, b) => {
    a.assign(constant([5, 6, 7, 8], [2, 2]));
    b.assign(zeros([2, 2]));
  }, [5, 6, 7, 8], [0, 0, 0, 0]));
  test('twice, with reads between', () => check((a) => {
    const first = a.value;
    a.assign(first.add(1));
    const second = a.value;
    a.assign(select(second.greater(3), first, second));
    return second;
  }, [2, 3, 3, 4], B, [2, 3, 4, 5]));
  test('gathered from itself', () => check((a) => a.assign(a.value.gather(constant(Int32Array.of(1, 0)))), [3, 4, 1, 2], B));
});

test('three Variables in a circle, ten times', async () => {
  const variables = [1, 2, 3].map((n) => variableOf(`v${n}`, [n, n]));
  const turn = compile(() => {
    const [a, b, c] = variables.map((v) => v.value) as [Tensor, Tensor, Tensor];
    variables[0]!.assign(b);
    variables[1]!.assign(c.mul(1));
    variables[2]!.assign(a);
  });
  for (let i = 0; i < 10; i++) await turn();
  expect(await Promise.all(variables.map((v) => valuesOf(v)))).toEqual([[2, 2], [3, 3], [1, 1]]);
});

test('inputs that no step reads do not disturb those that do', async () => {
  const engine = engineOf({}, { plan: { poison: true } });
  const unused = compile((x: Tensor, y: Tensor) => internals.asTensor(internals.apply1('barrier', [x, y] as never)).add(1), { engine });
  expect(await valuesOf(await unused(tensor([1, 2]), tensor([5, 6, 7])))).toEqual([2, 3]);
});

test('validatePlan refuses what it is for', () => {
  const x = tensor([1, 2, 3, 4], [2, 2]);
  const build = (): Plan => structuredClone(planOf(() => [[variableOf('w', [1, 2, 3, 4], [2, 2]), x.matmul(x).exp().matmul(x)]]));
  const broken = (change: (plan: any) => void, message: string): void => {
    const plan = build();
    change(plan);
    expect(() => validatePlan(plan, 4)).toThrow(message);
  };
  broken((plan) => (plan.steps[1].inputs[0].byteOffset += 4096), 'reaches outside slot 0');
  broken((plan) => plan.steps.shift(), 'reads input 0 before anything wrote it');
  broken((plan) => (plan.steps[0].outputs[0] = plan.steps[0].inputs[0]), 'over its own input');
  broken((plan) => plan.steps[0].inputs[0].strides.pop(), 'strides');
  broken((plan) => (plan.outputs = [{ slot: 0, byteOffset: plan.slots[0].bytes, spec: { shape: [1], dtype: 'float32' } }]), 'never written');
});
