import {
  type Backend,
  createReferenceBackend,
  Engine,
  internals,
  KERNELS,
  KernelError,
  read,
  scatterAdd,
  tensor,
  type Tensor,
} from '@qkv/tensor';
import { beforeAll, describe, expect, test } from 'vitest';

import { COMPOSITE_CASES, compositeTrial } from './cases/composites';
import { KERNEL_TRIALS } from './cases/kernels';
import { type Observed, observedEngine } from './observe';
import { Sampler } from './sample';
import { faults } from './trial';

/** Trials of each kernel are multiplied by this. */
const ROUNDS = 3;
const COMPOSITE_TRIALS = 40;

/** What is wrong with a kernel on these engines, over all its trials. */
export async function kernelFaults(
  kernel: (typeof KERNELS)[number],
  truth: Engine,
  engines: Readonly<Record<string, Engine>>,
  rounds = ROUNDS,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const trial of KERNEL_TRIALS[kernel](new Sampler(1 + KERNELS.indexOf(kernel)), rounds))
    wrong.push(...(await faults(trial, truth, engines)));
  return wrong;
}

/** What is wrong with a composite on these engines, over this many trials. */
export async function compositeFaults(
  composite: string,
  truth: Engine,
  engines: Readonly<Record<string, Engine>>,
  trials = COMPOSITE_TRIALS,
): Promise<string[]> {
  const wrong: string[] = [];
  const seed = 1000 * (1 + COMPOSITE_CASES.indexOf(composite));
  for (let n = 0; n < trials; n++)
    wrong.push(...(await faults(compositeTrial(composite, new Sampler(seed + n)), truth, engines)));
  return wrong;
}

/** Operations of programs that are primitives or kernels of their own: not what law 7 asks about here. */
const composites = (): string[] => internals.operationNames('composite').filter((name) => !name.startsWith('test.'));

/** What nothing was asked about: kernels of the contract that no plan held, composites without a case or never run. */
export function gaps({ kernels, supported }: Observed, known = composites(), cases = COMPOSITE_CASES): string[] {
  return [
    ...KERNELS.filter((kernel) => !kernels.has(kernel)).map((kernel) => `kernel ${kernel} did not run`),
    ...known.filter((composite) => !cases.includes(composite)).map((composite) => `composite ${composite} has no case`),
    ...cases.filter((composite) => !known.includes(composite)).map((composite) => `there is no composite ${composite}`),
    ...[...supported]
      .filter((composite) => !kernels.has(composite))
      .map((composite) => `composite ${composite} did not run`),
  ];
}

/**
 * Holds a backend against the reference backend in float64: every kernel of the contract and every composite, on random
 * shapes, layouts and types, values and gradients; composites both as the backend has them and expanded.
 */
export function conformanceSuite(name: string, createBackend: () => Backend | Promise<Backend>): void {
  describe(`conformance of ${name}`, () => {
    const observed: Observed = { kernels: new Set(), supported: new Set() };
    let truth: Engine;
    let engines: { fused: Engine; expanded: Engine };
    let backend: Backend;

    beforeAll(async () => {
      truth = new Engine(createReferenceBackend({ precision: 'float64' }));
      backend = await createBackend();
      engines = {
        fused: observedEngine(backend, observed, { plan: { poison: true } }),
        expanded: observedEngine(
          backend,
          { ...observed, supported: new Set() },
          { fused: false, plan: { poison: true } },
        ),
      };
    });

    test.each(KERNELS)('kernel %s', async (kernel) => {
      const wrong = await kernelFaults(kernel, truth, { values: engines.fused });
      expect(observed.kernels).toContain(kernel);
      expect(wrong.slice(0, 10)).toEqual([]);
    });

    test.each(COMPOSITE_CASES)('composite %s', async (composite) => {
      const wrong = await compositeFaults(composite, truth, engines);
      expect(wrong.slice(0, 10)).toEqual([]);
    });

    test('ids outside a table fail the run, and name id and table', async () => {
      const ids = (...list: number[]): Tensor => tensor(Int32Array.from(list));
      const attempts: [() => Tensor, RegExp][] = [
        [() => tensor([1, 2, 3]).gather(ids(0, 3)), /gather.*\b3\b.*\b3\b/],
        [() => tensor([[1], [2]]).gather(ids(1, -1)), /gather.*-1\b.*\b2\b/],
        [() => scatterAdd(ids(5), tensor([1]), 4), /scatterAdd.*\b5\b.*\b4\b/],
        [() => scatterAdd(ids(-(2 ** 31)), tensor([1]), 4), /scatterAdd.*-2147483648\b.*\b4\b/],
        [
          () =>
            internals.applyTensors('crossEntropy', [tensor([[1, 2]]), ids(2)], { smoothing: 0, ignoreIndex: -100 })[0],
          /\b2\b/,
        ],
        [
          () =>
            internals.applyTensors('crossEntropy', [tensor([[1, 2]]), ids(-1)], {
              smoothing: 0.1,
              ignoreIndex: -100,
            })[0],
          /-1\b/,
        ],
      ];
      for (const [make, message] of attempts) {
        for (const engine of Object.values(engines)) {
          const attempt = make();
          const failed = await read([attempt], { engine }).then(
            () => null,
            (error: Error) => error,
          );
          expect(failed?.name, String(message)).toBe(KernelError.name);
          expect(failed?.message).toMatch(message);
        }
      }
    });

    test('everything was exercised: each kernel, and each composite that the backend has', () => {
      expect(gaps(observed)).toEqual([]);
    });
  });
}
