import { expect, test } from 'vitest';

import { valuesOf as values, variableOf } from '../test/support';
import { compile, tensor, type Tensor } from './index';

test('a profile tells where the time of one call went, and the call counts', async () => {
  const w = variableOf('w', [0]);
  const f = compile((x: Tensor) => {
    w.assign(w.value.add(x.sum()));
    return x.reshape([2, 2]).matmul(x.reshape([2, 2]));
  });
  const profile = await f.profile(tensor([1, 2, 3, 4]));
  expect(f.step).toBe(1);
  expect(await values(w)).toEqual([10]);
  expect(profile.steps.map(({ kernel }) => kernel)).toEqual(expect.arrayContaining(['reduce', 'matmul', 'elementwise(add)']));
  expect(profile.steps.find(({ kernel }) => kernel === 'matmul')).toMatchObject({ shapes: '[2, 2] [2, 2] → [2, 2]', flops: 16, bytes: 48 });
  expect(profile.milliseconds).toBeCloseTo(profile.steps.reduce((sum, step) => sum + step.milliseconds, 0), 9);
  expect(profile.kernels().reduce((sum, { steps }) => sum + steps, 0)).toBe(profile.steps.length);
  expect(String(profile)).toMatch(/^step +kernel +shapes +ms +share +GFLOP\/s +of bound +GB\/s +from\n0 /);
  expect(profile.toSVG().match(/<rect /g)).toHaveLength(profile.steps.length + profile.kernels().length);
});
