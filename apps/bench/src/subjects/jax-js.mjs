/**
 * The training step in jax-js, its wasm backend, one jit. Each array is used up by what it is passed to; `.ref` keeps it.
 * It runs on one thread in Node, which has no global `Worker`.
 */
import { inputs, WORKLOAD } from '../workload.mjs';

const { B, T, D, H, F, layers, classes, epsilon, learningRate, beta1, beta2, adamEpsilon } = WORKLOAD;
const Dh = D / H;

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

/** @param {string} entry path of its main module @returns {Promise<import('../subject').Subject>} */
export async function create(entry) {
  patchHost();
  /** @type {any} */
  const jax = await import(entry);
  const { numpy: np, nn, jit, valueAndGrad, tree, init, defaultDevice, blockUntilReady } = jax;
  await init('wasm');
  defaultDevice('wasm');

  let seed = 1;
  const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5;
  const linearParameters = (/** @type {number} */ rows, /** @type {number} */ columns) => ({
    w: np
      .array(Float32Array.from({ length: rows * columns }, () => (2 * random()) / Math.sqrt(rows)))
      .reshape([rows, columns]),
    b: np.zeros([columns]),
  });
  const normParameters = () => ({ gain: np.ones([D]), bias: np.zeros([D]) });
  let weights = {
    layers: Array.from({ length: layers }, () => ({
      norm1: normParameters(),
      q: linearParameters(D, D),
      k: linearParameters(D, D),
      v: linearParameters(D, D),
      o: linearParameters(D, D),
      norm2: normParameters(),
      inner: linearParameters(D, F),
      outer: linearParameters(F, D),
    })),
    norm: normParameters(),
    head: linearParameters(D, classes),
  };
  let m = tree.map((/** @type {any} */ w) => np.zeros(w.shape), weights);
  let v = tree.map((/** @type {any} */ w) => np.zeros(w.shape), weights);

  const norm = (/** @type {any} */ x, /** @type {any} */ p) =>
    nn.standardize(x, -1, { epsilon }).mul(p.gain).add(p.bias);
  const linear = (/** @type {any} */ x, /** @type {any} */ p) => np.matmul(x, p.w).add(p.b);
  const attention = (/** @type {any} */ x, /** @type {any} */ p) => {
    const split = (/** @type {any} */ projected) => projected.reshape([B, T, H, Dh]);
    const heads = nn.dotProductAttention(split(linear(x.ref, p.q)), split(linear(x.ref, p.k)), split(linear(x, p.v)));
    return linear(heads.reshape([B, T, D]), p.o);
  };
  const lossOf = (/** @type {any} */ p, /** @type {any} */ x, /** @type {any} */ labels) => {
    for (const layer of p.layers) {
      x = x.ref.add(attention(norm(x, layer.norm1), layer));
      x = x.ref.add(linear(nn.gelu(linear(norm(x, layer.norm2), layer.inner), { approximate: false }), layer.outer));
    }
    const logits = linear(norm(x, p.norm).mean(1), p.head); // (B, classes)
    return np.sum(nn.logSoftmax(logits).mul(nn.oneHot(labels, classes))).mul(-1 / B);
  };
  /** @type {(...arrays: any[]) => any[]} */
  const step = jit(
    (
      /** @type {any} */ p,
      /** @type {any} */ m0,
      /** @type {any} */ v0,
      /** @type {any} */ c1,
      /** @type {any} */ c2,
      /** @type {any} */ x,
      /** @type {any} */ labels,
    ) => {
      const [loss, g] = valueAndGrad(lossOf)(tree.ref(p), x, labels);
      const m1 = tree.map(
        (/** @type {any} */ a, /** @type {any} */ b) => a.mul(beta1).add(b.mul(1 - beta1)),
        m0,
        tree.ref(g),
      );
      const v1 = tree.map(
        (/** @type {any} */ a, /** @type {any} */ b) => a.mul(beta2).add(b.ref.mul(b).mul(1 - beta2)),
        v0,
        g,
      );
      const update = (/** @type {any} */ w, /** @type {any} */ a, /** @type {any} */ b) =>
        w.sub(
          a
            .div(c1.ref)
            .mul(learningRate)
            .div(np.sqrt(b.div(c2.ref)).add(adamEpsilon)),
        );
      const next = tree.map(update, p, tree.ref(m1), tree.ref(v1));
      c1.dispose();
      c2.dispose();
      return [loss, next, m1, v1];
    },
  );

  const batch = inputs();
  const x = np.array(batch.x).reshape([B, T, D]);
  const labels = np.array(batch.labels, { dtype: np.int32 });
  let count = 0;
  /** One step, and its loss on the host, as ours is measured. */
  const train = async () => {
    count++;
    const corrections = [beta1, beta2].map((beta) => np.array(1 - beta ** count));
    let loss;
    [loss, weights, m, v] = step(weights, m, v, ...corrections, x.ref, labels.ref);
    await blockUntilReady(weights);
    return (await loss.data())[0];
  };
  const first = await train();
  for (let i = 0; i < 4; i++) await train();
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (let i = 0; i < 2; i++) await train();

  return {
    facts: { 'first loss': first },
    async round() {
      const cpu = process.cpuUsage();
      const started = performance.now();
      await train();
      const ms = performance.now() - started;
      const { user, system } = process.cpuUsage(cpu);
      return { 'step ms': [ms], 'step cpu': [(user + system) / 1000] };
    },
  };
}
