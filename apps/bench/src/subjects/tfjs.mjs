/** TensorFlow.js with its WebAssembly backend: one thread in Node. Kernels run at once; results are given back by hand. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { subjectOf, timed } from '../jobs.mjs';
import { ATTENTION, ATTENTION_SIZES, chosen, ELEMENTWISE, filled, FORWARD, GEMM, modelOf } from '../workload.mjs';
import { createClassifier, gelu, layerNorm } from './tfjs-model.mjs';

/** @param {import('../subject').Settings} settings @returns {Promise<import('../subject').Subject>} */
export async function create({ home, work, model, items }) {
  const { resolve } = createRequire(String(home));
  const load = async (/** @type {string} */ name) =>
    /** @type {any} */ (await import(pathToFileURL(resolve(name)).href));
  const tf = (await load('@tensorflow/tfjs')).default;
  const backend = (await load('@tensorflow/tfjs-backend-wasm')).default;
  backend.setWasmPaths(`${join(dirname(resolve('@tensorflow/tfjs-backend-wasm')), '/')}`);
  if (!(await tf.setBackend('wasm'))) throw new Error('tfjs could not start its wasm backend');
  await tf.ready();
  const facts = { about: `@tensorflow/tfjs ${tf.version.tfjs}, backend ${tf.getBackend()}` };

  const random = (/** @type {number[]} */ shape, seed = 1) =>
    tf.tensor(
      filled(
        shape.reduce((n, size) => n * size, 1),
        seed,
      ),
      shape,
    );
  const job = (/** @type {() => unknown} */ compute, calls = 1) => ({
    calls,
    run() {
      for (let i = 0; i < calls; i++) tf.tidy(() => void compute());
    },
  });

  if (work === 'gemm') {
    return subjectOf(
      chosen(GEMM, items),
      ({ M, N, K, layout, calls }) => {
        const [first, second] = [layout[0] === 'T', layout[1] === 'T'];
        const [a, b] = [random(first ? [K, M] : [M, K]), random(second ? [N, K] : [K, N], 2)];
        return job(() => tf.matMul(a, b, first, second), calls);
      },
      facts,
    );
  }
  if (work === 'elementwise') {
    return subjectOf(
      chosen(ELEMENTWISE, items),
      ({ op, shape }) => {
        const [x, y, gain, bias] = [random(shape), random(shape, 2), random([shape[1]], 3), random([shape[1]], 4)];
        const operations = {
          add: () => tf.add(x, y),
          gelu: () => gelu(tf, x),
          softmax: () => tf.softmax(x),
          'layer norm': () => layerNorm(tf, x, gain, bias, 1e-5),
        };
        return job(operations[op]);
      },
      facts,
    );
  }
  if (work === 'attention') {
    const { B, H, Dh } = ATTENTION_SIZES;
    return subjectOf(
      chosen(ATTENTION, items),
      ({ T, backward, calls }) => {
        const [q, k, v, cotangent] = [1, 2, 3, 4].map((seed) => random([B, H, T, Dh], seed));
        const attend = (/** @type {any} */ a, /** @type {any} */ b, /** @type {any} */ c) =>
          tf.matMul(tf.softmax(tf.mul(tf.matMul(a, b, false, true), 1 / Math.sqrt(Dh))), c);
        const gradients = tf.grads(attend);
        return job(() => (backward ? gradients([q, k, v], cotangent) : attend(q, k, v)), calls);
      },
      facts,
    );
  }
  if (work === 'forward') {
    return subjectOf(
      FORWARD,
      ({ B, calls }) => {
        const { forward, x } = createClassifier(tf, modelOf('step', B));
        return job(() => forward(x).dataSync(), calls);
      },
      facts,
    );
  }
  const { train, parameters } = createClassifier(tf, modelOf(model));
  const first = train(); // the first round, which is thrown away, is the second step
  return {
    facts: { ...facts, 'first loss': first, parameters },
    async round() {
      const { ms, cpu } = await timed(train);
      return { 'step ms': [ms], 'step cpu': [cpu] };
    },
  };
}
