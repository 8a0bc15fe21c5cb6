import { writeFileSync } from 'node:fs';

import { compile, type Parameter, tensor, type Tensor } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { asTensors, distance, expectNear, goldenPath, makeParameters, type Named, readGolden } from '../test/goldens';
import { fromPlain, golden, kinds, type Plain, type Setup, setUp } from '../test/torch';
import { cosine } from './schedules';
import { SGD } from './sgd';
import type { Optimizer } from './optimizer';
import type { TorchTensor } from './torch-layout';
import { loadTorchState, toTorchState } from './torch-state';
import { flattenTorchState, unflattenTorchState } from './torch-state-file';

/** As scripts in torch read it, and torch's weights after it has gone on from there. */
const ours = 'optim_state_ours';

const toPlain = (state: unknown): unknown =>
  JSON.parse(
    JSON.stringify(state, (_, value: unknown) => (ArrayBuffer.isView(value) ? [...(value as Float64Array)] : value)),
  );

async function goOn({ parameters, step }: Setup, expected: Named[], from: number): Promise<void> {
  for (let s = from; s < golden.gradients.length; s++) {
    await step(...asTensors(golden.gradients[s]));
    await expectNear(parameters, expected[s - from]);
  }
}

describe.each(kinds)('%s', (kind) => {
  const { state_dict, weights } = golden.cases[kind];
  const { saved } = golden;

  test('a state that torch saved goes on as in torch', async () => {
    const setup = await setUp(kind, weights[saved - 1]);
    await loadTorchState(setup.optimizer, fromPlain(state_dict));
    await goOn(setup, weights.slice(saved), saved);
    // torch keeps no count for SGD.
    const count = kind.startsWith('adam') ? golden.gradients.length : golden.gradients.length - saved;
    expect(await setup.optimizer.step.value.item()).toBe(count);
  });

  test('a state of ours has the numbers and the structure of torch', async () => {
    const setup = await setUp(kind);
    for (let s = 0; s < saved; s++) await setup.step(...asTensors(golden.gradients[s]));
    const found = await toTorchState(setup.optimizer);
    const torch = fromPlain(state_dict);
    const present = Object.entries(torch.state).filter(([, fields]) => fields.momentum_buffer !== null);
    expect(Object.keys(found.state)).toEqual(present.map(([index]) => index));
    for (const [index, { step, ...arrays }] of present) {
      const { step: count, ...foundArrays } = found.state[Number(index)];
      expect(count).toBe((step as TorchTensor | undefined)?.data[0]);
      expect(Object.keys(foundArrays)).toEqual(Object.keys(arrays));
      for (const [field, value] of Object.entries(arrays)) {
        const [a, b] = [foundArrays[field], value].map((one) => one as TorchTensor);
        expect(a.shape).toEqual(b.shape);
        expect(distance(a.data, b.data)).toBeLessThanOrEqual(1e-10);
      }
    }
    expect(torch.param_groups).toMatchObject(found.param_groups);
  });

  test('a state of ours goes on in torch as here', async () => {
    const setup = await setUp(kind);
    for (let s = 0; s < saved; s++) await setup.step(...asTensors(golden.gradients[s]));
    const state = await toTorchState(setup.optimizer);
    const data = await Promise.all(setup.parameters.map((parameter) => parameter.data()));
    const now = Object.fromEntries(setup.parameters.map(({ name, shape }, i) => [name, { shape, data: [...data[i]] }]));
    if (process.env.QKV_WRITE_GOLDENS === '1') writeOurs(kind, { state_dict: toPlain(state) as Plain, weights: now });
    const recorded = readGolden<Record<string, { state_dict: Plain; weights: Named }>>(ours)[kind];
    await expectNear(setup.parameters, recorded.weights);
    const [a, b] = [state, fromPlain(recorded.state_dict)].map((one) => flattenTorchState(one));
    expect(a.metadata).toEqual(b.metadata);
    expect([...a.tensors.keys()]).toEqual([...b.tensors.keys()]);
    for (const [name, { data: values }] of a.tensors) {
      expect(distance(values, b.tensors.get(name)!.data)).toBeLessThanOrEqual(1e-10);
    }
    await goOn(setup, readGolden<Record<string, Named[]>>('optim_state_loaded')[kind], saved);
  });

  test('goes through a file and back, bit by bit', async () => {
    const [a, b] = [await setUp(kind), await setUp(kind)];
    for (let s = 0; s < saved; s++) await a.step(...asTensors(golden.gradients[s]));
    const state = await toTorchState(a.optimizer);
    const back = unflattenTorchState(flattenTorchState(state));
    expect(back.param_groups).toEqual(state.param_groups);
    await loadTorchState(b.optimizer, back, kind.startsWith('sgd') ? { step: saved } : {});
    const values = async (optimizer: Optimizer) =>
      Promise.all(optimizer.variables().map((variable) => variable.data()));
    expect(await values(b.optimizer)).toEqual(await values(a.optimizer));
  });

  test('before the first update the state is empty, and loads as such', async () => {
    const [a, b] = [await setUp(kind), await setUp(kind)];
    const state = await toTorchState(a.optimizer);
    expect(state.state).toEqual({});
    await b.step(...asTensors(golden.gradients[0]));
    await loadTorchState(b.optimizer, state, kind.startsWith('sgd') ? { step: 0 } : {});
    for (const variable of b.optimizer.variables())
      expect((await variable.data()).every((value) => value === 0)).toBe(true);
  });
});

function writeOurs(kind: string, value: { state_dict: Plain; weights: Named }): void {
  let all: Record<string, unknown> = {};
  try {
    all = readGolden(ours);
  } catch {} // the first one
  writeFileSync(goldenPath(ours), `${JSON.stringify({ ...all, [kind]: value })}\n`);
}

describe('layout', () => {
  const permute = ({ shape }: Parameter): number[] | undefined => (shape.length === 2 ? [1, 0] : undefined);

  test('axes in another order are exchanged on the way there, and back', async () => {
    const [a, b] = [await setUp('adam'), await setUp('adam')];
    await a.step(...asTensors(golden.gradients[0]));
    const [plain, permuted] = [await toTorchState(a.optimizer), await toTorchState(a.optimizer, { permute })];
    const [before, after] = [plain, permuted].map((one) => one.state[0].exp_avg as TorchTensor);
    expect([before.shape, after.shape]).toEqual([
      [4, 3],
      [3, 4],
    ]);
    for (let i = 0; i < 4; i++) for (let j = 0; j < 3; j++) expect(after.data[j * 4 + i]).toBe(before.data[i * 3 + j]);
    await loadTorchState(b.optimizer, permuted, { permute });
    expect(await b.optimizer.variables()[1].data()).toEqual(await a.optimizer.variables()[1].data());
  });

  test('three axes go there and back', async () => {
    const parameters = makeParameters({ w: { shape: [2, 3, 4], data: Array.from({ length: 24 }, (_, i) => i) } });
    const optimizer = new SGD(parameters, { learningRate: 1, momentum: 0.5 });
    const step = compile((g: Tensor) => void optimizer.apply([g]), { mode: 'train' });
    await step(
      tensor(
        Float32Array.from({ length: 24 }, (_, i) => i),
        [2, 3, 4],
      ),
    );
    const turned = await toTorchState(optimizer, { permute: () => [2, 0, 1] });
    const { shape, data } = turned.state[0].momentum_buffer as TorchTensor;
    expect(shape).toEqual([4, 2, 3]);
    for (let k = 0; k < 4; k++)
      for (let i = 0; i < 2; i++)
        for (let j = 0; j < 3; j++) expect(data[(k * 2 + i) * 3 + j]).toBe((i * 3 + j) * 4 + k);
    optimizer.release();
    await loadTorchState(optimizer, turned, { permute: () => [2, 0, 1] });
    expect(await optimizer.variables()[1].data()).toEqual(Float32Array.from({ length: 24 }, (_, i) => i));
  });

  test('groups say in which order torch has the parameters', async () => {
    const [a, b] = [await setUp('adamw'), await setUp('adamw')];
    await a.step(...asTensors(golden.gradients[0]));
    const groups = ({ parameters: [w, bias, gain] }: Setup) => ({ groups: [[gain], [w], [bias]] });
    const state = await toTorchState(a.optimizer, groups(a));
    expect(state.param_groups.map(({ params, weight_decay }) => [params, weight_decay])).toEqual([
      [[0], 0],
      [[1], 0.05],
      [[2], 0],
    ]);
    expect((state.state[0].exp_avg as TorchTensor).shape).toEqual([3]);
    await loadTorchState(b.optimizer, state, groups(b));
    expect(await b.optimizer.variables()[2].data()).toEqual(await a.optimizer.variables()[2].data());
  });

  test('the rate of a schedule is that of the next update', async () => {
    const parameters = makeParameters(golden.initial);
    const optimizer = new SGD(parameters, {
      learningRate: cosine({ learningRate: 1, steps: 10, warmup: 4 }),
      momentum: 0.9,
    });
    const step = compile((...gradients: Tensor[]) => void optimizer.apply(gradients), { mode: 'train' });
    await step(...asTensors(golden.gradients[0]));
    const state = await toTorchState(optimizer);
    expect(state.param_groups[0].lr).toBe(0.5);
    await expect(loadTorchState(optimizer, state)).rejects.toThrow(
      "is a schedule and torch's SGD keeps no count of updates; give { step }",
    );
    await loadTorchState(optimizer, state, { step: 1 });
  });
});
