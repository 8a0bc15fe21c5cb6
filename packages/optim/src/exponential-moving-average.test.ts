import {
  compile,
  type Compiled,
  constant,
  createReferenceBackend,
  Engine,
  Parameter,
  full,
  run,
  type Tensor,
} from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { asTensors, expectNear, float64, makeParameters, type Named, readGolden, type Start } from '../test/goldens';
import { ExponentialMovingAverage } from './exponential-moving-average';
import { SGD } from './sgd';

const golden = readGolden<Start & { learningRate: number; decay: number; plain: Named[]; warmup: Named[] }>(
  'optim_average',
);

interface Setup {
  readonly parameters: Parameter[];
  readonly average: ExponentialMovingAverage;
  readonly step: Compiled<Tensor[], void>;
}

function setUp(options: { decay?: number; warmup?: boolean }, engine?: Engine): Setup {
  const parameters = makeParameters(golden.initial);
  const optimizer = new SGD(parameters, { learningRate: golden.learningRate });
  const average = new ExponentialMovingAverage(parameters, options);
  const step = compile(
    (...gradients: Tensor[]) => {
      optimizer.apply(gradients);
      average.update();
    },
    { mode: 'train', engine },
  );
  return { parameters, average, step };
}

const bits = async (variables: Iterable<{ data(): Promise<ArrayLike<number>> }>): Promise<number[]> => {
  const values = await Promise.all([...variables].map((variable) => variable.data()));
  return values.flatMap((data) => [...new Uint32Array(Float32Array.from(data).buffer)]);
};

describe('update', () => {
  test.each(['plain', 'warmup'] as const)('agrees with torch step by step (%s)', async (kind) => {
    const { average, step } = setUp({ decay: golden.decay, warmup: kind === 'warmup' }, float64());
    for (const [s, gradients] of golden.gradients.entries()) {
      await step(...asTensors(gradients));
      await expectNear(average.variables().slice(1), golden[kind][s]);
    }
    expect(await average.updates.value.item()).toBe(golden.gradients.length);
  });

  test('keeps weights that stand still, in float32 to the last bit', async () => {
    const values = Float32Array.from({ length: 64 }, (_, i) => (i % 2 ? -1 : 1) / (i + 3));
    const w = new Parameter({ shape: [64], initialize: () => constant(values), name: 'w' });
    const averages = [0.9, 0.99, 0.999].map((decay) => new ExponentialMovingAverage([w], { decay }));
    const step = compile(() => averages.forEach((average) => average.update()));
    for (let i = 0; i < 20; i++) await step();
    for (const average of averages) expect(await bits(average.variables().slice(1))).toEqual(await bits([w]));
  });

  test('makes one plan for all steps, the first one included', async () => {
    const engine = new Engine(createReferenceBackend());
    const { step } = setUp({ warmup: true }, engine);
    const plans: number[] = [];
    for (const gradients of golden.gradients) {
      await step(...asTensors(gradients));
      plans.push(engine.memory().plans);
    }
    expect(new Set(plans.slice(1)).size).toBe(1);
  });
});

describe('swap', () => {
  test('exchanges bit by bit, and training goes on as if nothing had been', async () => {
    const [a, b] = [setUp({ decay: 0.9 }), setUp({ decay: 0.9 })];
    for (const [s, gradients] of golden.gradients.entries()) {
      await Promise.all([a, b].map(({ step }) => step(...asTensors(gradients))));
      const [averages, weights] = [await bits(b.average.variables().slice(1)), await bits(b.parameters)];
      const swapped = a.average.swap(); // not awaited: what follows is queued behind it
      expect(await bits(a.parameters), `step ${s}`).toEqual(averages);
      await swapped;
      expect(a.average.swapped).toBe(true);
      await a.average.swap();
      expect(await bits(a.parameters)).toEqual(weights);
      expect(await bits(a.average.variables())).toEqual(await bits(b.average.variables()));
    }
    expect(await bits(a.parameters)).not.toEqual(await bits(a.average.variables().slice(1)));
  });

  test('keeps NaN, infinities, zeros of both signs and subnormal numbers', async () => {
    const words = Uint32Array.of(0x7fc00000, 0x7f800000, 0xff800000, 0x80000000, 0, 1, 0x807fffff, 0x3f800000);
    const w = new Parameter({ shape: [8], initialize: () => constant(new Float32Array(words.buffer)), name: 'w' });
    const average = new ExponentialMovingAverage([w]);
    const step = compile(() => {
      average.update();
      w.assign(full([8], 2));
    });
    await step();
    await average.swap();
    expect(await bits([w])).toEqual([...words]);
    await average.swap();
    expect(await w.data()).toEqual(new Float32Array(8).fill(2));
  });

  test('before the first update changes nothing', async () => {
    const { parameters, average } = setUp({});
    await average.swap();
    await expectNear(parameters, golden.initial);
  });

  test('runs on the engine of the parameters', async () => {
    const { parameters, average, step } = setUp({}, float64());
    await step(...asTensors(golden.gradients[0]));
    await average.swap();
    await expectNear(parameters, golden.plain[0]);
  });

  test('while it lasts, nothing that would mix the two up is done', async () => {
    const { average, step } = setUp({});
    await step(...asTensors(golden.gradients[0]));
    await average.swap();
    const refusal = (method: string): string =>
      `ExponentialMovingAverage.${method}: the parameters hold the averages; await swap() first, to have the weights back`;
    expect(() => step(...asTensors(golden.gradients[1]))).toThrow(refusal('update'));
    expect(() => average.namedVariables()).toThrow(refusal('namedVariables'));
    expect(() => average.release()).toThrow(refusal('release'));
    await average.swap();
    await step(...asTensors(golden.gradients[1]));
    expect(await average.updates.value.item()).toBe(2);
  });

  test('is refused inside of a trace', () => {
    const { average } = setUp({});
    expect(() => run(() => void average.swap())).toThrow('ExponentialMovingAverage.swap: call it between runs');
    expect(average.swapped).toBe(false);
  });
});

test('names its state for checkpoints; saved and loaded, goes on bit by bit', async () => {
  const [a, b] = [setUp({ warmup: true }), setUp({ warmup: true })];
  for (let s = 0; s < 3; s++) await a.step(...asTensors(golden.gradients[s]));
  expect([...a.average.namedVariables().keys()]).toEqual([
    'updates',
    ...Object.keys(golden.initial).map((n) => `weights.${n}`),
  ]);
  const from = [...a.parameters, ...a.average.variables()];
  const to = [...b.parameters, ...b.average.variables()];
  for (const [i, variable] of from.entries()) await to[i].load(await variable.data());
  for (const { step } of [a, b]) await step(...asTensors(golden.gradients[3]));
  expect(await bits(to)).toEqual(await bits(from));
});

test('release gives the memory back, and a new average begins', async () => {
  const { parameters, average, step } = setUp({});
  for (const gradients of golden.gradients) await step(...asTensors(gradients));
  average.release();
  expect([average.updates, ...average.variables()].every(({ handle }) => handle === null)).toBe(true);
  await step(...asTensors(golden.gradients[0]));
  expect(await bits(average.variables().slice(1))).toEqual(await bits(parameters));
});

test('options outside their range are refused', () => {
  const parameters = makeParameters(golden.initial);
  expect(() => new ExponentialMovingAverage(parameters, { decay: 1 })).toThrow(
    'ExponentialMovingAverage: decay must be in [0, 1), got 1',
  );
  expect(() => new ExponentialMovingAverage([])).toThrow('ExponentialMovingAverage: there are no parameters');
  expect(() => new ExponentialMovingAverage([parameters[0], parameters[0]])).toThrow('is listed twice');
});
