import { createReferenceBackend, Engine } from '@qkv/tensor';
import { beforeAll, describe, expect, test } from 'vitest';

import { BACKENDS, createThreadedBackend } from './backends';
import { type Observed, observedEngine } from './observe';
import { checkGraph, type Variants } from './random-graphs';

/** Graphs for each numerics of wasm, 10,000 together, a fifth of them with threads too; the browser takes fewer. */
const GRAPHS = 'document' in globalThis ? 1_000 : 5_000;
const CHUNK = 250;

describe.each(BACKENDS.filter(([name]) => ['wasm', 'wasm, nofma'].includes(name)))(
  'random graphs on %s',
  (name, createBackend) => {
    let truth: Engine;
    let variants: Variants;
    let all: Variants;

    beforeAll(async () => {
      truth = new Engine(createReferenceBackend({ precision: 'float64' }), {
        plan: { fuse: false, reuse: false, inPlace: false },
      });
      const backend = await createBackend();
      const observed: Observed = { kernels: new Set(), supported: new Set() };
      const poison = true;
      variants = {
        'all passes': observedEngine(backend, observed, { plan: { poison } }),
        'without fusion': observedEngine(backend, observed, { plan: { poison, fuse: false } }),
        'without reuse': observedEngine(backend, observed, { plan: { poison, reuse: false } }),
        'not in place': observedEngine(backend, observed, { plan: { poison, inPlace: false } }),
      };
      all = { ...variants, 'as users run it': observedEngine(backend, observed) };
      if (name === 'wasm') all = { ...all, 'on threads': observedEngine(await createThreadedBackend(), observed) };
    });

    test.each(Array.from({ length: GRAPHS / CHUNK }, (_, i) => i * CHUNK))(
      'seeds from %i',
      async (start) => {
        for (let seed = start; seed < start + CHUNK; seed++) {
          const wrong = await checkGraph(seed, truth, seed % 5 === 0 ? all : variants);
          expect(wrong, wrong ?? '').toBe(null);
        }
      },
      120_000,
    );
  },
);
