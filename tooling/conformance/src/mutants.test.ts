import { createWasmBackend } from '@qkv/backend-wasm';
import { type Backend, createReferenceBackend, Engine, internals, KERNELS, type Memory, type Operand, type Step } from '@qkv/tensor';
import { beforeAll, describe, expect, test } from 'vitest';

import { COMPOSITE_CASES } from './cases/composites';
import { compositeFaults, gaps, kernelFaults } from './suite';

/** One mistake of a backend that is good otherwise. */
interface Mutation {
  /** Whether it is in a step. */
  readonly hits: (step: Step) => boolean;
  /** Prepares another step instead, or throws. */
  readonly rewrite?: (step: Step) => Step;
  /** Changes the numbers that the step wrote. */
  readonly spoil?: (value: number) => number;
  /** Which share of the cases that it touches find it: less than all where numbers go on to where nobody can see it. */
  readonly share?: number;
}

const kernel = (name: string) => (step: Step): boolean => step.kernel === name;
const tooLarge = (value: number): number => value * (1 + 1e-4);
const missing = (step: Step): never => {
  throw new Error(`the mutant has no kernel ${step.kernel}`);
};

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'matmul, 1e-4 too large': { hits: kernel('matmul'), spoil: tooLarge },
  'reduce, 1e-4 too large': {
    hits: kernel('reduce'),
    spoil: tooLarge,
    share: 0.7, // sums of small second derivatives
  },
  'softmax, 1e-4 too large': { hits: kernel('softmax'), spoil: tooLarge },
  'layerNormBackward, 1e-4 too large': { hits: kernel('layerNormBackward'), spoil: tooLarge },
  'adamW, 1e-4 too large': { hits: kernel('adamW'), spoil: tooLarge },
  'argMax, one too far': { hits: kernel('argMax'), spoil: (value) => value + 1 },
  'random, the lowest bit': { hits: kernel('random'), spoil: (value) => value ^ 1 },
  'copy, without the sign of zero': {
    hits: kernel('copy'),
    spoil: (value) => (value === 0 ? 0 : value),
    share: 0.15, // copied, then computed with, as the states of recurrent layers are
  },
  'attention, without its mask': {
    hits: ({ kernel: name, attributes }) => name === 'attention' && attributes.mask === true,
    rewrite: (step) => ({ ...step, inputs: step.inputs.toSpliced(3, 1), attributes: { ...step.attributes, mask: false } }),
  },
  'attention, not causal': {
    hits: ({ kernel: name, attributes }) => name === 'attention' && attributes.causal === true,
    rewrite: (step) => ({ ...step, attributes: { ...step.attributes, causal: false } }),
  },
  'no scatterAdd': { hits: kernel('scatterAdd'), rewrite: missing },
  'no dropout, though it says so': { hits: kernel('dropout'), rewrite: missing },
};

/** The backend with the mistake; `touched` says whether it has shown since it was last reset. */
function mutate(backend: Backend, { hits, rewrite = (step) => step, spoil }: Mutation): { engine: Engine; touched: boolean } {
  const change = async ({ slot, byteOffset, shape, strides, dtype }: Operand, memory: Memory): Promise<void> => {
    const elements = shape.reduce((extent, size, d) => extent + (size - 1) * strides[d], 1);
    const [bytes] = await backend.read([{ handle: memory[slot], byteOffset, bytes: 4 * elements }]);
    const values = dtype === 'float32' ? new Float32Array(bytes.buffer) : new Int32Array(bytes.buffer);
    const spoilt = values.map((value) => spoil!(value));
    if (values.every((value, i) => Object.is(value, spoilt[i]))) return;
    mutant.touched = true;
    backend.write(memory[slot], byteOffset, new Uint8Array(spoilt.buffer));
  };
  const wrong: Backend = {
    name: backend.name,
    numerics: backend.numerics,
    lost: backend.lost,
    capabilities: backend.capabilities,
    allocate: (bytes) => backend.allocate(bytes),
    free: (handle) => backend.free(handle),
    write: (handle, byteOffset, bytes) => backend.write(handle, byteOffset, bytes),
    prepare: (plan) => {
      const hit = plan.steps.some(hits);
      mutant.touched ||= hit && spoil === undefined;
      return backend.prepare(hit ? { ...plan, steps: plan.steps.map((step) => (hits(step) ? rewrite(step) : step)) } : plan);
    },
    run: async (prepared, memory, from = 0, to = prepared.plan.steps.length) => {
      for (let i = from; i < to; i++) {
        await backend.run(prepared, memory, i, i + 1);
        const step = prepared.plan.steps[i];
        if (spoil !== undefined && hits(step)) for (const output of step.outputs) await change(output, memory);
      }
    },
    profile: (prepared, memory) => backend.profile(prepared, memory),
    read: (regions) => backend.read(regions),
    close: () => backend.close(),
  };
  const mutant = { engine: new Engine(wrong), touched: false };
  return mutant;
}

describe('the conformance cases find mutants, and nothing else', () => {
  let truth: Engine;
  const mutants: Record<string, ReturnType<typeof mutate>> = {};
  /** For each mutant the cases that failed, and those in which its mistake changed anything. */
  const failed: Record<string, string[]> = {};
  const touched: Record<string, string[]> = {};

  beforeAll(async () => {
    truth = new Engine(createReferenceBackend({ precision: 'float64' }));
    for (const [name, mutation] of Object.entries({ none: { hits: () => false }, ...MUTATIONS })) {
      mutants[name] = mutate(await createWasmBackend(), mutation);
      [failed[name], touched[name]] = [[], []];
    }
    const engines = Object.fromEntries(Object.entries(mutants).map(([name, { engine }]) => [name, engine]));
    const account = async (title: string, faults: () => Promise<string[]>): Promise<void> => {
      for (const mutant of Object.values(mutants)) mutant.touched = false;
      const found = await faults();
      for (const [name, mutant] of Object.entries(mutants)) {
        if (mutant.touched) touched[name].push(title);
        if (found.some((fault) => fault.includes(` (${name}): `))) failed[name].push(title);
      }
    };
    for (const name of KERNELS) await account(name, () => kernelFaults(name, truth, engines, 1));
    for (const name of COMPOSITE_CASES) await account(name, () => compositeFaults(name, truth, engines, 16));
  }, 300_000);

  test('the good backend passes', () => expect(failed.none).toEqual([]));

  test.each(Object.entries(MUTATIONS))('%s', (name, { share = 1 }) => {
    expect(failed[name]).toContain(name.split(/[ ,]+/).find((word) => [...KERNELS, ...COMPOSITE_CASES].includes(word)));
    expect(touched[name]).toEqual(expect.arrayContaining(failed[name]));
    expect(failed[name].length, `of ${touched[name].join()}: ${failed[name].join()}`).toBeGreaterThanOrEqual(share * touched[name].length);
  });
});

test('what has no case, and what did not run, is a gap', () => {
  const all = new Set<string>([...KERNELS, ...COMPOSITE_CASES]);
  const supported = new Set(COMPOSITE_CASES);
  expect(gaps({ kernels: all, supported })).toEqual([]);
  const without = (name: string): Set<string> => new Set([...all].filter((other) => other !== name));
  expect(gaps({ kernels: without('iota'), supported })).toEqual(['kernel iota did not run']);
  expect(gaps({ kernels: without('silu'), supported })).toEqual(['composite silu did not run']);
  const known = internals.operationNames('composite').filter((name) => !name.startsWith('test.'));
  expect(gaps({ kernels: all, supported }, [...known, 'rotary'])).toEqual(['composite rotary has no case']);
  expect(gaps({ kernels: all, supported }, known.filter((name) => name !== 'silu'))).toEqual(['there is no composite silu']);
});
