import { inputs, randomNumbers } from '../workload.mjs';

/**
 * The encoder of the workload in jax-js: its forward pass, and a step of training that gives the loss. Each array is used up
 * by what it is passed to; `.ref` keeps it.
 */
export function createClassifier(/** @type {any} */ jax, /** @type {import('../workload.mjs').Model} */ model) {
  const { numpy: np, nn, jit, valueAndGrad, tree, blockUntilReady } = jax;
  const { B, T, D, H, F, layers, classes, patch, epsilon, learningRate, beta1, beta2, adamEpsilon } = model;
  const Dh = D / H;
  const random = randomNumbers();
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
    ...(patch > 0
      ? {
          patches: linearParameters(patch, D),
          token: np.array(Float32Array.from({ length: D }, () => 0.04 * random())).reshape([1, 1, D]),
          positions: np.array(Float32Array.from({ length: T * D }, () => 0.04 * random())).reshape([1, T, D]),
        }
      : {}),
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
  const logitsOf = (/** @type {any} */ p, /** @type {any} */ input) => {
    let x = input;
    if (patch > 0) {
      const token = np.broadcastTo(p.token, [B, 1, D]);
      x = np.concatenate([token, linear(input, p.patches)], 1).add(p.positions); // (B, T, D)
    }
    for (const layer of p.layers) {
      x = x.ref.add(attention(norm(x, layer.norm1), layer));
      x = x.ref.add(linear(nn.gelu(linear(norm(x, layer.norm2), layer.inner), { approximate: false }), layer.outer));
    }
    const y = norm(x, p.norm); // (B, T, D)
    return linear(patch > 0 ? y.slice([], 0) : y.mean(1), p.head); // (B, classes)
  };
  const lossOf = (/** @type {any} */ p, /** @type {any} */ x, /** @type {any} */ labels) => {
    const logits = logitsOf(p, x);
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

  const batch = inputs(model);
  const x = np.array(batch.x).reshape(batch.shape);
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
  const logits = jit((/** @type {any} */ p, /** @type {any} */ input) => logitsOf(p, input));
  const forward = async () => await logits(tree.ref(weights), x.ref).data();
  const parameters = tree
    .leaves(weights)
    .reduce((/** @type {number} */ sum, /** @type {any} */ leaf) => sum + leaf.size, 0);
  return { train, forward, parameters };
}
