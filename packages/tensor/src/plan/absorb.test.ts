import { describe, expect, test } from 'vitest';

import type { Plan } from '../backend';
import { createReferenceBackend, gelu, type internals, tensor, type Tensor, validatePlan } from '../index';
import { buildPlan } from './build';
import { collect } from './collect';

/** What reading these tensors runs, on a backend that has epilogues and a kernel for gelu. */
function planOf(...tensors: Tensor[]): Plan {
  const capabilities = { ...createReferenceBackend().capabilities, epilogues: true, supports: ({ kernel }: { kernel: string }) => kernel === 'gelu' };
  const { plan } = buildPlan(collect(tensors as unknown as internals.Value[], []), capabilities);
  validatePlan(plan, 4);
  return plan;
}
const summary = ({ steps }: Plan): string[] =>
  steps.map(({ kernel, inputs, outputs, attributes }) => {
    const program = attributes['program'];
    const ops = typeof program === 'object' && 'instructions' in program ? program.instructions.map(({ op }) => op).join(' ') : '';
    return `${kernel}(${ops}) ${inputs.length}→${outputs.length}`;
  });

const a = tensor([[1, 2, 3], [4, 5, 6]]); // (2, 3)
const w = tensor([[1, 0], [0, 1], [1, 1]]); // (3, 2)
const bias = tensor([1, 2]);

describe('a product carries the program that reads it', () => {
  test('with bias, activation and residual', () => {
    const x: Tensor = a.matmul(w);
    expect(summary(planOf(gelu(x.add(bias)).add(tensor([[1, 1], [1, 1]]))))).toEqual(['matmul(add gelu add) 4→1']);
  });

  test('also where a value in the middle is needed elsewhere', () => {
    const x: Tensor = a.matmul(w).add(bias);
    expect(summary(planOf(gelu(x), x.matmul(x)))).toEqual(['matmul(add gelu) 3→2', 'matmul() 2→1']);
  });

  test('through reshapes, as behind a Linear', () => {
    const x: Tensor = a.matmul(w).reshape([2, 1, 2]);
    const plan = planOf(gelu(x.add(bias)));
    expect(summary(plan)).toEqual(['matmul(add gelu) 3→1']);
    expect(plan.steps[0]!.outputs[0]!.shape).toEqual([2, 2]);
    expect(summary(planOf(x.add(bias), x.sum()))).toEqual(['matmul() 2→1', 'elementwise(add) 2→1', 'reduce() 1→1']);
  });

  test('the later one of two products', () => {
    const x: Tensor = a.matmul(w);
    expect(summary(planOf(x.add(x.matmul(x).mul(2))))).toEqual(['matmul() 2→1', 'matmul(literal mul add) 3→1']);
    expect(summary(planOf(a.matmul(w).sub(a.mul(2).matmul(w))))).toEqual(['matmul() 2→1', 'elementwise(literal mul) 1→1', 'matmul(sub) 3→1']);
  });

  test('but not one that somebody else reads, or the host, or that is repeated', () => {
    const x: Tensor = a.matmul(w);
    expect(summary(planOf(x.add(bias), x.sum()))).toEqual(['matmul() 2→1', 'elementwise(add) 2→1', 'reduce() 1→1']);
    expect(summary(planOf(x.add(bias), x))).toEqual(['matmul() 2→1', 'elementwise(add) 2→1']);
    const row: Tensor = tensor([[1, 2, 3]]).matmul(w); // (1, 2)
    expect(summary(planOf(row.add(tensor([[1, 2], [3, 4]]))))).toEqual(['matmul() 2→1', 'elementwise(add) 2→1']);
  });
});

describe('a program goes on from another one', () => {
  test('when it follows soon and needs nothing that comes later', () => {
    const x = bias.mul(2);
    expect(summary(planOf(x, x.exp()))).toEqual(['elementwise(literal mul exp) 1→2']);
    const y = bias.exp();
    const total: Tensor = y.sum();
    expect(summary(planOf(y.sub(total)))).toEqual(['elementwise(exp) 1→1', 'reduce() 1→1', 'elementwise(sub) 2→1']);
  });

  test('but not when it is far away: its result would wait in memory', () => {
    const x = bias.exp();
    let y: Tensor = x;
    for (let i = 0; i < 12; i++) y = x.mul(y.sum());
    expect(summary(planOf(y, x.mul(3))).at(-1)).toBe('elementwise(literal mul) 1→1');
  });
});
