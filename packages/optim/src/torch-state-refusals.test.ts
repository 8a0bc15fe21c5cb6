import type { Parameter } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { makeParameters } from '../test/goldens';
import { fromPlain, golden, setUp } from '../test/torch';
import { Optimizer } from './optimizer';
import type { TorchState, TorchTensor } from './torch-layout';
import { loadTorchState, toTorchState } from './torch-state';
import { flattenTorchState, unflattenTorchState } from './torch-state-file';

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
