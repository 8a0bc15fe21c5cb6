import { compile, constant, Engine, randomUniform, tensor, type Tensor, Variable, writeAt, zeros } from '@qkv/tensor';
import { beforeAll, describe, expect, test } from 'vitest';

import { BACKENDS } from './backends';

const LENGTH = 40;

/** A loop with all that a decoding loop has: state, a position, random numbers, arguments, constants, an end. */
function loopOn(engine: Engine, frozen: boolean) {
  const state = (name: string, shape: number[], dtype: 'float32' | 'int32' = 'float32'): Variable =>
    new Variable({ name, shape, dtype, initialize: () => zeros(shape, dtype) });
  const position = state('position', [], 'int32');
  const x = state('x', [8, 8]);
  const seen = state('seen', [LENGTH, 8]);
  const table = constant(
    Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)),
    [8, 8],
  );
  const step = compile(
    (weight: Tensor, end: Tensor) => {
      const next: Tensor = x.value
        .matmul(weight)
        .add(table)
        .add(randomUniform([8, 8]))
        .mul(0.25);
      seen.assign(writeAt(seen.value, next.slice([0, 0], [1, 8]), position.value));
      x.assign(next);
      position.assign(position.value.add(1));
      return position.value.lessEqual(end.sub(1)).not();
    },
    { mode: 'train', seed: 5, engine, frozen },
  );
  const weight = tensor(
    Float32Array.from({ length: 64 }, (_, i) => Math.cos(i)),
    [8, 8],
  );
  const end = (n: number): Tensor => tensor(Int32Array.of(n), [], 'int32');
  const result = async (): Promise<unknown> => [
    await seen.value.data(),
    await x.value.data(),
    await position.value.data(),
  ];
  const release = (): void => [position, x, seen].forEach((variable) => variable.release());
  return { step, weight, end, result, release };
}

describe.each(BACKENDS)('repeated calls on %s', (_, createBackend) => {
  let engine: Engine;
  beforeAll(async () => void (engine = new Engine(await createBackend())));

  test.each([false, true])('have the bits of calls one by one (frozen: %s)', async (frozen) => {
    const one = loopOn(engine, frozen);
    const many = loopOn(engine, frozen);
    for (let i = 0; i < 30; i++) await one.step(one.weight, one.end(1000));
    expect(await many.step.repeat(13, many.weight, many.end(1000))).toBe(13);
    expect(await many.step.repeat(17, many.weight, many.end(1000))).toBe(17);
    expect(await many.result()).toEqual(await one.result());
    expect(many.step.step).toBe(one.step.step);
    one.release();
    many.release();
  });

  test('end with the call whose result is true', async () => {
    const one = loopOn(engine, true);
    const many = loopOn(engine, true);
    for (let i = 0; i < 7; i++) await one.step(one.weight, one.end(7));
    expect(await many.step.repeat(30, many.weight, many.end(7))).toBe(7);
    expect(await many.result()).toEqual(await one.result());
    one.release();
    many.release();
  });
});

describe('writeAt', () => {
  test.each(BACKENDS)('outside of the axis nothing is written, on %s', async (_, createBackend) => {
    const engine = new Engine(await createBackend());
    const written = compile((at: Tensor) => writeAt(constant([1, 2, 3, 4], [2, 2]), constant([9, 9], [2, 1]), at, -1), {
      engine,
    });
    for (const [position, expected] of [
      [-1, [1, 2, 3, 4]],
      [0, [9, 2, 9, 4]],
      [1, [1, 9, 3, 9]],
      [2, [1, 2, 3, 4]],
    ] as const) {
      expect([...(await (await written(tensor(Int32Array.of(position), [], 'int32'))).data())]).toEqual(expected);
    }
  });
});
