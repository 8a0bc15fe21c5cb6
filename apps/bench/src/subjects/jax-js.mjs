/** jax-js, its wasm backend, everything in a jit. It runs on one thread in Node, which has no global `Worker`. */
import { pathToFileURL } from 'node:url';

import { subjectOf, timed } from '../jobs.mjs';
import { ATTENTION, ATTENTION_SIZES, chosen, ELEMENTWISE, filled, FORWARD, GEMM, modelOf } from '../workload.mjs';
import { createClassifier } from './jax-js-model.mjs';

/** Node 20 lacks two things that it takes for granted: a navigator, and (where `einsum` is traced) the helpers of iterators. */
function patchHost() {
  if (!('navigator' in globalThis)) {
    Object.defineProperty(globalThis, 'navigator', { value: { userAgent: 'node', hardwareConcurrency: 1 } });
  }
  const prototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
  prototype.map ??= function* map(/** @type {(value: unknown) => unknown} */ f) {
    for (const value of this) yield f(value);
  };
  prototype.filter ??= function* filter(/** @type {(value: unknown) => boolean} */ keep) {
    for (const value of this) if (keep(value)) yield value;
  };
}

/** @param {import('../subject').Settings} settings @returns {Promise<import('../subject').Subject>} */
export async function create({ home, work, model, items, version }) {
  patchHost();
  /** @type {any} */
  const jax = await import(new URL('node_modules/@jax-js/jax/dist/index.js', pathToFileURL(String(home))).href);
  const { numpy: np, nn, jit, grad, init, defaultDevice, blockUntilReady } = jax;
  await init('wasm');
  defaultDevice('wasm');
  const facts = { about: `@jax-js/jax ${version}, device wasm` };

  const random = (/** @type {number[]} */ shape, seed = 1) =>
    np
      .array(
        filled(
          shape.reduce((n, size) => n * size, 1),
          seed,
        ),
      )
      .reshape(shape);
  /** Arguments stay; results are waited for, and given back. */
  const job = (/** @type {(...arrays: any[]) => any} */ compute, /** @type {any[]} */ args, calls = 1) => {
    const call = jit(compute);
    return {
      calls,
      async run() {
        for (let i = 0; i < calls; i++) {
          const result = call(...args.map((array) => array.ref));
          await blockUntilReady(result);
          for (const array of Array.isArray(result) ? result : [result]) array.dispose();
        }
      },
    };
  };

  if (work === 'gemm') {
    return subjectOf(
      chosen(GEMM, items),
      ({ M, N, K, layout, calls }) => {
        const [first, second] = [layout[0] === 'T', layout[1] === 'T'];
        const [a, b] = [random(first ? [K, M] : [M, K]), random(second ? [N, K] : [K, N], 2)];
        const read = (/** @type {any} */ x, /** @type {boolean} */ turned) => (turned ? x.transpose() : x);
        return job((x, y) => np.matmul(read(x, first), read(y, second)), [a, b], calls);
      },
      facts,
    );
  }
  if (work === 'elementwise') {
    return subjectOf(
      chosen(ELEMENTWISE, items),
      ({ op, shape }) => {
        const [x, y, gain, bias] = [random(shape), random(shape, 2), random([shape[1]], 3), random([shape[1]], 4)];
        if (op === 'add') return job((a, b) => a.add(b), [x, y]);
        if (op === 'gelu') return job((a) => nn.gelu(a, { approximate: false }), [x]);
        if (op === 'softmax') return job((a) => nn.softmax(a, -1), [x]);
        return job((a, g, b) => nn.standardize(a, -1, { epsilon: 1e-5 }).mul(g).add(b), [x, gain, bias]);
      },
      facts,
    );
  }
  if (work === 'attention') {
    const { B, H, Dh } = ATTENTION_SIZES;
    return subjectOf(
      chosen(ATTENTION, items),
      ({ T, backward, calls }) => {
        const [q, k, v, cotangent] = [1, 2, 3, 4].map((seed) => random([B, T, H, Dh], seed));
        if (!backward) return job((a, b, c) => nn.dotProductAttention(a, b, c), [q, k, v], calls);
        const loss = (/** @type {any} */ a, /** @type {any} */ b, /** @type {any} */ c, /** @type {any} */ g) =>
          np.sum(nn.dotProductAttention(a, b, c).mul(g));
        return job(grad(loss, { argnums: [0, 1, 2] }), [q, k, v, cotangent], calls);
      },
      facts,
    );
  }
  if (work === 'forward') {
    return subjectOf(
      FORWARD,
      ({ B, calls }) => {
        const { forward } = createClassifier(jax, modelOf('step', B));
        return {
          calls,
          async run() {
            for (let i = 0; i < calls; i++) await forward();
          },
        };
      },
      facts,
    );
  }
  const { train, parameters } = createClassifier(jax, modelOf(model));
  const first = await train();
  for (let i = 0; i < (model === 'vit' ? 1 : 3); i++) await train();
  await new Promise((resolve) => setTimeout(resolve, 300));
  return {
    facts: { ...facts, 'first loss': first, parameters },
    async round() {
      const { ms, cpu } = await timed(train);
      return { 'step ms': [ms], 'step cpu': [cpu] };
    },
  };
}
