import { grad } from '@qkv/autograd';
import { compile, type Compiled, full, Parameter, tensor, type Tensor, zeros } from '@qkv/tensor';
import { describe, expect, test, vi } from 'vitest';

import { Adam, AdamW } from './adam';
import type { Optimizer } from './optimizer';
import { SGD } from './sgd';

// Ten steps of every optimiser against torch: tooling/conformance/src/goldens/optimizers.ts.

const parameter = (name: string, ...values: number[]): Parameter => {
  const initialize = (): Tensor => zeros([values.length]).add(values[0]);
  return new Parameter({ shape: [values.length], initialize, name });
};
const gradients = [tensor([1, -2]), tensor([0.5])];
const two = (): Parameter[] => [parameter('a', 1, 1), parameter('b', 2)];

function stepOf(optimizer: Optimizer): Compiled<Tensor[], Tensor[]> {
  return compile(
    (...given: Tensor[]) => {
      const { gradientNorm, learningRate } = optimizer.apply(given);
      return [gradientNorm, learningRate];
    },
    { mode: 'train' },
  );
}

const values = async (parameters: readonly { data(): Promise<ArrayLike<number>> }[]): Promise<number[]> =>
  (await Promise.all(parameters.map((p) => p.data()))).flatMap((data) => Array.from(data));

describe('apply', () => {
  test('throws outside of training', async () => {
    const optimizer = new AdamW(two(), { learningRate: 1 });
    const message = "AdamW.apply: weights change only while training; compile the step with { mode: 'train' }";
    expect(() => optimizer.apply(gradients)).toThrow(message);
    await expect(
      (async () => compile((...given: Tensor[]) => void optimizer.apply(given))(...gradients))(),
    ).rejects.toThrow(message);
  });

  test('wants one gradient for each parameter, and no parameter twice', () => {
    const [a] = two();
    const optimizer = new SGD([a], { learningRate: 1 });
    expect(() => stepOf(optimizer)(...gradients)).toThrow('SGD.apply: expected 1 gradients, got 2');
    expect(() => new SGD([a, a], { learningRate: 1 })).toThrow("SGD: parameter 'a' is listed twice");
    expect(() => new SGD([], { learningRate: 1 })).toThrow('SGD: there are no parameters');
  });

  test('reports the norm before clipping, and the learning rate', async () => {
    const parameters = two();
    const optimizer = new SGD(parameters, { learningRate: (step) => step.mul(0.1), clipNorm: 0.5 });
    const step = stepOf(optimizer);
    const norm = Math.sqrt(1 + 4 + 0.25);
    const [first, rate] = await step(...gradients);
    expect(await first.item()).toBeCloseTo(norm, 6);
    expect(await rate.item()).toBeCloseTo(0.1, 7);
    const factor = (0.5 / (norm + 1e-6)) * 0.1;
    const expected = [1 - factor, 1 + 2 * factor, 2 - 0.5 * factor];
    (await values(parameters)).forEach((value, i) => expect(value).toBeCloseTo(expected[i], 6));
    expect(await (await step(...gradients))[1].item()).toBeCloseTo(0.2, 7);
  });

  test('gradients below the limit are not scaled up', async () => {
    const parameters = two();
    await stepOf(new SGD(parameters, { learningRate: 1, clipNorm: 100 }))(...gradients);
    expect(await values(parameters)).toEqual([0, 3, 1.5]);
  });

  test('a changed learning rate is used at once; a schedule keeps one plan', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const parameters = two();
    const optimizer = new SGD(parameters, { learningRate: 1 });
    const step = stepOf(optimizer);
    await step(...gradients);
    optimizer.learningRate = 0.5;
    await step(...gradients);
    expect(await values(parameters)).toEqual([-0.5, 4, 1.25]);
    const scheduled = stepOf(new SGD(two(), { learningRate: (t) => t.mul(0.25) }));
    for (let i = 0; i < 5; i++) await scheduled(...gradients);
    expect(warn).not.toHaveBeenCalled();
    warn.mockRestore();
  });

  test('decays those parameters that the filter names', async () => {
    const parameters = two();
    const decayFilter = (p: Parameter): boolean => p.name === 'b';
    const zero = [tensor([0, 0]), tensor([0])];
    await stepOf(new AdamW(parameters, { learningRate: 0.5, weightDecay: 0.5, decayFilter }))(...zero);
    expect(await values(parameters)).toEqual([1, 1, 1.5]);
  });

  test('learns', async () => {
    const w = parameter('w', 5, 5);
    const optimizer = new Adam([w], { learningRate: 0.3 });
    const step = compile(
      () => {
        const loss: Tensor = w.value
          .sub(full([2], 3))
          .square()
          .sum();
        optimizer.apply(grad(loss, [w]));
        return loss;
      },
      { mode: 'train' },
    );
    let loss = await step();
    for (let i = 0; i < 100; i++) loss = await step();
    expect(await loss.item()).toBeLessThan(1e-3);
  });
});

describe('state', () => {
  test('two parameters of one name are refused, at once or when they are named later', () => {
    const message = (name: string): string =>
      `AdamW: two parameters are named '${name}', so their state could not be told apart; ` +
      'put their layers under one Module and use its parameters(): names come from the property paths';
    const same = [parameter('weight', 1), parameter('bias', 1), parameter('weight', 2)];
    expect(() => new AdamW(same, { learningRate: 1 })).toThrow(message('weight'));
    const later = [parameter('a', 1), parameter('', 2)];
    const optimizer = new AdamW(later, { learningRate: 1 });
    later[1].name = 'a';
    expect(() => optimizer.namedVariables()).toThrow(message('a'));
    expect(() => new AdamW([parameter('1', 1), parameter('', 2)], { learningRate: 1 })).toThrow(message('1'));
  });

  test('is given back by release, and starts anew', async () => {
    const parameters = two();
    const optimizer = new AdamW(parameters, { learningRate: 0.1 });
    const step = stepOf(optimizer);
    await step(...gradients);
    const first = await values(optimizer.variables());
    const weights = await values(parameters);
    optimizer.release();
    expect(optimizer.variables().every((variable) => variable.handle === null)).toBe(true);
    expect(await values(parameters)).toEqual(weights);
    await step(...gradients);
    expect(await values(optimizer.variables())).toEqual(first);
    const unused = new AdamW([parameter('', 1)], { learningRate: 1 });
    unused.release();
    unused.parameters[0].name = 'late';
    expect([...unused.namedVariables().keys()]).toEqual(['step', 'm.late', 'v.late']);
  });

  test('is named after the parameters, and made when first needed', async () => {
    const parameters = [parameter('', 1), parameter('', 2)];
    const optimizer = new AdamW(parameters, { learningRate: 1 });
    parameters[0].name = 'layer.weight';
    expect([...optimizer.namedVariables().keys()]).toEqual(['step', 'm.layer.weight', 'm.1', 'v.layer.weight', 'v.1']);
    expect(optimizer.variables().some((variable) => variable.trainable)).toBe(false);
    expect(optimizer.variables().every((variable) => variable.handle === null)).toBe(true);
    expect([...new SGD(two(), { learningRate: 1 }).namedVariables().keys()]).toEqual(['step']);
    expect([...new SGD(two(), { learningRate: 1, momentum: 0.9 }).namedVariables().keys()]).toEqual([
      'step',
      'momentum.a',
      'momentum.b',
    ]);
  });

  test('saved and loaded, goes on bit by bit', async () => {
    const make = (): { parameters: Parameter[]; optimizer: Optimizer } => {
      const parameters = two();
      return { parameters, optimizer: new AdamW(parameters, { learningRate: 0.1, clipNorm: 1 }) };
    };
    const [a, b] = [make(), make()];
    const [stepA, stepB] = [stepOf(a.optimizer), stepOf(b.optimizer)];
    for (let i = 0; i < 3; i++) await stepA(...gradients);
    const pairs = [
      ...a.parameters.map((p, i) => [p, b.parameters[i]] as const),
      ...a.optimizer.variables().map((v, i) => [v, b.optimizer.variables()[i]] as const),
    ];
    for (const [from, to] of pairs) await to.load(await from.data());
    for (let i = 0; i < 3; i++) await Promise.all([stepA(...gradients), stepB(...gradients)]);
    expect(await values(b.parameters)).toEqual(await values(a.parameters));
    expect(await values(b.optimizer.variables())).toEqual(await values(a.optimizer.variables()));
    expect(await values([b.optimizer.step])).toEqual([6]);
  });
});

test('options outside their range are refused', () => {
  const p = two();
  expect(() => new AdamW(p, { learningRate: 1, betas: [0.9, 1] })).toThrow('AdamW: betas must be in [0, 1), got 1');
  expect(() => new Adam(p, { learningRate: 1, epsilon: -1 })).toThrow('Adam: epsilon must be non-negative, got -1');
  expect(() => new Adam(p, { learningRate: 1, clipNorm: 0 })).toThrow('Adam: clipNorm must be positive, got 0');
  expect(() => new SGD(p, { learningRate: 1, nesterov: true })).toThrow('SGD: nesterov needs a momentum');
});
