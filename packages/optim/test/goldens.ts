import { readFileSync } from 'node:fs';

import { constant, createReferenceBackend, Engine, Parameter, type Tensor } from '@qkv/tensor';
import { expect } from 'vitest';

export const goldenPath = (name: string): URL => new URL(`../../../tooling/goldens/data/${name}.json`, import.meta.url);

export const readGolden = <T>(name: string): T => JSON.parse(readFileSync(goldenPath(name), 'utf8')) as T;

export interface Array64 {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}
export type Named = Readonly<Record<string, Array64>>;

/** What every golden of torch's optimisers starts from. */
export interface Start {
  readonly initial: Named;
  readonly gradients: readonly Named[];
}

export const float64 = (): Engine => new Engine(createReferenceBackend({ precision: 'float64' }));

export const makeParameters = (initial: Named): Parameter[] =>
  Object.entries(initial).map(([name, { shape, data }]) => {
    return new Parameter({ shape, initialize: () => constant([...data], shape), name });
  });

export const asTensors = (named: Named): Tensor[] =>
  Object.values(named).map(({ shape, data }) => constant([...data], shape));

/** Largest difference of any element. */
export function distance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]);
    if (!(error <= worst)) worst = error; // NaN too
  }
  return worst;
}

/** Fails unless every value is within 1e−10 of torch's. */
export async function expectNear(
  actual: readonly { data(): Promise<ArrayLike<number>> }[],
  expected: Named,
): Promise<void> {
  const data = await Promise.all(actual.map((one) => one.data()));
  Object.values(expected).forEach((one, i) => expect(distance(data[i], one.data)).toBeLessThanOrEqual(1e-10));
}
