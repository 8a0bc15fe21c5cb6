import { compile, Engine, gelu, randomUniform, run, type Tensor, Variable } from '@qkv/tensor';
import { beforeAll, describe, expect, test } from 'vitest';

import { BACKENDS } from './backends';

/** M, N, K: one row, a few, columns that are split, several blocks of columns or of k, edges of tiles. */
const SIZES = [
  [1, 40, 20], [3, 33, 17], [5, 700, 9], [64, 129, 2049], [70, 1500, 40], [200, 2100, 30], [41, 8, 300], [130, 64, 1100], [33, 5, 0],
]; // prettier-ignore

describe.each(BACKENDS.filter(([name]) => name.startsWith('wasm')))(
  'programs behind products on %s',
  (_, createBackend) => {
    let whole: Engine;
    let apart: Engine;
    beforeAll(async () => {
      whole = new Engine(await createBackend(), { plan: { poison: true } });
      apart = new Engine(await createBackend(), { plan: { fuse: false } });
    });

    test.each(SIZES)('%i × %i × %i: the bits of products and programs apart', async (M, N, K) => {
      const variable = (engine: Engine, name: string, shape: number[]): Variable => {
        const made = new Variable({ name, shape, initialize: () => randomUniform(shape, -1, 1) });
        void run(() => made.value.sum(), { engine });
        return made;
      };
      const compute = async (engine: Engine): Promise<unknown> => {
        const [a, b, bias, residual] = [[M, K], [K, N], [N], [M, N]].map((shape, i) =>
          variable(engine, `v${i}`, shape),
        );
        const both = (): readonly Tensor[] => {
          const x: Tensor = a!.value.matmul(b!.value).add(bias!.value); // also read elsewhere: two results
          const flat: Tensor = a!.value
            .mul(2)
            .matmul(b!.value)
            .reshape([M * N]);
          // The first result of a program may be of another type than the product.
          return [
            gelu(x).add(residual!.value),
            x.sum(0),
            flat.less(0.5),
            a!.value.mul(3).matmul(b!.value).cast('int32'),
          ];
        };
        const results = await compile(both, { engine })();
        for (const made of [a, b, bias, residual]) made!.release();
        return Promise.all(results.map((result) => result.data()));
      };
      expect(await compute(whole)).toEqual(await compute(apart));
    });
  },
);
