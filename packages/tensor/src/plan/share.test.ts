import { expect, test } from 'vitest';

import { barrier, createReferenceBackend, type internals, tensor, type Tensor, validatePlan } from '../index';
import { buildPlan } from './build';
import { collect } from './collect';

/** Programs and kernels of what reading these tensors runs. */
function stepsOf(...tensors: Tensor[]): string[] {
  const { plan } = buildPlan(collect(tensors as unknown as internals.Value[], []), createReferenceBackend().capabilities);
  validatePlan(plan, 4);
  return plan.steps.map(({ kernel, attributes }) => {
    const program = attributes['program'];
    return typeof program === 'object' && 'instructions' in program ? program.instructions.map(({ op }) => op).join(' ') : kernel;
  });
}
const x = tensor([[1, 2], [3, 4]]);

test('equal things are computed once, however deep', () => {
  const once = (): Tensor => x.transpose().matmul(x).exp();
  expect(stepsOf(once().add(once()))).toEqual(['matmul', 'exp add']);
  expect(stepsOf(once(), once())).toEqual(['matmul', 'exp']);
});

test('what differs in an operand, their order, an attribute or the sign of zero is not equal', () => {
  expect(stepsOf(x.add(x.exp()).sub(x.exp().add(x)))).toEqual(['exp add add sub']);
  expect(stepsOf(x.sum(0).add(x.sum(1)))).toEqual(['reduce', 'reduce', 'add']);
  expect(stepsOf(x.mul(0).add(x.mul(-0)))).toEqual(['literal mul literal mul add']);
});

test('behind a barrier is computed again', () => {
  const again = barrier(x, [x.exp()]);
  expect(stepsOf(x.exp().add(again.exp()))).toEqual(['exp', 'exp add']);
});
