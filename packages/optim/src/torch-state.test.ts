import { writeFileSync } from 'node:fs';

import { compile, type Compiled, type Engine, type Parameter, tensor, type Tensor } from '@qkv/tensor';
import { beforeEach, describe, expect, test } from 'vitest';

import {
  type Array64,
  asTensors,
  distance,
  expectNear,
  float64,
  goldenPath,
  makeParameters,
  type Named,
  readGolden,
  type Start,
} from '../test/goldens';
import { Adam, AdamW } from './adam';
import { Optimizer } from './optimizer';
import { cosine } from './schedules';
import { SGD } from './sgd';
import type { TorchState, TorchTensor } from './torch-layout';
import { loadTorchState, toTorchState } from './torch-state';
import { flattenTorchState, unflattenTorchState } from './torch-state-file';

type Plain = {
  state: Record<string, Record<string, Array64 | number | null>>;
  param_groups: TorchState['param_groups'];
};
interface Case {
  readonly state_dict: Plain;
  readonly weights: Named[];
}
const golden = readGolden<Start & { saved: number; cases: Record<string, Case> }>('optim_state');
/** As scripts in torch read it, and torch's weights after it has gone on from there. */
const ours = 'optim_state_ours';

const makers: Record<string, (parameters: Parameter[]) => Optimizer> = {
  adamw: (p) => new AdamW(p, { learningRate: 1e-2, weightDecay: 0.05, decayFilter: ({ shape }) => shape.length > 1 }),
  adam: (p) => new Adam(p, { learningRate: 1e-2, betas: [0.9, 0.98], epsilon: 1e-9, weightDecay: 0.05 }),
  sgd: (p) => new SGD(p, { learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-2 }),
  sgd_plain: (p) => new SGD(p, { learningRate: 0.1 }),
};
const kinds = Object.keys(makers);

const fromPlain = ({ state, param_groups }: Plain): TorchState => ({
  state: Object.fromEntries(
    Object.entries(state).map(([index, fields]) => {
      const entries = Object.entries(fields).map(([field, value]) => {
        const isArray = typeof value === 'object' && value !== null;
        return [field, isArray ? { ...value, data: Float64Array.from(value.data) } : value] as const;
      });
      return [index, Object.fromEntries(entries)];
    }),
  ),
  param_groups,
});
const toPlain = (state: unknown): unknown =>
  JSON.parse(
    JSON.stringify(state, (_, value: unknown) => (ArrayBuffer.isView(value) ? [...(value as Float64Array)] : value)),
  );

let engine: Engine;
beforeEach(() => void (engine = float64()));

interface Setup {
  readonly parameters: Parameter[];
  readonly optimizer: Optimizer;
  readonly step: Compiled<Tensor[], void>;
}

async function setUp(kind: string, weights = golden.initial): Promise<Setup> {
  const parameters = makeParameters(weights);
  const optimizer = makers[kind](parameters);
  const step = compile((...gradients: Tensor[]) => void optimizer.apply(gradients), { mode: 'train', engine });
  // Weights of a golden are doubles, which `constant` would round.
  const data = Object.values(weights).map((one) => Float64Array.from(one.data));
  await step(...asTensors(golden.gradients[0]));
  optimizer.release();
  for (const [i, parameter] of parameters.entries()) await parameter.load(data[i]);
  return { parameters, optimizer, step };
}

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

describe('what does not fit is refused, and nothing is loaded', () => {
  const good = fromPlain(golden.cases.adamw.state_dict);
  const [matrix, vectors] = good.param_groups;
  const withState = (index: number, fields: object): TorchState => ({
    ...good,
    state: { ...good.state, [index]: { ...good.state[index], ...fields } },
  });
  const scalar = (value: number): TorchTensor => ({ shape: [], data: Float64Array.of(value) });

  test.each<[string, unknown, string]>([
    [
      'other betas',
      { ...good, param_groups: [matrix, { ...vectors, betas: [0.9, 0.95] }] },
      'group 1 has betas [0.9,0.95], not [0.9,0.999]; make it with that',
    ],
    [
      'other decay',
      { ...good, param_groups: [{ ...matrix, weight_decay: 0.1 }, vectors] },
      'group 0 has weight_decay 0.1, not 0.05',
    ],
    [
      'amsgrad',
      { ...good, param_groups: [{ ...matrix, amsgrad: true }, vectors] },
      'group 0 has amsgrad true, not false',
    ],
    [
      'one group',
      { ...good, param_groups: [{ ...matrix, params: [0, 1, 2] }] },
      "it has groups of 1 + 2 parameters, torch's of 3; say with groups",
    ],
    [
      'an index twice',
      { ...good, param_groups: [matrix, { ...vectors, params: [1, 1] }] },
      'params [0, 1, 1] must be whole numbers, each once',
    ],
    ['a state too many', withState(7, good.state[1]), 'state 7 belongs to no group'],
    [
      'no moments',
      { ...good, state: { 0: good.state[0], 1: good.state[1] } },
      "state 2 (parameter 'norm.gain') has no valid step",
    ],
    [
      'a moment missing',
      withState(1, { exp_avg_sq: undefined }),
      "state 1 (parameter 'layer.bias'): exp_avg_sq is missing",
    ],
    [
      'an array of another type',
      withState(1, { exp_avg: { shape: [4], data: [0, 0, 0, 0] } }),
      'exp_avg is missing, or not { shape, data }',
    ],
    [
      'another shape',
      withState(0, { exp_avg: { shape: [3, 4], data: new Float32Array(12) } }),
      'exp_avg has shape [3, 4] and 12 elements, expected [4, 3]',
    ],
    [
      'another length',
      withState(0, { exp_avg: { shape: [4, 3], data: new Float32Array(11) } }),
      'exp_avg has shape [4, 3] and 11 elements',
    ],
    ['different steps', withState(2, { step: scalar(4) }), 'its parameters are at different steps, 3 and 4'],
    ['half a step', withState(2, { step: scalar(2.5) }), 'has no valid step'],
    ['no groups', { state: {} }, 'expected { state, param_groups }'],
  ])('%s', async (_, state, message) => {
    const { optimizer } = await setUp('adamw');
    await expect(loadTorchState(optimizer, state as TorchState)).rejects.toThrow(message);
    for (const variable of optimizer.variables())
      expect((await variable.data()).every((value) => value === 0)).toBe(true);
  });

  test('another count than that of the state', async () => {
    const { optimizer } = await setUp('adamw');
    await expect(loadTorchState(optimizer, good, { step: 4 })).rejects.toThrow('the state is at step 3, not 4');
    const { optimizer: sgd } = await setUp('sgd');
    const state = fromPlain(golden.cases.sgd.state_dict);
    await expect(loadTorchState(sgd, state, { step: -1 })).rejects.toThrow(
      'step must be a whole number from 0, got -1',
    );
  });

  test('groups and axes that are not those of the optimiser', async () => {
    const { optimizer, parameters } = await setUp('adamw');
    const [w, bias, gain] = parameters;
    const [other] = makeParameters({ other: { shape: [1], data: [0] } });
    const split = (...groups: Parameter[][]) => toTorchState(optimizer, { groups });
    await expect(split([w, bias], [gain])).rejects.toThrow(
      'toTorchState: group 0 mixes parameters that decay with others',
    );
    await expect(split([w], [bias])).rejects.toThrow("groups leave out parameter 'norm.gain'");
    await expect(split([w], [bias, gain, gain])).rejects.toThrow("groups list parameter 'norm.gain' twice");
    await expect(split([w], [bias, gain, other])).rejects.toThrow('groups list 4 parameters, the optimiser has 3');
    await expect(split([w], [bias, gain], [])).rejects.toThrow('group 2 is empty');
    await expect(toTorchState(optimizer, { permute: () => [0] })).rejects.toThrow(
      "permute gives [0] for 'layer.weight', which has 2 axes; name each axis once",
    );
  });

  test('an optimiser that torch does not have', async () => {
    class Own extends Optimizer {
      protected readonly kinds = [];
      protected override update(): void {}
    }
    const own = new Own('Own', makeParameters(golden.initial), { learningRate: 1 });
    await expect(toTorchState(own)).rejects.toThrow(
      'expected an AdamW, Adam or SGD, got Own, which torch does not have',
    );
  });

  test('files of another kind', () => {
    const { tensors, metadata } = flattenTorchState(good);
    const read =
      (entries: [string, unknown][], texts: Record<string, string> = metadata) =>
      () =>
        unflattenTorchState({ tensors: new Map(entries) as typeof tensors, metadata: texts });
    const entry = { dtype: 'F16', shape: [1], data: new Uint16Array(1) };
    expect(read([['weight', entry]])).toThrow("unflattenTorchState: unexpected tensor 'weight'");
    expect(read([['state.-1.exp_avg', entry]])).toThrow("unexpected tensor 'state.-1.exp_avg'");
    expect(read([['state.0.exp_avg', entry]])).toThrow("'state.0.exp_avg' is of dtype F16, expected F32 or F64");
    expect(read([...tensors], {})).toThrow("the metadata have no 'param_groups'");
    expect(read([...tensors], { param_groups: '[' })).toThrow("'param_groups' is not JSON text");
    expect(read([...tensors], { param_groups: '[{}]' })).toThrow("'param_groups' is not a list of groups");
  });
});
