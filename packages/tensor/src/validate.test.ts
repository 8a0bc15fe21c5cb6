import { expect, test } from 'vitest';

import type { HostRegion, Operand, Plan, Step } from './backend';
import type { DType } from './dtype';
import { contiguousStrides } from './shape';
import { validatePlan } from './validate';

const SLOTS: Plan['slots'] = [{ kind: 'arena', bytes: 400 }, { kind: 'variable', bytes: 32 }];

/** A contiguous window: `at` in elements. */
const at = (from: number, shape: number[], options: { slot?: number; strides?: number[]; dtype?: DType } = {}): Operand => {
  const { slot = 0, strides = [...contiguousStrides(shape)], dtype = 'float32' } = options;
  return { slot, byteOffset: 4 * from, shape, strides, dtype };
};
const step = (kernel: string, inputs: Operand[], outputs: Operand[], workspace?: { from: number; elements: number }): Step => ({
  kernel,
  inputs,
  outputs,
  attributes: {},
  nodes: [],
  ...(workspace && { workspace: { slot: 0, byteOffset: 4 * workspace.from, bytes: 4 * workspace.elements } }),
});
const region = (from: number, shape: number[], dtype: DType = 'float32'): HostRegion => ({ slot: 0, byteOffset: 4 * from, spec: { shape, dtype } });
const validate = (steps: Step[], inputs: HostRegion[] = [region(0, [8])], outputs: HostRegion[] = []): void =>
  validatePlan({ slots: SLOTS, steps, inputs, outputs }, 4);

const x = at(0, [8]); // what the host wrote

test.each<[string, Step[], HostRegion[]?]>([
  ['memory used again after its last read', [step('exp', [x], [at(8, [8])]), step('sum', [at(8, [8])], [at(24, [1])]), step('matmul', [at(24, [1])], [at(12, [8])])], [region(12, [8])]],
  ['pieces side by side', [step('copy', [at(0, [2, 2])], [at(8, [2, 2], { strides: [3, 1] })]), step('copy', [at(4, [2, 1])], [at(10, [2, 1], { strides: [3, 1] })])], [region(8, [2, 3])]],
  ['a copy over its padding', [step('fill', [], [at(8, [10])]), step('copy', [x], [at(9, [8])])], [region(8, [10])]],
  ['an element-wise program over its input', [step('elementwise', [x], [x])], [region(0, [8])]],
  ['a part of a result', [step('exp', [x], [at(8, [8])]), step('sum', [at(10, [2])], [at(16, [1])])], [region(16, [1])]],
  ['one element, repeated', [step('exp', [at(3, [5], { strides: [0] })], [at(8, [5])])], [region(8, [5])]],
  ['a Variable in pieces', [step('copy', [at(0, [4])], [at(0, [4], { slot: 1 })]), step('fill', [], [at(4, [4], { slot: 1 })])]],
  ['a workspace beside', [step('exp', [x], [at(8, [8])], { from: 16, elements: 4 })], [region(8, [8])]],
  ['no elements at all', [step('exp', [at(0, [0])], [at(0, [0])])]],
])('legal: %s', (_, steps, outputs) => {
  expect(() => validate(steps, undefined, outputs)).not.toThrow();
});

const exp = step('exp', [x], [at(8, [8])]);

test.each<[string, string, Step[], HostRegion[]?]>([
  ['a live buffer that shares bytes with the next', 'step 2 (sum) reads input 0 of step 0 (exp), of which step 1 (sin) overwrote a part', [exp, step('sin', [x], [at(12, [8])]), step('sum', [at(8, [8])], [at(30, [1])])]],
  ['the intact part of a buffer that was overwritten in part', 'of which step 1 (sin) overwrote a part', [exp, step('sin', [x], [at(12, [8])]), step('sum', [at(8, [2])], [at(30, [1])])]],
  ['a larger write over a live buffer, read beyond', 'from parts that', [exp, step('sin', [at(0, [4])], [at(16, [4])]), step('sum', [at(8, [12])], [at(30, [1])])]],
  ['a host value, overwritten before it is read', 'of the host, of which step 0 (exp) overwrote a part', [step('exp', [at(0, [4])], [at(6, [4])]), step('sum', [x], [at(30, [1])])]],
  ['a copy over a live copy', 'of which step 1 (copy) overwrote a part', [step('copy', [x], [at(8, [8])]), step('copy', [x], [at(12, [8])]), step('sum', [at(8, [8])], [at(30, [1])])]],
  ['a fill over a live copy', 'of which step 1 (fill) overwrote a part', [step('copy', [x], [at(8, [8])]), step('fill', [], [at(9, [2])]), step('sum', [at(8, [8])], [at(30, [1])])]],
  ['a copy that juts out of a fill', 'of which step 1 (copy) overwrote a part', [step('fill', [], [at(8, [8])]), step('copy', [x], [at(12, [8])])], [region(8, [8])]],
  ['another type', 'as int32, which step 0 (exp) wrote as float32', [exp, step('gather', [at(8, [8], { dtype: 'int32' })], [at(30, [1])])]],
  ['a hole', 'step 1 (sum) reads input 0 before anything wrote it', [exp, step('sum', [at(9, [8])], [at(30, [1])])]],
  ['a result that was overwritten', 'gives output 0 of step 0 (exp), of which step 1 (sin) overwrote a part', [exp, step('sin', [x], [at(15, [8])])], [region(8, [8])]],
  ['a Variable that is half old', 'leaves Variable slot 1', [step('exp', [at(0, [4])], [at(2, [4], { slot: 1 })])]],
  ['an old value of a Variable, read too late', 'of the run before, of which step 0 (exp) overwrote a part', [step('exp', [at(0, [4])], [at(0, [4], { slot: 1 })]), step('sum', [at(6, [2], { slot: 1 })], [at(30, [1])])]],
  ['a workspace over an input', 'step 0 (exp) has a workspace over its input 0', [step('exp', [x], [at(8, [8])], { from: 7, elements: 1 })]],
  ['a workspace over an output', 'step 0 (exp) has a workspace over its output 0', [step('exp', [x], [at(8, [8])], { from: 14, elements: 8 })]],
  ['a workspace over a live buffer', 'step 2 (sum) reads input 0 from the workspace of step 1 (sin)', [exp, step('sin', [x], [at(20, [8])], { from: 8, elements: 8 }), step('sum', [at(8, [8])], [at(30, [1])])]],
  ['a workspace outside', 'a workspace outside the arena', [step('exp', [x], [at(8, [8])], { from: 98, elements: 4 })]],
  ['outputs over each other', 'writes output 1 over another output', [step('layerNorm', [x], [at(8, [8]), at(15, [1])])]],
  ['a kernel over its input', 'writes output 0 over its own input', [step('matmul', [x], [x])]],
  ['an element-wise program over its input, laid out otherwise', 'over its own input', [step('elementwise', [at(0, [2, 2], { strides: [1, 2] })], [at(0, [2, 2])])]],
  ['outside', 'output 0 reaches outside slot 0', [step('exp', [x], [at(95, [8])])]],
  ['between two elements', 'output 0 reaches outside slot 0', [step('exp', [x], [{ ...at(8, [8]), byteOffset: 33 }])]],
  ['no such slot', 'output 0 reaches outside slot 2', [step('exp', [x], [at(0, [8], { slot: 2 })])]],
])('illegal: %s', (_, message, steps, outputs) => {
  expect(() => validate(steps, undefined, outputs)).toThrow(message);
});
