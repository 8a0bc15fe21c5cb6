import { grad } from '@qkv/autograd';
import { createWasmBackend } from '@qkv/backend-wasm';
import { loadStateDict } from '@qkv/nn';
import { constant, createReferenceBackend, Engine, type HostData, read, run, type Tensor } from '@qkv/tensor';
import { describe, expect, test } from 'vitest';

import { coveringRows, legalPairs, pairsOf } from './attention/covering';
import { B, D, illegal, type Layer, layerOf, type LayerRow, OPTIONS, PROMPT, T } from './attention/layers';
import { naive, rowsOf } from './attention/naive';
import { dot, Scalar } from './attention/scalar';
import { Sampler } from './sample';

// Every pair of options of attention at least once, against the formulas in loops (./attention/naive.ts), whose gradients
// come from differentiating scalar by scalar (./attention/scalar.ts).

const rows = coveringRows(OPTIONS, illegal, 6);

const engines: Record<LayerRow['place'], () => Promise<Engine>> = {
  'reference, float64': async () => new Engine(createReferenceBackend({ precision: 'float64' })),
  'reference, float32': async () => new Engine(createReferenceBackend({ precision: 'float32' })),
  wasm: async () => new Engine(await createWasmBackend({ threads: 1 })),
};
const made = new Map<string, Promise<Engine>>();
function engineOf(place: LayerRow['place']): Promise<Engine> {
  if (!made.has(place)) made.set(place, engines[place]());
  return made.get(place)!;
}

interface Given {
  readonly layer: Layer;
  readonly weights: ReadonlyMap<string, Float32Array>;
  readonly x: Float32Array;
  /** The same as x in self-attention. */
  readonly keys: Float32Array;
  readonly values: Float32Array;
  /** What outputs are weighted by in the loss. */
  readonly G: Float32Array;
}

/** Numbers that float32 has exactly, so that all places start from the same. */
function given(row: LayerRow, seed: number): Given {
  const layer = layerOf(row);
  const sampler = new Sampler(seed);
  const named = [...layer.module.namedParameters()];
  const weights = new Map(named.map(([name, { size }]) => [name, sampler.floats(size, -0.9, 0.9)]));
  const { S } = layer.specification;
  const x = sampler.floats(B * T * D, -1, 1);
  const G = sampler.floats(B * T * D, -1, 1);
  if (!layer.cross) return { layer, weights, x, keys: x, values: x, G };
  const [keys, values] = [layer.keyDimension, layer.valueDimension].map((size) => sampler.floats(B * S * size, -1, 1));
  return { layer, weights, x, keys, values, G };
}

interface Results {
  readonly y: readonly number[];
  /** Of Σ G·y, by input and parameter. */
  readonly gradients: ReadonlyMap<string, readonly number[]>;
}

function expectedOf({ layer, weights, x, keys, values, G }: Given): Results {
  const scalars = (data: Float32Array): Scalar[] => Array.from(data, (value) => new Scalar(value));
  const parameters = new Map([...weights].map(([name, data]) => [name, scalars(data)]));
  const inputs: Record<string, Scalar[]> = { x: scalars(x) };
  if (layer.cross) Object.assign(inputs, { keys: scalars(keys), values: scalars(values) });
  const from = (name: string, size: number): (readonly Scalar[])[] => rowsOf(inputs[name] ?? inputs.x, size);
  const y = naive(layer.specification, parameters, from('x', D), from('keys', layer.keyDimension), from('values', layer.valueDimension)).flat();
  dot(y, scalars(G)).differentiate();
  const gradients = [...Object.entries(inputs), ...parameters].map(([name, list]) => [name, list.map((s) => s.gradient)] as const);
  return { y: y.map((s) => s.value), gradients: new Map(gradients) };
}

/** The inputs of `forward`, as constants of a run. */
function inputsOf({ layer, x, keys, values }: Given): { x: Tensor; keys: Tensor; values: Tensor } {
  const own = constant(x, [B, T, D]);
  if (!layer.cross) return { x: own, keys: own, values: own };
  const { S } = layer.specification;
  return { x: own, keys: constant(keys, [B, S, layer.keyDimension]), values: constant(values, [B, S, layer.valueDimension]) };
}

async function load(data: Given, engine: Engine): Promise<void> {
  const { layer, weights } = data;
  const shapes = new Map([...layer.module.namedParameters()].map(([name, { shape }]) => [name, shape]));
  const entries = new Map([...weights].map(([name, values]) => [name, { shape: shapes.get(name)!, data: values }]));
  await loadStateDict(layer.module, entries, { engine });
}

async function full(data: Given, engine: Engine): Promise<Results> {
  const { layer, G } = data;
  const parameters = layer.module.namedParameters();
  const names = [...(layer.cross ? ['x', 'keys', 'values'] : ['x']), ...parameters.keys()];
  const tensors = await run(
    () => {
      const inputs = inputsOf(data);
      const y = layer.module.forward(inputs.x, inputs.keys, inputs.values, layer.options());
      const wrt = names.map((name) => inputs[name as 'x'] ?? parameters.get(name)!);
      return [y, ...(grad(y.mul(constant(G, [B, T, D])).sum(), wrt, { unused: 'zero' }) as readonly Tensor[])];
    },
    { engine },
  );
  const [y, ...gradients] = (await read(tensors)).map((host) => Array.from(host));
  return { y, gradients: new Map(names.map((name, n) => [name, gradients[n]])) };
}

/** Outputs of decoding: a prompt of so many positions at once, and the rest one by one. */
async function cached(data: Given, engine: Engine, prompt: number): Promise<number[]> {
  const { layer } = data;
  const { module } = layer;
  const cache = module.createCache(B, layer.specification.S);
  if (layer.cross) {
    await run(
      () => {
        const { keys, values } = inputsOf(data);
        module.remember(cache, keys, values);
      },
      { engine },
    );
  }
  const starts = [0, ...Array.from({ length: T - prompt }, (_, n) => prompt + n)];
  const y: number[][][] = Array.from({ length: B }, () => []);
  for (const [n, start] of starts.entries()) {
    const count = (starts[n + 1] ?? T) - start;
    const part = await run(
      () => {
        const chunk = inputsOf(data).x.slice([0, start, 0], [B, count, D]);
        const position = constant(Int32Array.of(start), []);
        return module.forward(chunk, { cache, position, ...layer.cachedOptions() });
      },
      { engine },
    );
    const host = await part.data();
    for (let b = 0; b < B; b++) y[b].push(Array.from(host.subarray(b * count * D, (b + 1) * count * D)));
  }
  return y.flat(2);
}

function worst(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let most = 0;
  for (let n = 0; n < expected.length; n++) {
    const error = Math.abs(actual[n] - expected[n]);
    if (!(error <= most)) most = error; // NaN too
  }
  return most;
}

const largest = (list: readonly number[]): number => list.reduce((most, value) => Math.max(most, Math.abs(value)), 1);

test('rows have every pair of options that may go together, and no other', () => {
  const covered = new Set(rows.flatMap((row) => pairsOf(OPTIONS, row)));
  const legal = legalPairs(OPTIONS, illegal);
  expect([...legal.keys()].filter((pair) => !covered.has(pair))).toEqual([]);
  expect([...covered].filter((pair) => !legal.has(pair))).toEqual([]);
  // All pairs of choices, but those of rotary with 2 scores and of sinks with 3 normalisations.
  const counts = Object.values(OPTIONS).map((choices) => choices.length);
  const total = counts.reduce((sum, n) => sum + n, 0);
  expect(legal.size).toBe((total ** 2 - counts.reduce((sum, n) => sum + n ** 2, 0)) / 2 - 5);
});

const title = (row: LayerRow): string => Object.entries(row).filter(([, value]) => value !== false && value !== undefined && value !== 'none').map(([name, value]) => (value === true ? name : String(value))).join(', ');

describe.each(rows.map((row, n) => [title(row), row, n] as const))('%s', (_, row, n) => {
  const data = given(row, 100 + n);
  const expected = expectedOf(data);

  test('values and gradients are those of the formulas', async () => {
    const engine = await engineOf(row.place);
    await load(data, engine);
    const exact = row.place === 'reference, float64';
    const actual = await full(data, engine);
    expect(worst(actual.y, expected.y)).toBeLessThan(exact ? 1e-10 : 1e-5);
    expect([...actual.gradients.keys()].toSorted()).toEqual([...expected.gradients.keys()].toSorted());
    for (const [name, gradient] of actual.gradients) {
      const truth = expected.gradients.get(name)!;
      expect(worst(gradient, truth), name).toBeLessThan((exact ? 1e-10 : 1e-5) * largest(truth));
    }
  });

  if (row.cache !== 'full') {
    test('cached decoding gives the same as whole sequences', async () => {
      const prompt = row.cache === 'prefix' ? PROMPT : 1;
      const engine = await engineOf(row.place);
      const y = await cached(data, engine, prompt);
      expect(worst(y, expected.y)).toBeLessThan(row.place === 'reference, float64' ? 1e-10 : 1e-5);
      expect(worst(y, (await full(data, engine)).y)).toBeLessThan(1e-5);
    });
  }

  if (!data.layer.cross) {
    test('with causality, no bit of earlier outputs depends on later tokens', async () => {
      const engine = await engineOf(row.place);
      const outputs = (x: Float32Array): Promise<HostData> =>
        run(
          () => {
            const input = constant(x, [B, T, D]);
            return data.layer.module.forward(input, input, input, { ...data.layer.options(), causal: true });
          },
          { engine },
        ).then((y) => y.data());
      const before = row.mask === 'prefix' ? PROMPT : 2; // the prefix mask lets its prefix see all of itself
      const changed = data.x.map((value, i) => (Math.floor(i / D) % T < before ? value : value + 0.5));
      const [y, z] = [await outputs(data.x), await outputs(changed)];
      for (let b = 0; b < B; b++) {
        const [start, end] = [b * T * D, (b * T + before) * D];
        expect(z.slice(start, end)).toEqual(y.slice(start, end));
      }
      expect(z).not.toEqual(y);
    });
  }
});
