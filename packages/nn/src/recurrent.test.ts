import { checkGradient, grad } from '@qkv/autograd';
import { compile, constant, type Engine, read, run, type Shape, type Tensor, tensor, zeros } from '@qkv/tensor';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { difference, float64, numbers } from '../test/numbers';
import { GRU } from './gru';
import { LSTM } from './lstm';
import { capture, patch } from './capture';
import { initialize } from './module';
import { loadStateDict } from './state-dict';

// Values and gradients against torch, packed sequences too: tooling/conformance/src/goldens/recurrent.ts.

type Weights = Readonly<Record<'inputWeight' | 'stateWeight' | 'inputBias' | 'stateBias', Float64Array>>;

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** W x + b. */
const affine = (weight: Float64Array, x: readonly number[], bias: Float64Array): number[] =>
  Array.from(bias, (b, row) => x.reduce((sum, v, i) => sum + weight[row * x.length + i] * v, b));

/** One step of one row, from the formulas. The states are hidden, and cell for an LSTM. */
function naiveStep(
  kind: 'lstm' | 'gru',
  weights: Weights,
  x: readonly number[],
  states: readonly number[][],
): number[][] {
  const [h, c] = states;
  const H = h.length;
  const fromInput = affine(weights.inputWeight, x, weights.inputBias);
  const fromState = affine(weights.stateWeight, h, weights.stateBias);
  const gate = (index: number, unit: number): number => fromInput[index * H + unit] + fromState[index * H + unit];
  if (kind === 'gru') {
    return [
      h.map((old, u) => {
        const n = Math.tanh(fromInput[2 * H + u] + sigmoid(gate(0, u)) * fromState[2 * H + u]);
        return (1 - sigmoid(gate(1, u))) * n + sigmoid(gate(1, u)) * old;
      }),
    ];
  }
  const cell = c.map((old, u) => sigmoid(gate(1, u)) * old + sigmoid(gate(0, u)) * Math.tanh(gate(2, u)));
  return [cell.map((value, u) => sigmoid(gate(3, u)) * Math.tanh(value)), cell];
}

/** All layers and directions over one row: outputs, and the last states in torch's order. */
function naiveRow(
  kind: 'lstm' | 'gru',
  layers: readonly (readonly Weights[])[],
  x: readonly number[][],
  tokens: readonly boolean[],
  first: readonly (readonly number[][])[],
): { outputs: number[][]; last: number[][][] } {
  const last: number[][][] = [];
  let outputs = [...x];
  layers.forEach((directions, layer) => {
    const joined = outputs.map((): number[] => []);
    directions.forEach((weights, direction) => {
      let states = [...first[layer * directions.length + direction]];
      const times = [...outputs.keys()];
      if (direction === 1) times.reverse();
      for (const t of times) {
        if (tokens[t]) states = naiveStep(kind, weights, outputs[t], states);
        joined[t].push(...(tokens[t] ? states[0] : states[0].map(() => 0)));
      }
      last.push(states);
    });
    outputs = joined;
  });
  return { outputs, last };
}

const anyCase = fc.record({
  kind: fc.constantFrom('lstm' as const, 'gru' as const),
  inputs: fc.integer({ min: 1, max: 3 }),
  hidden: fc.integer({ min: 1, max: 3 }),
  layers: fc.integer({ min: 1, max: 3 }),
  bidirectional: fc.boolean(),
  bias: fc.boolean(),
  given: fc.boolean(),
  // Holes too, not only endings; rows without any token.
  tokens: fc
    .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4 }))
    .chain(([B, T]) =>
      fc.array(fc.array(fc.boolean(), { minLength: T, maxLength: T }), { minLength: B, maxLength: B }),
    ),
});
type Case = typeof anyCase extends fc.Arbitrary<infer T> ? T : never;

const split = (data: ArrayLike<number>, width: number): number[][] =>
  Array.from({ length: data.length / width }, (_, i) => Array.from(data).slice(i * width, (i + 1) * width));

async function compareWithLoops(one: Case, engine: Engine): Promise<void> {
  const { kind, inputs, hidden, layers, bidirectional, bias, given, tokens } = one;
  const [B, T, D] = [tokens.length, tokens[0].length, bidirectional ? 2 : 1];
  const model = new (kind === 'lstm' ? LSTM : GRU)({ inputs, hidden, layers, bidirectional, bias });
  const entries = new Map(
    [...model.namedParameters()].map(([name, { shape }], i) => [name, { shape, data: numbers(shape, i) }]),
  );
  await loadStateDict(model, entries, { engine });
  const weights = Array.from({ length: layers }, (_, k) =>
    (bidirectional ? ['forwardLayers', 'backwardLayers'] : ['forwardLayers']).map((side): Weights => {
      const of = (name: string): Float64Array =>
        entries.get(`${side}.${k}.${name}`)?.data ?? new Float64Array(hidden * (kind === 'lstm' ? 4 : 3));
      return {
        inputWeight: of('inputWeight'),
        stateWeight: of('stateWeight'),
        inputBias: of('inputBias'),
        stateBias: of('stateBias'),
      };
    }),
  );
  const names = kind === 'lstm' ? ['hidden', 'cell'] : ['hidden'];
  const stateShape: Shape = [layers * D, B, hidden];
  const first = names.map((_, i) => (given ? numbers(stateShape, 40 + i) : new Float64Array(layers * D * B * hidden)));
  const x = numbers([B, T, inputs], 50);
  const computed = await run(
    () => {
      const state = Object.fromEntries(names.map((name, i) => [name, constant(first[i], stateShape)]));
      const { output, state: end } = model.forward(constant(x, [B, T, inputs]), {
        mask: constant(tokens, [B, T]),
        ...(given && { state: state as never }),
      });
      return [output, ...names.map((name) => (end as Record<string, Tensor>)[name])];
    },
    { engine },
  );
  expect(computed.map(({ shape }) => shape)).toEqual([[B, T, D * hidden], ...names.map(() => stateShape)]);
  const [output, ...last] = await read(computed, { engine });
  const rows = split(x, T * inputs).map((row, b) =>
    naiveRow(
      kind,
      weights,
      split(row, inputs),
      tokens[b],
      Array.from({ length: layers * D }, (_, i) => first.map((data) => split(data, hidden)[i * B + b])),
    ),
  );
  expect(
    difference(
      output,
      rows.flatMap(({ outputs }) => outputs.flat()),
    ),
  ).toBeLessThan(1e-12);
  last.forEach((data, s) => {
    const expected = Array.from({ length: layers * D }, (_, i) => rows.flatMap((row) => row.last[i][s]));
    expect(difference(data, expected.flat())).toBeLessThan(1e-12);
  });
}

test('LSTM and GRU are their formulas: layers, directions, masks with holes, first and last states', async () => {
  const engine = float64();
  await fc.assert(
    fc.asyncProperty(anyCase, (one) => compareWithLoops(one, engine)),
    { seed: 5, numRuns: 120 },
  );
});

const KINDS = [
  ['LSTM', LSTM],
  ['GRU', GRU],
] as const;

describe.each(KINDS)('%s', (name, Layer) => {
  const make = (options: object = {}): LSTM => new Layer({ inputs: 3, hidden: 4, ...options }) as LSTM;
  const states = (state: object): Tensor[] => Object.values(state) as Tensor[];

  test('has the gradient of differences, through masks and states', async () => {
    const engine = float64();
    const layer = make({ layers: 2, bidirectional: true, hidden: 2, inputs: 2 });
    const mask = [true, true, true, true, false, true];
    const shape = layer.initialState(2).hidden.shape;
    const report = await checkGradient(
      (x, hidden, cell) => {
        const { output, state } = layer.forward(x, { state: { hidden, cell }, mask: constant(mask, [2, 3]) });
        return [output, ...states(state), cell.sum()];
      },
      [tensor(numbers([2, 3, 2], 1), [2, 3, 2]), tensor(numbers(shape, 2), shape), tensor(numbers(shape, 3), shape)],
      { engine },
    );
    expect(report.error).toBeLessThan(1e-9);
  });

  test('token by token gives what the whole sequence gives', async () => {
    const engine = float64();
    const layer = make({ layers: 2 });
    const pairs = await run(
      () => {
        const x: Tensor = constant(numbers([2, 5, 3], 1), [2, 5, 3]);
        const whole = layer.forward(x);
        let state = layer.initialState(2);
        const outputs = Array.from({ length: 5 }, (_, t) => {
          const next = layer.step(x.slice([0, t], [2, 1]).squeeze(1), state);
          state = next.state;
          return next.output;
        });
        return [
          ...outputs.flatMap((output, t) => [output, whole.output.slice([0, t], [2, 1]).squeeze(1)]),
          ...states(state).flatMap((part, i) => [part, states(whole.state)[i]]),
        ];
      },
      { engine },
    );
    const data = await read(pairs, { engine });
    for (let i = 0; i < data.length; i += 2) expect(difference(data[i], data[i + 1])).toBeLessThan(1e-14);
  });

  test('neither padding behind a row nor what stands in it changes a bit', async () => {
    const engine = float64();
    const layer = make({ layers: 2, bidirectional: true });
    initialize(layer, { seed: 1 });
    const [short, long] = [numbers([1, 3, 3], 1), numbers([1, 5, 3], 2)];
    long.set(short);
    const computed = await run(
      () => {
        const mask = constant([true, true, true, false, false], [1, 5]);
        const [a, b] = [layer.forward(constant(short, [1, 3, 3])), layer.forward(constant(long, [1, 5, 3]), { mask })];
        return [
          a.output,
          b.output.slice([0, 0], [1, 3]),
          ...states(a.state),
          ...states(b.state),
          b.output.slice([0, 3]),
        ];
      },
      { engine },
    );
    const data = await read(computed, { engine });
    const half = (data.length - 3) / 2;
    expect(data[1]).toEqual(data[0]);
    expect(data.slice(2 + half, -1)).toEqual(data.slice(2, 2 + half));
    expect(new Set(data.at(-1))).toEqual(new Set([0]));
  });

  test('a hundred steps are few nodes, and one product each', () => {
    const text = compile((x: Tensor) => make().forward(x).output, { engine: float64() }).explain(
      zeros([2, 100, 3]) as Tensor,
    );
    expect(text.match(/ matmul /g)).toHaveLength(1 + 100); // of all inputs, and of each state
    expect(Number(/ steps from (\d+) nodes/.exec(text)![1])).toBeLessThan(40);
  });

  test('nor does their gradient have more than one product a step, and one for all weights of a kind', () => {
    const layer = make();
    const gradients = compile((x: Tensor) => grad(layer.forward(x).output.square().sum(), [x, ...layer.parameters()]), {
      engine: float64(),
    });
    const text = gradients.explain(zeros([2, 100, 3]) as Tensor);
    // Beside those of the values: all gates again, each state but the first, the inputs, and both weights.
    expect(text.match(/ matmul /g)).toHaveLength(101 + 1 + 99 + 1 + 2);
  });

  test('drops between layers, while training', async () => {
    const engine = float64();
    const layer = make({ layers: 2, dropout: 0.5 });
    const x = numbers([2, 4, 3], 1);
    const outputs = async (mode: 'train' | 'inference', of: LSTM): Promise<ArrayLike<number>> =>
      (await run(() => of.forward(constant(x, [2, 4, 3])).output, { engine, mode, seed: 3 })).data();
    expect(difference(await outputs('train', layer), await outputs('inference', layer))).toBeGreaterThan(1e-3);
    const single = make({ dropout: 0.5 });
    expect(await outputs('train', single)).toEqual(await outputs('inference', single));
  });

  test('starts as torch does, under names that map to its own', async () => {
    const layer = make({ bidirectional: true, layers: 2 });
    const gates = name === 'LSTM' ? 4 : 3;
    const shapes = Object.fromEntries([...layer.namedParameters()].map(([path, { shape }]) => [path, shape]));
    expect(Object.keys(shapes)).toHaveLength(16);
    expect(shapes['forwardLayers.0.inputWeight']).toEqual([4 * gates, 3]);
    expect(shapes['backwardLayers.1.inputWeight']).toEqual([4 * gates, 8]);
    expect(shapes['backwardLayers.1.stateWeight']).toEqual([4 * gates, 4]);
    expect(shapes['forwardLayers.1.stateBias']).toEqual([4 * gates]);
    for (const parameter of layer.parameters()) {
      const most = Math.max(...(await parameter.data()).map(Math.abs));
      expect(most).toBeLessThanOrEqual(0.5);
      expect(most).toBeGreaterThan(0.3);
    }
  });

  test('says what does not fit', () => {
    const layer = make();
    const x = zeros([2, 5, 3]);
    expect(() => layer.forward(zeros([2, 5, 4]))).toThrow(`${name}: expected a last dimension of 3, got [2, 5, 4]`);
    expect(() => layer.forward(zeros([5, 3]))).toThrow(`${name}: expected (B, T, 3) with T ≥ 1, got [5, 3]`);
    expect(() => layer.forward(zeros([2, 0, 3]))).toThrow(`${name}: expected (B, T, 3) with T ≥ 1, got [2, 0, 3]`);
    expect(() => layer.forward(x, { mask: zeros([5, 2], 'bool') })).toThrow(
      `${name}: expected a mask bool [2, 5], true for tokens, got bool [5, 2]`,
    );
    expect(() => layer.forward(x, { mask: zeros([2, 5]) })).toThrow('got float32 [2, 5]');
    expect(() => layer.forward(x, { state: layer.initialState(3) })).toThrow(
      `${name}: expected the state 'hidden' (layers · directions, B, H) as [1, 2, 4], got [1, 3, 4]`,
    );
    expect(() => layer.forward(x, { state: {} as never })).toThrow('as [1, 2, 4], got none');
    expect(() => layer.step(x, layer.initialState(2))).toThrow(
      `${name}: expected one token a row, (B, 3), got [2, 5, 3]`,
    );
    const both = make({ bidirectional: true });
    expect(() => both.step(zeros([2, 3]), both.initialState(2))).toThrow(
      `${name}: a bidirectional one cannot step, because it reads from the end too`,
    );
    expect(() => make({ layers: 0 })).toThrow(new RangeError(`${name}: layers must be a positive integer, got 0`));
    expect(() => make({ hidden: 1.5 })).toThrow(`${name}: hidden must be a positive integer, got 1.5`);
    expect(() => make({ dropout: 1 })).toThrow('Dropout: rate must be in [0, 1), got 1');
  });
});

test.each([LSTM, GRU])('%o: what it gives can be captured and patched, its gradient too', async (Layer) => {
  const layer = new Layer({ inputs: 3, hidden: 2, layers: 2, bidirectional: true });
  const x: Tensor = constant(numbers([2, 4, 3], 5), [2, 4, 3]);
  const [output, hidden, slope] = await run(() => {
    const { output: given, captured } = capture(layer, 'hidden', () => layer.forward(x).output);
    return [given, captured, grad(given.square().sum(), captured)];
  });
  expect(await hidden.data()).toEqual(await output.data());
  expect(
    difference(
      await slope.data(),
      (await output.data()).map((value) => 2 * value),
    ),
  ).toBeLessThan(1e-6);
  const patched = patch(layer, { hidden: zeros([2, 4, 4]) }, () => layer.forward(x).output);
  expect(await patched.data()).toEqual(new Float32Array(32));
  expect(() => capture(layer, '', () => layer.forward(x))).toThrow("but it has values 'hidden'");
});
